using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Client.Balancing;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Client.Resolving;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Conformance.Wire.Engine.Client;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Balancing;

/// <summary>Idle mode: a channel without calls lets go of everything, and the next call starts it anew.</summary>
public sealed class IdleModeTests : IAsyncDisposable
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(1);

    private readonly Backends _backends = new(2);
    private readonly BackoffClock _time = new();

    public ValueTask DisposeAsync() => _backends.DisposeAsync();

    [Fact]
    public async Task A_channel_without_calls_closes_its_connections_and_its_resolver_and_the_next_call_starts_it_anew()
    {
        await _backends.StartAsync(0, 1);
        await using MiniChannel channel = await ReadyAsync();
        await LookAsync(channel);
        Assert.Equal(ConnectivityState.Ready, channel.State); // there was a call since
        await LookAsync(channel);
        Assert.Equal(ConnectivityState.Idle, channel.State);
        Assert.True(_backends.Resolver.IsDisposed);
        await Eventually.IsTrueAsync(() => channel.Core.Connections.Count == 0, "the connection to close");

        _backends.Resolver.Leave();
        Task<int> next = Backends.AskAsync(channel);
        await _backends.Resolver.FindAsync(_backends.Addresses[1]);
        Assert.Equal(1, await next);
        await UntilNoneWaitsAsync(channel);
        await LookAsync(channel);
        await LookAsync(channel);
        Assert.Equal(ConnectivityState.Idle, channel.State); // as often as it likes
    }

    [Fact]
    public async Task Calls_since_the_last_look_keep_it_connected_though_none_is_under_way()
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = await ReadyAsync();
        for (int i = 0; i < 3; i++)
        {
            await LookAsync(channel);
            Assert.Equal(ConnectivityState.Ready, channel.State);
            Assert.Equal(0, await Backends.AskAsync(channel));
        }
    }

    [Fact]
    public async Task A_call_under_way_keeps_it_connected_however_long_it_takes()
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = await ReadyAsync();
        using AsyncDuplexStreamingCall<byte[], byte[]> call = channel.CreateCallInvoker().AsyncDuplexStreamingCall(TestService.DuplexMethod, null, default);
        await call.RequestStream.WriteAsync([1]);
        Assert.True(await RawPeer.Within(call.ResponseStream.MoveNext(CancellationToken.None), "the response"));
        for (int i = 0; i < 3; i++)
        {
            await LookAsync(channel);
            Assert.Equal(ConnectivityState.Ready, channel.State);
        }

        await call.RequestStream.CompleteAsync();
        Assert.False(await RawPeer.Within(call.ResponseStream.MoveNext(CancellationToken.None), "the end"));
        await LookAsync(channel);
        Assert.Equal(ConnectivityState.Idle, channel.State);
    }

    /// <summary>Or a channel whose servers are asked for their health would never be idle: Watch goes on for as long as its connection.</summary>
    [Fact]
    public async Task A_watch_of_health_is_no_call_that_keeps_it_connected()
    {
        _backends.Health[0] = new HandHealth();
        await _backends.StartAsync(0);
        await using MiniChannel channel = _backends.Channel(configure: Watch);
        Task<int> call = Backends.AskAsync(channel);
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        HandWatch watch = await _backends.Health[0].NextAsync(HandHealth.Serving);
        Assert.Equal(0, await call);
        await UntilNoneWaitsAsync(channel);
        await LookAsync(channel);
        Assert.Equal(ConnectivityState.Ready, channel.State);
        await LookAsync(channel);
        Assert.Equal(ConnectivityState.Idle, channel.State);
        await watch.CancelledAsync();
        await Eventually.IsTrueAsync(() => channel.Core.Connections.Count == 0, "the connection to close");
    }

    /// <summary>A watch that has ended counts no more, neither as a call nor against those that there are.</summary>
    [Fact]
    public async Task A_call_beside_a_watch_that_was_repeated_keeps_it_connected()
    {
        HandHealth health = _backends.Health[0] = new HandHealth();
        await _backends.StartAsync(0);
        await using MiniChannel channel = _backends.Channel(configure: Watch);
        Task<int> first = Backends.AskAsync(channel);
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        HandWatch watch = await health.NextAsync(HandHealth.Serving);
        Assert.Equal(0, await first);
        watch.End();
        await health.NextAsync(HandHealth.Serving);
        await Eventually.IsTrueAsync(() => channel.State == ConnectivityState.Ready, "the channel to be ready again");
        using AsyncDuplexStreamingCall<byte[], byte[]> call = channel.CreateCallInvoker().AsyncDuplexStreamingCall(TestService.DuplexMethod, null, default);
        await call.RequestStream.WriteAsync([1]);
        Assert.True(await RawPeer.Within(call.ResponseStream.MoveNext(CancellationToken.None), "the response"));
        for (int i = 0; i < 3; i++)
        {
            await LookAsync(channel);
            Assert.Equal(ConnectivityState.Ready, channel.State);
        }
    }

    [Fact]
    public async Task A_watch_that_found_no_free_stream_keeps_nothing_connected()
    {
        await using var client = new TestChannel(Watch);
        Task<byte[]> call = client.Unary([1], new CallOptions().WithWaitForReady()).ResponseAsync;
        RawServer server = await client.StartAsync((SettingId.MaxConcurrentStreams, 0));
        await _time.IsArmedAsync(); // until the watch is tried again
        await server.SendAsync(o => SettingsFrame.Write(o, [(SettingId.MaxConcurrentStreams, 2)]));
        await server.ExpectAsync(FrameType.Settings, 0, FrameFlags.Ack);
        await Settling.OfAsync(client.Channel);
        _time.Advance(TimeSpan.FromSeconds(1.3));
        await server.SayServingAsync(1);
        await server.RequestAsync(3);
        await server.ReplyAsync(3, 7);
        Assert.Equal([7], await RawPeer.Within(call, "the response"));
        await UntilNoneWaitsAsync(client.Channel);
        await LookAsync(client.Channel);
        await LookAsync(client.Channel);
        Assert.Equal(ConnectivityState.Idle, client.Channel.State);
    }

    /// <summary>It waits no more, and has no stream yet.</summary>
    [Fact]
    public async Task A_call_that_is_just_tried_keeps_it_at_work()
    {
        var policy = new UsersPolicy();
        var tried = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var release = new ManualResetEventSlim();
        policy.Picks = _ =>
        {
            tried.TrySetResult();
            Assert.True(release.Wait(RawPeer.Patience));
            return PickResult.ForSubchannel(policy.Latest!.Subchannel!);
        };
        await using MiniChannel channel = _backends.Channel(new LoadBalancingConfig(policy.Name), options =>
        {
            options.TimeProvider = _time;
            options.IdleTimeout = s_timeout;
            options.LoadBalancerFactories.Add(policy);
        });
        Task<int> call = Backends.AskAsync(channel);
        await _backends.StartAsync(0);
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        await RawPeer.Within(tried.Task, "the call to be tried");
        await LookAsync(channel);
        await LookAsync(channel);
        Assert.Equal(ConnectivityState.Ready, channel.State);
        release.Set();
        Assert.Equal(0, await call);
    }

    [Fact]
    public async Task A_call_that_waits_for_a_server_keeps_it_at_work()
    {
        await using MiniChannel channel = Channel();
        Task<int> waiting = Backends.AskAsync(channel, new CallOptions(cancellationToken: TestContext.Current.CancellationToken).WithWaitForReady());
        await _backends.Resolver.FindAsync(ResolverResult.ForFailure(new Status(StatusCode.Unavailable, "nobody knows")));
        await Eventually.IsTrueAsync(() => channel.State == ConnectivityState.TransientFailure, "the channel to fail");
        await LookAsync(channel);
        await LookAsync(channel);
        Assert.Equal(ConnectivityState.TransientFailure, channel.State);
        Assert.False(_backends.Resolver.IsDisposed);
        await _backends.StartAsync(0);
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        Assert.Equal(0, await waiting);
    }

    [Fact]
    public async Task Calls_that_fail_at_once_keep_it_trying()
    {
        await using MiniChannel channel = Channel();
        Task failed = Backends.FailAsync(channel, StatusCode.Unavailable, "nobody knows");
        await _backends.Resolver.FindAsync(ResolverResult.ForFailure(new Status(StatusCode.Unavailable, "nobody knows")));
        await failed;
        await LookAsync(channel);
        Assert.Equal(ConnectivityState.TransientFailure, channel.State);
        await Backends.FailAsync(channel, StatusCode.Unavailable, "nobody knows");
        await LookAsync(channel);
        Assert.Equal(ConnectivityState.TransientFailure, channel.State);
        await LookAsync(channel);
        Assert.Equal(ConnectivityState.Idle, channel.State);
    }

    [Fact]
    public async Task What_the_old_resolver_finds_afterwards_is_not_listened_to()
    {
        await _backends.StartAsync(0, 1);
        await using MiniChannel channel = await ReadyAsync();
        await LookAsync(channel);
        await LookAsync(channel);
        Action<ResolverResult> old = _backends.Resolver.Leave();
        old(ResolverResult.ForResult(_backends.Addresses[..1]));
        await Settling.OfAsync(channel);
        Assert.Equal(ConnectivityState.Idle, channel.State);
        Task<int> next = Backends.AskAsync(channel);
        old(ResolverResult.ForFailure(new Status(StatusCode.Unavailable, "out of date")));
        await _backends.Resolver.FindAsync(_backends.Addresses[1]);
        Assert.Equal(1, await next);
    }

    [Fact]
    public async Task Without_a_timeout_it_stays_connected()
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = await ReadyAsync(Timeout.InfiniteTimeSpan);
        _time.Advance(TimeSpan.FromDays(40));
        _time.Advance(TimeSpan.FromDays(40));
        await Settling.OfAsync(channel);
        Assert.Equal(ConnectivityState.Ready, channel.State);
    }

    [Fact]
    public void A_timeout_of_nothing_is_refused()
    {
        InvalidOperationException e = Assert.Throws<InvalidOperationException>(() => Channel(TimeSpan.Zero));
        Assert.StartsWith("IdleTimeout is 00:00:00", e.Message, StringComparison.Ordinal);
        Assert.Equal(TimeSpan.FromMinutes(30), new MiniChannelOptions().IdleTimeout);
    }

    private MiniChannel Channel(TimeSpan? timeout = null) => _backends.Channel(configure: options =>
    {
        options.TimeProvider = _time;
        options.IdleTimeout = timeout ?? s_timeout;
    });

    /// <summary>The channel goes idle, and asks its servers for their health.</summary>
    private void Watch(MiniChannelOptions options)
    {
        options.TimeProvider = _time;
        options.IdleTimeout = s_timeout;
        options.ServiceConfig = new ServiceConfig { LoadBalancingConfigs = { new RoundRobinConfig() }, HealthCheckServiceName = "a.B" };
    }

    /// <summary>A channel that has made one call to the first server.</summary>
    private async Task<MiniChannel> ReadyAsync(TimeSpan? timeout = null)
    {
        MiniChannel channel = Channel(timeout);
        await _backends.ServeAsync(channel);
        await UntilNoneWaitsAsync(channel);
        return channel;
    }

    /// <summary>A call may have ended before whoever has tried it has noted that it waits no more.</summary>
    private static Task UntilNoneWaitsAsync(MiniChannel channel) => Eventually.IsTrueAsync(() => !channel.Core.Router.HasWaitingCalls, "no call to wait");

    /// <summary>The channel looks once.</summary>
    private Task LookAsync(MiniChannel channel)
    {
        _time.Advance(s_timeout);
        return Settling.OfAsync(channel);
    }
}
