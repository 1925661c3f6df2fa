using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Client.Balancing;
using MiniGrpc.Conformance.Wire.Engine;

namespace MiniGrpc.Conformance.Wire.Balancing;

/// <summary>No timer goes on when nobody needs to be woken by it.</summary>
public sealed class LeftoverTimersTests : IAsyncDisposable
{
    private readonly Backends _backends = new(2);
    private readonly TimerCensus _time = new();

    public ValueTask DisposeAsync() => _backends.DisposeAsync();

    [Fact]
    public async Task When_an_address_has_answered_none_is_there_for_the_next_one()
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = Channel();
        Task<int> call = Backends.AskAsync(channel);
        await _backends.Resolver.FindAsync(_backends.Addresses);
        Assert.Equal(0, await call);
        Assert.Equal(1, _time.MadeBy<PickFirst>());
        Assert.Equal(0, _time.LeftBy<PickFirst>());
    }

    [Fact]
    public async Task When_the_channel_is_closed_none_is_there_for_the_next_address()
    {
        await using SilentServers silent = new(_backends, 0);
        MiniChannel channel = Channel();
        channel.Core.RequestConnection();
        await _backends.Resolver.FindAsync(_backends.Addresses);
        await silent.ConnectionAsync(0);
        await Settling.OfAsync(channel);
        Assert.Equal(1, _time.LeftBy<PickFirst>());
        await CloseAsync(channel);
        Assert.Equal(0, _time.LeftBy<PickFirst>());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task None_is_there_for_the_next_attempt_at_an_address_that_is_gone(bool closed)
    {
        MiniChannel channel = Channel();
        await _backends.FindUselessAsync(channel, StatusCode.Unavailable, "no server listens there", _backends.Addresses[0]);
        await _time.IsArmedAsync();
        Assert.Equal(1, _time.LeftBy<Subchannel>());
        if (!closed)
        {
            await _backends.Resolver.FindAsync();
            await Settling.OfAsync(channel);
            await Settling.OfAsync(channel);
            Assert.Equal(0, _time.LeftBy<Subchannel>());
        }

        await CloseAsync(channel);
        Assert.Equal(0, _time.LeftBy<Subchannel>());
    }

    [Fact]
    public async Task When_the_channel_is_closed_none_is_there_for_another_policy()
    {
        var policy = new UsersPolicy { ThrowsIn = "update" };
        MiniChannel channel = policy.Channel(_backends, _time);
        await _backends.FindUselessAsync(channel, StatusCode.Internal, "no idea", _backends.Addresses[0]);
        Assert.Equal(1, _time.LeftBy<GuardedBalancer>());
        await CloseAsync(channel);
        Assert.Equal(0, _time.LeftBy<GuardedBalancer>());
    }

    private static async Task CloseAsync(MiniChannel channel)
    {
        await RawPeer.Within(channel.DisposeAsync().AsTask(), "the channel to close");
        await Settling.OfAsync(channel); // subchannels are shut down after that
    }

    private MiniChannel Channel() => _backends.Channel(configure: options => options.TimeProvider = _time);
}
