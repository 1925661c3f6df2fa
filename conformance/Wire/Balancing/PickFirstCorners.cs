using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Client.Balancing;
using MiniGrpc.Client.Resolving;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Conformance.Wire.Engine.Client;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Conformance.Wire.Balancing;

/// <summary>The policy pick_first where addresses change while it connects, and where attempts fail in another order than they began.</summary>
public sealed class PickFirstCorners : IAsyncDisposable
{
    private static readonly TimeSpan s_delay = TimeSpan.FromMilliseconds(250);
    private readonly Backends _backends = new(3);
    private readonly BackoffClock _time = new();

    public ValueTask DisposeAsync() => _backends.DisposeAsync();

    [Fact]
    public async Task When_there_are_no_addresses_any_more_the_connection_is_left()
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = Channel();
        await _backends.ServeAsync(channel);
        await _backends.Resolver.FindAsync();
        await Eventually.IsTrueAsync(() => channel.Core.Connections.Count == 0, "the connection to be closed");
        await Backends.FailAsync(channel, StatusCode.Unavailable, "The resolver found no addresses.");
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        Assert.Equal(0, await Backends.AskAsync(channel, new CallOptions().WithWaitForReady()));
    }

    [Fact]
    public async Task When_there_are_no_addresses_any_more_nothing_is_tried()
    {
        await using SilentServers silent = new(_backends, 0, 1);
        await using MiniChannel channel = Channel();
        Task failed = Backends.FailAsync(channel, StatusCode.Unavailable, "The resolver found no addresses.");
        await _backends.Resolver.FindAsync(_backends.Addresses[..2]);
        ITransport first = await silent.ConnectionAsync(0);
        Task<ITransport?> second = silent.AcceptAsync(1);
        await _backends.Resolver.FindAsync();
        await failed;
        await SilentServers.AssertClosedAsync(first);
        _time.Advance(s_delay);
        await Settling.OfAsync(channel);
        Assert.False(second.IsCompleted);
        await Backends.FailAsync(channel, StatusCode.Unavailable, "The resolver found no addresses.");
    }

    [Fact]
    public async Task An_address_that_is_there_again_is_connected_to_again()
    {
        await using SilentServers silent = new(_backends, 1);
        await _backends.StartAsync(0);
        await using MiniChannel channel = Channel();
        await _backends.ServeAsync(channel);
        await _backends.Resolver.FindAsync(_backends.Addresses[1]);
        await silent.ConnectionAsync(0);
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        Assert.Equal(0, await Backends.AskAsync(channel));
    }

    /// <summary>Calls should not wait again and again for attempts that fail.</summary>
    [Fact]
    public async Task A_channel_that_has_failed_stays_so_while_other_addresses_are_tried()
    {
        await using SilentServers silent = new(_backends, 1);
        await using MiniChannel channel = Channel();
        await _backends.FindUselessAsync(channel, StatusCode.Unavailable, "no server listens there", _backends.Addresses[0]);
        await _backends.Resolver.FindAsync(_backends.Addresses[1]);
        await silent.ConnectionAsync(0);
        await Settling.OfAsync(channel);
        Assert.Equal(ConnectivityState.TransientFailure, channel.State);
        await Backends.FailAsync(channel, StatusCode.Unavailable, "no server listens there");
    }

    /// <summary>gRFC A62: a channel stays failed because of servers that don't answer, not because there were none to ask.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_channel_that_has_failed_for_want_of_addresses_connects_when_there_are_some(bool isLookUp)
    {
        await using SilentServers silent = new(_backends, 0);
        await using MiniChannel channel = Channel();
        Task failed = Backends.FailAsync(channel, StatusCode.Unavailable, isLookUp ? "nobody knows" : "The resolver found no addresses.");
        await _backends.Resolver.FindAsync(isLookUp ? ResolverResult.ForFailure(new Status(StatusCode.Unavailable, "nobody knows")) : ResolverResult.ForResult([]));
        await failed;
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        ITransport connection = await silent.ConnectionAsync(0);
        await Settling.OfAsync(channel);
        Assert.Equal(ConnectivityState.Connecting, channel.State);
        Task<int> call = Backends.AskAsync(channel);
        await Eventually.CallsWaitAsync(channel, 1);
        connection.Abort();
        await TestChannel.AssertFailsAsync(call, StatusCode.Unavailable, "backend 0");
    }

    [Fact]
    public async Task An_idle_channel_stays_idle_when_addresses_come()
    {
        await _backends.StartAsync(0, 1);
        await using MiniChannel channel = Channel();
        await _backends.ServeAsync(channel);
        await _backends.StopAsync(0);
        await RawPeer.Within(channel.WaitForStateChangedAsync(ConnectivityState.Ready, TestContext.Current.CancellationToken), "the loss to be noticed");
        await _backends.Resolver.FindAsync(_backends.Addresses[1]);
        await Settling.OfAsync(channel);
        await Settling.OfAsync(channel);
        Assert.Equal(ConnectivityState.Idle, channel.State);
        await Eventually.IsTrueAsync(() => channel.Core.Connections.Count == 0, "the lost connection to be gone");
        Assert.Equal(1, await Backends.AskAsync(channel));
    }

    [Fact]
    public async Task A_look_up_that_fails_disturbs_no_attempt()
    {
        await using SilentServers silent = new(_backends, 0);
        await using MiniChannel channel = Channel();
        Task<int> call = Backends.AskAsync(channel);
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        ITransport connection = await silent.ConnectionAsync(0);
        await _backends.Resolver.FindAsync(ResolverResult.ForFailure(new Status(StatusCode.Unavailable, "nobody knows")));
        await Settling.OfAsync(channel);
        Assert.False(call.IsCompleted);
        connection.Abort();
        await TestChannel.AssertFailsAsync(call, StatusCode.Unavailable, "");
    }

    [Fact]
    public async Task An_attempt_goes_on_when_more_addresses_come()
    {
        await using SilentServers silent = new(_backends, 0, 1);
        await using MiniChannel channel = Channel();
        Task<int> call = Backends.AskAsync(channel);
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        ITransport first = await silent.ConnectionAsync(0);
        Task<ITransport?> again = silent.AcceptAsync(0);
        await _backends.Resolver.FindAsync(_backends.Addresses[..2]);
        await Settling.OfAsync(channel);
        _time.Advance(s_delay);
        ITransport second = await silent.ConnectionAsync(1);
        await Eventually.IsTrueAsync(() => channel.Core.Connections.Count == 2, "the second attempt to go on beside the first");
        Assert.False(again.IsCompleted);
        await _backends.Resolver.FindAsync(_backends.Addresses[1]); // the first one is gone
        await SilentServers.AssertClosedAsync(first);
        second.Abort();
        await TestChannel.AssertFailsAsync(call, StatusCode.Unavailable, "");
    }

    [Fact]
    public async Task An_earlier_attempt_that_fails_does_not_hurry_the_next_one()
    {
        await using SilentServers silent = new(_backends, 0, 1, 2);
        await using MiniChannel channel = Channel();
        (Task<int> call, ITransport first, ITransport second) = await TryTwoAsync(channel, silent, _backends.Addresses);
        Task<ITransport?> third = silent.AcceptAsync(2);
        await AdvanceAsync(channel, s_delay / 2);
        first.Abort();
        await _time.IsArmedAsync();
        await AdvanceAsync(channel, (s_delay / 2) - TimeSpan.FromMilliseconds(1));
        await Settling.OfAsync(channel);
        Assert.False(third.IsCompleted);
        await AdvanceAsync(channel, TimeSpan.FromMilliseconds(1)); // nor does it hold it up
        ITransport last = (await RawPeer.Within(third, "the third to be tried"))!;
        Assert.False(call.IsCompleted);
        second.Abort();
        last.Abort();
        await TestChannel.AssertFailsAsync(call, StatusCode.Unavailable, "");
    }

    [Fact]
    public async Task All_have_failed_when_the_first_is_the_last_to_fail()
    {
        await using SilentServers silent = new(_backends, 0, 1);
        await using MiniChannel channel = Channel();
        (Task<int> call, ITransport first, ITransport second) = await TryTwoAsync(channel, silent, _backends.Addresses[..2]);
        second.Abort();
        await _time.IsArmedAsync();
        await Settling.OfAsync(channel);
        Assert.Equal(ConnectivityState.Connecting, channel.State);
        Assert.False(call.IsCompleted);
        first.Abort();
        await TestChannel.AssertFailsAsync(call, StatusCode.Unavailable, "");
        Assert.Equal(ConnectivityState.TransientFailure, channel.State);
    }

    /// <summary>A server that turns everybody away doesn't keep the others from serving.</summary>
    [Fact]
    public async Task A_connection_that_is_lost_before_its_first_call_makes_room_for_the_next_address()
    {
        await _backends.StartAsync(0, 1);
        await using MiniChannel channel = Channel();
        await ConnectInVainAsync(channel);
        await _time.IsArmedAsync();
        Assert.Equal(1, await Backends.AskAsync(channel, new CallOptions().WithWaitForReady()));
    }

    [Fact]
    public async Task Calls_do_not_wait_for_the_next_address_after_a_connection_that_was_of_no_use()
    {
        await using SilentServers silent = new(_backends, 1);
        await _backends.StartAsync(0);
        await using MiniChannel channel = Channel();
        await ConnectInVainAsync(channel);
        await silent.ConnectionAsync(0);
        await Settling.OfAsync(channel);
        Assert.Equal(ConnectivityState.TransientFailure, channel.State);
        await Backends.FailAsync(channel, StatusCode.Unavailable, "took no call");
    }

    [Fact]
    public async Task Those_that_are_slower_are_left_when_one_has_answered()
    {
        await using SilentServers silent = new(_backends, 0, 2);
        await _backends.StartAsync(1);
        await using MiniChannel channel = Channel();
        Task<int> call = Backends.AskAsync(channel);
        await _backends.Resolver.FindAsync(_backends.Addresses);
        ITransport slow = await silent.ConnectionAsync(0);
        Task<ITransport?> next = silent.AcceptAsync(1);
        await AdvanceAsync(channel, s_delay);
        Assert.Equal(1, await call);
        await SilentServers.AssertClosedAsync(slow);
        await AdvanceAsync(channel, s_delay);
        await Settling.OfAsync(channel);
        Assert.False(next.IsCompleted);
        await Eventually.IsTrueAsync(() => channel.Core.Connections.Count == 1, "the slow one's connection to be gone");
    }

    /// <summary>Connects to the first of two servers, which ends before its first call.</summary>
    private async Task ConnectInVainAsync(MiniChannel channel)
    {
        Task connected = channel.ConnectAsync(TestContext.Current.CancellationToken);
        await _backends.Resolver.FindAsync(_backends.Addresses[..2]);
        await RawPeer.Within(connected, "the channel to connect");
        await _backends.StopAsync(0);
    }

    /// <summary>A call for which two silent servers are tried, the second one a moment later.</summary>
    private async Task<(Task<int> Call, ITransport First, ITransport Second)> TryTwoAsync(MiniChannel channel, SilentServers silent, BalancerAddress[] addresses)
    {
        Task<int> call = Backends.AskAsync(channel);
        await _backends.Resolver.FindAsync(addresses);
        ITransport first = await silent.ConnectionAsync(0);
        await AdvanceAsync(channel, s_delay);
        return (call, first, await silent.ConnectionAsync(1));
    }

    private async Task AdvanceAsync(MiniChannel channel, TimeSpan time)
    {
        await Settling.OfAsync(channel);
        _time.Advance(time);
        await Settling.OfAsync(channel);
    }

    private MiniChannel Channel() => _backends.Channel(configure: options => options.TimeProvider = _time);
}
