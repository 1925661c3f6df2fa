using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using MiniGrpc.Client;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Client.Resolving;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Conformance.Wire.Engine.Client;
using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Http2.Frames;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Conformance.Wire.Balancing;

/// <summary>The policy round_robin: calls go to all that are connected, in turn.</summary>
public sealed class RoundRobinTests : IAsyncDisposable
{
    private readonly Backends _backends = new(3);
    private readonly BackoffClock _time = new();

    public ValueTask DisposeAsync() => _backends.DisposeAsync();

    [Fact]
    public async Task Calls_go_to_all_in_turn()
    {
        await _backends.StartAsync(0, 1, 2);
        await using MiniChannel channel = await ConnectAsync(3);
        int[] answers = await Backends.AskAsync(channel, 9);
        for (int i = 0; i < 9; i++)
        {
            Assert.Equal((answers[0] + i) % 3, answers[i]);
        }
    }

    /// <summary>Many clients that start together don't all begin with the same server.</summary>
    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 2)]
    [InlineData(2, 0)]
    public async Task Chance_says_which_is_the_first(int chance, int expected)
    {
        await _backends.StartAsync(0, 1, 2);
        await using MiniChannel channel = await ConnectAsync(3, options => options.Random = new Chance(chance));
        Assert.Equal(expected, await Backends.AskAsync(channel));
    }

    [Fact]
    public async Task One_that_fails_harms_no_call_and_is_taken_again_when_it_answers()
    {
        await _backends.StartAsync(0, 1, 2);
        await using MiniChannel channel = await ConnectAsync(3);
        await _backends.StopAsync(1);
        await _time.IsArmedAsync();
        Assert.Equal([0, 2], (await Backends.AskAsync(channel, 4)).Distinct().Order());
        await _backends.StartAsync(1);
        _time.Advance(TimeSpan.FromSeconds(1.3));
        await Settling.ConnectedAsync(channel, 3);
        await Settling.OfAsync(channel);
        Assert.Equal(3, (await Backends.AskAsync(channel, 3)).Distinct().Count());
    }

    [Fact]
    public async Task When_all_have_failed_calls_fail()
    {
        await using MiniChannel channel = Channel();
        await _backends.FindUselessAsync(channel, StatusCode.Unavailable, "no server listens there", _backends.Addresses);
        await Settling.OfAsync(channel);
        Assert.Equal(ConnectivityState.TransientFailure, channel.State);
        Assert.NotEqual(0, _backends.Resolver.Refreshes);
        for (int i = 0; i < 3; i++)
        {
            await _time.IsArmedAsync();
        }

        await _backends.StartAsync(2);
        _time.Advance(TimeSpan.FromSeconds(1.3));
        await RawPeer.Within(channel.ConnectAsync(TestContext.Current.CancellationToken), "the channel to connect");
        Assert.Equal(2, await Backends.AskAsync(channel));
    }

    [Fact]
    public async Task Addresses_come_and_go()
    {
        await _backends.StartAsync(0, 1, 2);
        await using MiniChannel channel = await ConnectAsync(3);
        await _backends.Resolver.FindAsync(_backends.Addresses[1]);
        await Eventually.IsTrueAsync(() => channel.Core.Connections.Count == 1, "the others to be left");
        Assert.Equal((int[])[1, 1, 1], await Backends.AskAsync(channel, 3));
        await _backends.Resolver.FindAsync();
        await RawPeer.Within(channel.WaitForStateChangedAsync(ConnectivityState.Ready, TestContext.Current.CancellationToken), "the channel to fail");
        await Backends.FailAsync(channel, StatusCode.Unavailable, "no addresses");
    }

    [Fact]
    public async Task An_address_that_is_there_twice_has_one_connection()
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = Channel();
        Task<int> call = Backends.AskAsync(channel);
        await _backends.Resolver.FindAsync(_backends.Addresses[0], _backends.Addresses[0]);
        Assert.Equal(0, await call);
        for (int i = 0; i < 3; i++)
        {
            await Settling.OfAsync(channel);
        }

        Assert.Single(channel.Core.Connections);
    }

    [Fact]
    public async Task A_look_up_that_fails_takes_nothing_away_and_tells_why_there_is_nothing()
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = Channel();
        Task failed = Backends.FailAsync(channel, StatusCode.Unavailable, "nobody knows");
        await _backends.Resolver.FindAsync(ResolverResult.ForFailure(new Status(StatusCode.Unavailable, "nobody knows")));
        await failed;
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        Assert.Equal(0, await Backends.AskAsync(channel, new CallOptions().WithWaitForReady()));
        await _backends.Resolver.FindAsync(ResolverResult.ForFailure(new Status(StatusCode.Unavailable, "nobody knows")));
        await Settling.OfAsync(channel);
        Assert.Equal(0, await Backends.AskAsync(channel));
    }

    [Fact]
    public async Task An_address_that_stays_keeps_its_connection()
    {
        await _backends.StartAsync(0, 1);
        await using MiniChannel channel = await ConnectAsync(1);
        Http2Connection kept = channel.Core.Connections.Single();
        await _backends.Resolver.FindAsync(_backends.Addresses[..2]);
        await Settling.ConnectedAsync(channel, 2);
        await Settling.OfAsync(channel);
        Assert.Contains(kept, channel.Core.Connections);
    }

    [Fact]
    public async Task A_lost_connection_has_the_addresses_looked_up_and_is_made_again()
    {
        await _backends.StartAsync(0, 1);
        await using MiniChannel channel = await ConnectAsync(2);
        await Backends.AskAsync(channel, 2);
        Assert.Equal(0, _backends.Resolver.Refreshes);
        await _backends.StopAsync(0);
        await Eventually.IsTrueAsync(() => _backends.Resolver.Refreshes > 0, "the addresses to be looked up");
        Assert.Equal((int[])[1, 1], await Backends.AskAsync(channel, 2));
    }

    /// <summary>A call for which the server whose turn it is has no free stream goes to the next one that has.</summary>
    [Fact]
    public async Task A_call_goes_on_to_the_next_server_that_has_a_free_stream()
    {
        var release = new TaskCompletionSource<byte[]>(TaskCreationOptions.RunContinuationsAsynchronously);
        foreach (TestService service in _backends.Services)
        {
            service.Unary = (_, _) => release.Task;
        }

        await _backends.StartAsync(0, 1, 2);
        await using MiniChannel channel = await ConnectAsync(3);
        const int Streams = 1000; // as many as a server lets a client have
        Task<int>[] calls = [.. Enumerable.Range(0, 3 * Streams).Select(_ => Backends.AskAsync(channel))];
        foreach (TestService service in _backends.Services)
        {
            await service.UntilCalledAsync(Streams);
        }

        Task<int> waiting = Backends.AskAsync(channel);
        await Eventually.CallsWaitAsync(channel, 1);
        release.SetResult([5]);
        Assert.All(await Task.WhenAll(calls), answer => Assert.Equal(5, answer));
        Assert.Equal(5, await waiting);
    }

    [Fact]
    public async Task A_server_without_a_free_stream_holds_no_call_up_that_another_one_can_take()
    {
        const int Streams = 1000; // as many as a server lets a client have
        var release = new TaskCompletionSource<byte[]>(TaskCreationOptions.RunContinuationsAsynchronously);
        _backends.Services[0].Unary = (_, _) => release.Task;
        await _backends.StartAsync(0, 1);
        await using MiniChannel channel = await ConnectAsync(2);
        Task<int>[] calls = [.. Enumerable.Range(0, 2 * Streams).Select(_ => Backends.AskAsync(channel))];
        await _backends.Services[0].UntilCalledAsync(Streams);
        Assert.Equal((int[])[1, 1, 1, 1], await Backends.AskAsync(channel, 4));
        release.SetResult([0]);
        await Task.WhenAll(calls);
    }

    /// <summary>
    /// A server that was connected and then swallows everything: keepalive finds it, its calls fail with UNAVAILABLE, and those that a
    /// retry policy may save go to another one.
    /// </summary>
    [Fact]
    public async Task Calls_on_a_server_that_swallows_everything_are_given_up_by_keepalive_and_tried_on_another()
    {
        var time = new FakeTimeProvider();
        await using ITransportListener silent = _backends.EndPoint(0).Listen();
        await _backends.StartAsync(1);
        Task<RawServer> swallowing = StartSilentAsync(silent);
        await using MiniChannel channel = await ConnectAsync(2, options =>
        {
            options.TimeProvider = time;
            options.KeepAlivePingDelay = TimeSpan.FromSeconds(10);
            options.KeepAlivePingTimeout = TimeSpan.FromSeconds(5);
            options.ServiceConfig!.MethodConfigs.Add(new MethodConfig
            {
                Names = { new MethodName { Service = "test", Method = "Unary" } },
                RetryPolicy = new RetryPolicy
                {
                    MaxAttempts = 2,
                    InitialBackoff = TimeSpan.FromSeconds(1),
                    MaxBackoff = TimeSpan.FromSeconds(1),
                    BackoffMultiplier = 1,
                    RetryableStatusCodes = { StatusCode.Unavailable },
                },
            });
        });
        await using RawServer swallower = await swallowing;
        Task<int>[] calls = [Backends.AskAsync(channel), Backends.AskAsync(channel)];
        await swallower.RequestAsync(1);
        Assert.Equal(1, await await Task.WhenAny(calls)); // the other one has its answer
        time.Advance(TimeSpan.FromSeconds(10));
        await swallower.ExpectAsync(FrameType.Ping);
        time.Advance(TimeSpan.FromSeconds(5));
        await Eventually.IsTrueAsync(
            () =>
            {
                time.Advance(TimeSpan.FromSeconds(1));
                return Array.TrueForAll(calls, call => call.IsCompleted);
            },
            "the call to be tried on the other server");
        Assert.Equal((int[])[1, 1], await Task.WhenAll(calls));
    }

    private static async Task<RawServer> StartSilentAsync(ITransportListener listener)
    {
        ITransport? transport = await RawPeer.Within(listener.AcceptAsync().AsTask(), "the channel to connect");
        var server = new RawServer(transport!);
        await server.StartAsync();
        return server;
    }

    private MiniChannel Channel(Action<MiniChannelOptions>? configure = null) => _backends.Channel(new RoundRobinConfig(), options =>
    {
        options.TimeProvider = _time;
        configure?.Invoke(options);
    });

    private async Task<MiniChannel> ConnectAsync(int count, Action<MiniChannelOptions>? configure = null)
    {
        MiniChannel channel = Channel(configure);
        Task connected = channel.ConnectAsync(TestContext.Current.CancellationToken);
        await _backends.Resolver.FindAsync(_backends.Addresses[..count]);
        await RawPeer.Within(connected, "the channel to connect");
        await Settling.ConnectedAsync(channel, count);
        await Settling.OfAsync(channel);
        return channel;
    }

    private sealed class Chance(int next) : Random
    {
        public override int Next() => next;
    }
}
