using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Conformance.Wire.Engine.Client;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Conformance.Wire.Balancing;

/// <summary>The policy pick_first when all addresses have failed: each is tried again after its own wait, and after each round they are looked up.</summary>
public sealed class PickFirstRounds : IAsyncDisposable
{
    private static readonly TimeSpan s_longestFirstWait = TimeSpan.FromSeconds(1.3);
    private readonly Backends _backends = new(3);
    private readonly BackoffClock _time = new();

    public ValueTask DisposeAsync() => _backends.DisposeAsync();

    [Fact]
    public async Task The_addresses_are_looked_up_again_after_each_round_of_failures()
    {
        await using MiniChannel channel = Channel();
        await _backends.FindUselessAsync(channel, StatusCode.Unavailable, "no server listens there", _backends.Addresses);
        for (int round = 1; round <= 3; round++)
        {
            for (int i = 0; i < 3; i++)
            {
                await _time.IsArmedAsync();
            }

            await Settling.OfAsync(channel);
            Assert.Equal(round, _backends.Resolver.Refreshes);
            Assert.Equal(ConnectivityState.TransientFailure, channel.State);
            await Backends.FailAsync(channel, StatusCode.Unavailable, "no server listens there");
            _time.Advance(TimeSpan.FromSeconds(1.3 * Math.Pow(1.6, round - 1)));
        }
    }

    /// <summary>While the others were tried it was not its turn.</summary>
    [Fact]
    public async Task One_whose_wait_is_over_when_the_last_has_failed_is_tried_at_once()
    {
        await using SilentServers silent = new(_backends, 1);
        await using MiniChannel channel = Channel();
        Task<int> call = Backends.AskAsync(channel, new CallOptions().WithWaitForReady());
        await _backends.Resolver.FindAsync(_backends.Addresses[..2]);
        await _time.IsArmedAsync();
        ITransport second = await silent.ConnectionAsync(0);
        await _backends.StartAsync(0);
        await Settling.OfAsync(channel);
        _time.Advance(s_longestFirstWait);
        await Settling.OfAsync(channel);
        Assert.False(call.IsCompleted);
        second.Abort();
        Assert.Equal(0, await call);
    }

    /// <summary>A round counts as many failures as there are addresses; when others come, the next one begins.</summary>
    [Fact]
    public async Task Other_addresses_begin_another_round()
    {
        await using MiniChannel channel = Channel();
        await _backends.FindUselessAsync(channel, StatusCode.Unavailable, "no server listens there", _backends.Addresses[..2]);
        await AssertRefreshedAsync(1, failures: 2);
        await using SilentServers second = new(_backends, 1);
        _time.Advance(s_longestFirstWait);
        await second.ConnectionAsync(0);
        await AssertRefreshedAsync(1, failures: 1); // one of two
        await using SilentServers first = new(_backends, 0);
        await _backends.Resolver.FindAsync(_backends.Addresses[0], _backends.Addresses[2]);
        await AssertRefreshedAsync(2, failures: 1); // all have failed
        _time.Advance(s_longestFirstWait);
        await AssertRefreshedAsync(2, failures: 1); // one of two

        async Task AssertRefreshedAsync(int times, int failures)
        {
            for (int i = 0; i < failures; i++)
            {
                await _time.IsArmedAsync();
            }

            await Settling.OfAsync(channel);
            Assert.Equal(times, _backends.Resolver.Refreshes);
        }
    }

    private MiniChannel Channel() => _backends.Channel(configure: options => options.TimeProvider = _time);
}
