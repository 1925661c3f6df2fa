using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Client.Balancing;
using MiniGrpc.Client.Resolving;
using MiniGrpc.Conformance.Wire.Engine;

namespace MiniGrpc.Conformance.Wire.Balancing;

/// <summary>Load-balancing policies of the user's that throw, or say nothing: calls end clearly, the channel recovers, and nothing hangs.</summary>
public sealed class CustomPolicyTests : IAsyncDisposable
{
    private readonly Backends _backends = new(2);
    private readonly TimerCensus _time = new();
    private readonly UsersPolicy _policy = new();

    public ValueTask DisposeAsync() => _backends.DisposeAsync();

    [Theory]
    [InlineData("create")]
    [InlineData("none")]
    [InlineData("update")]
    [InlineData("subchannel")]
    [InlineData("post")]
    public async Task One_that_throws_fails_calls_until_another_one_does_not(string where)
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = Channel();
        _policy.ThrowsIn = where;
        string why = where == "none" ? "its factory has made none" : "no idea";
        Task<int> waiting = Backends.AskAsync(channel, new CallOptions().WithWaitForReady());
        Task failing = Backends.FailAsync(channel, StatusCode.Internal, $"The load-balancing policy users failed: {why}");
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        await failing;
        Assert.Equal(ConnectivityState.TransientFailure, channel.State);
        await _time.IsArmedAsync();
        _time.Advance(TimeSpan.FromSeconds(1.3));
        await _time.IsArmedAsync(); // once more
        await Backends.FailAsync(channel, StatusCode.Internal, why);
        _policy.ThrowsIn = null;
        _time.Advance(TimeSpan.FromSeconds(1.2)); // the wait is 1.6 s now, or up to 20 % less
        Assert.False(waiting.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(0, await waiting);
        Assert.Equal(0, await Backends.AskAsync(channel));
        await Eventually.IsTrueAsync(() => channel.Core.Connections.Count == 1, "the connections of those that have failed to be closed");
    }

    [Fact]
    public async Task The_waits_begin_anew_once_one_has_served()
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = Channel();
        _policy.ThrowsIn = "update";
        Task<int> waiting = Backends.AskAsync(channel, new CallOptions().WithWaitForReady());
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        await _time.IsArmedAsync();
        _time.Advance(TimeSpan.FromSeconds(1.3));
        await _time.IsArmedAsync();
        _policy.ThrowsIn = null;
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(0, await waiting);
        _policy.ThrowsIn = "update";
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        await _time.IsArmedAsync();
        _policy.ThrowsIn = null;
        await Settling.OfAsync(channel);
        waiting = Backends.AskAsync(channel, new CallOptions().WithWaitForReady());
        _time.Advance(TimeSpan.FromSeconds(1.3));
        Assert.Equal(0, await waiting);
    }

    [Fact]
    public async Task One_that_has_failed_is_replaced_when_other_addresses_come()
    {
        await _backends.StartAsync(0, 1);
        await using MiniChannel channel = Channel();
        _policy.ThrowsIn = "update";
        await _backends.FindUselessAsync(channel, StatusCode.Internal, "no idea", _backends.Addresses[0]);
        _policy.ThrowsIn = null;
        Task<int> answer = Backends.AskAsync(channel, new CallOptions().WithWaitForReady());
        await _backends.Resolver.FindAsync(_backends.Addresses[1]);
        Assert.Equal(1, await answer);
        int made = _policy.Created;
        _time.Advance(TimeSpan.FromHours(1)); // the wait is off
        await Settling.OfAsync(channel);
        Assert.Equal(made, _policy.Created);
    }

    /// <summary>The wait for another one is over just when addresses come, which are a reason to make one, too.</summary>
    [Fact]
    public async Task One_that_has_failed_is_replaced_once_though_there_are_two_reasons()
    {
        await _backends.StartAsync(1);
        await using MiniChannel channel = Channel();
        _policy.ThrowsIn = "update";
        await _backends.FindUselessAsync(channel, StatusCode.Internal, "no idea", _backends.Addresses[0]);
        await _time.IsArmedAsync();
        _policy.ThrowsIn = null;
        Task<int> answer = Backends.AskAsync(channel, new CallOptions().WithWaitForReady());
        using (await Hold.OnAsync(channel))
        {
            await _backends.Resolver.FindAsync(_backends.Addresses[1]);
            _time.Advance(TimeSpan.FromSeconds(1.3));
        }

        Assert.Equal(1, await answer);
        await Settling.OfAsync(channel);
        Assert.Equal(2, _policy.Created);
    }

    /// <summary>A failed look-up takes no addresses away, from a policy that is made anew neither.</summary>
    [Fact]
    public async Task One_that_is_made_anew_gets_the_addresses_that_there_are()
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = Channel();
        _policy.ThrowsIn = "update";
        await _backends.FindUselessAsync(channel, StatusCode.Internal, "no idea", _backends.Addresses[0]);
        _policy.ThrowsIn = null;
        await _backends.Resolver.FindAsync(ResolverResult.ForFailure(new Status(StatusCode.Unavailable, "nobody knows")));
        Assert.Equal(0, await Backends.AskAsync(channel, new CallOptions().WithWaitForReady()));
    }

    [Fact]
    public async Task One_that_serves_and_then_throws_is_replaced_and_the_calls_under_way_go_on()
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = Channel();
        await _backends.ServeAsync(channel);
        using AsyncDuplexStreamingCall<byte[], byte[]> call = channel.CreateCallInvoker().AsyncDuplexStreamingCall(TestService.DuplexMethod, null, default);
        await AssertEchoesAsync(call, 1);
        _policy.ThrowsIn = "update";
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        await Settling.OfAsync(channel);
        await Backends.FailAsync(channel, StatusCode.Internal, "no idea");
        await AssertEchoesAsync(call, 2);
        _policy.ThrowsIn = null;
        await _time.IsArmedAsync();
        _time.Advance(TimeSpan.FromSeconds(1.3));
        Assert.Equal(0, await Backends.AskAsync(channel, new CallOptions().WithWaitForReady()));
        await AssertEchoesAsync(call, 3);
        IChannelControlHelper ofThePast = _policy.Latest!.OfThePast!;
        ofThePast.UpdateState(ConnectivityState.TransientFailure, new HandPicker(_ => throw new InvalidOperationException("a dead policy has no say")));
        bool hasRun = false;
        ofThePast.Post(() => hasRun = true);
        await Settling.OfAsync(channel);
        Assert.False(hasRun);
        Assert.Equal(0, await Backends.AskAsync(channel));
    }

    /// <summary>Its subchannel has something to tell it just when it has been let go of.</summary>
    [Fact]
    public async Task One_that_has_failed_cannot_fail_once_more()
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = Channel();
        await _backends.ServeAsync(channel);
        _policy.ThrowsIn = "update";
        _policy.AlsoThrowsIn = "subchannel";
        using (await Hold.OnAsync(channel))
        {
            await _backends.Resolver.FindAsync(_backends.Addresses[0]);
            await _backends.StopAsync(0);
            await Eventually.IsTrueAsync(() => channel.Core.Connections.Count == 0, "the connection to be lost");
        }

        await Settling.OfAsync(channel);
        Assert.Equal(1, _time.MadeBy<GuardedBalancer>());
    }

    [Fact]
    public async Task One_that_throws_when_somebody_wants_to_connect_has_failed()
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = Channel();
        _policy.ReportsIdle = true;
        _policy.ThrowsIn = "request";
        Task connected = channel.ConnectAsync(TestContext.Current.CancellationToken);
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        await _time.IsArmedAsync();
        await Backends.FailAsync(channel, StatusCode.Internal, "The load-balancing policy users failed: no idea");
        _policy.ReportsIdle = false;
        _time.Advance(TimeSpan.FromSeconds(1.3));
        await RawPeer.Within(connected, "the channel to connect");
        Assert.Equal(0, await Backends.AskAsync(channel));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task One_that_throws_as_it_is_disposed_of_keeps_nothing_open(bool hasFailed)
    {
        await _backends.StartAsync(0);
        MiniChannel channel = Channel();
        await _backends.ServeAsync(channel);
        _policy.ThrowsIn = "dispose";
        if (hasFailed)
        {
            _policy.AlsoThrowsIn = "update";
            await _backends.Resolver.FindAsync(_backends.Addresses[0]);
            await Eventually.IsTrueAsync(() => channel.Core.Connections.Count == 0, "the connection to be closed");
        }

        await RawPeer.Within(channel.DisposeAsync().AsTask(), "the channel to close");
        Assert.Equal(ConnectivityState.Shutdown, channel.State);
        _time.Advance(TimeSpan.FromHours(1));
        await Settling.OfAsync(channel);
        Assert.Equal(1, _policy.Created);
    }

    /// <summary>As with every implementation of gRPC: until the policy has said something, the channel is connecting, and calls wait.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task One_that_says_nothing_holds_calls_no_longer_than_they_allow(bool waitForReady)
    {
        MiniChannel channel = Channel();
        _policy.IsSilent = true;
        CallOptions options = new CallOptions().WithWaitForReady(waitForReady);
        Task<int> late = Backends.AskAsync(channel, options.WithDeadline(_time.GetUtcNow().UtcDateTime.AddSeconds(1)));
        using CancellationTokenSource cancellation = new();
        Task<int> cancelled = Backends.AskAsync(channel, options.WithCancellationToken(cancellation.Token));
        Task<int> left = Backends.AskAsync(channel, options);
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        await _backends.Resolver.FindAsync(ResolverResult.ForFailure(new Status(StatusCode.Unavailable, "nobody knows")));
        await Settling.OfAsync(channel);
        Assert.Equal(2, _policy.Updates.Count);
        Assert.Equal(ConnectivityState.Connecting, channel.State);
        await Eventually.CallsWaitAsync(channel, 3);
        _time.Advance(TimeSpan.FromSeconds(1));
        await TestChannel.AssertFailsAsync(late, StatusCode.DeadlineExceeded, "");
        await cancellation.CancelAsync();
        await TestChannel.AssertFailsAsync(cancelled, StatusCode.Cancelled, "");
        Assert.False(left.IsCompleted);
        await RawPeer.Within(channel.DisposeAsync().AsTask(), "the channel to close");
        await TestChannel.AssertFailsAsync(left, StatusCode.Cancelled, "the channel was closed");
    }

    /// <summary>Its picker still says where it went; the next picker is due.</summary>
    [Fact]
    public async Task No_call_goes_to_a_subchannel_from_the_moment_on_that_it_is_disposed_of()
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = Channel();
        await _backends.ServeAsync(channel);
        Task<int> waiting;
        using (await Hold.OnAsync(channel))
        {
            _policy.Latest!.Subchannel!.Dispose();
            waiting = Backends.AskAsync(channel);
            await Eventually.CallsWaitAsync(channel, 1);
        }

        await _backends.Resolver.FindAsync(_backends.Addresses[0]); // another subchannel
        Assert.Equal(0, await waiting);
    }

    [Fact]
    public async Task A_subchannel_that_was_disposed_of_is_not_kept()
    {
        await _backends.StartAsync(0, 1);
        await using MiniChannel channel = _policy.Channel(_backends, TimeProvider.System); // a clock that keeps nothing, as the census does
        await _backends.ServeAsync(channel);
        WeakReference old = DisposeOfSubchannel();
        await Settling.OfAsync(channel);
        await _backends.Resolver.FindAsync(_backends.Addresses[1]);
        await Eventually.IsTrueAsync(() => channel.Core.Connections.Count(connection => connection.WasReady) == 1, "the other connection");
        Assert.Equal(1, await Backends.AskAsync(channel));
        await Eventually.IsCollectedAsync(old, "the subchannel");

        WeakReference DisposeOfSubchannel()
        {
            _policy.Latest!.Subchannel!.Dispose();
            return new WeakReference(_policy.Latest.Subchannel);
        }
    }

    private static async Task AssertEchoesAsync(AsyncDuplexStreamingCall<byte[], byte[]> call, byte octet)
    {
        await call.RequestStream.WriteAsync([octet], TestContext.Current.CancellationToken);
        Assert.True(await RawPeer.Within(call.ResponseStream.MoveNext(CancellationToken.None), "the echo"));
        Assert.Equal([octet], call.ResponseStream.Current);
    }

    private MiniChannel Channel() => _policy.Channel(_backends, _time);
}
