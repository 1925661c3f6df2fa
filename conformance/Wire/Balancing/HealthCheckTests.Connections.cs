using System.Runtime.CompilerServices;
using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Client.Balancing.HealthChecking;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Conformance.Wire.Engine.Client;
using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Balancing;

/// <content>The connection that the server is asked on: when it ends, when it has no free stream, and what its calls are worth.</content>
public sealed partial class HealthCheckTests
{
    /// <summary>"When the client subchannel is shutting down or when the backend sends a GOAWAY, the client will cancel the Watch() call."</summary>
    [Fact]
    public async Task An_address_that_is_gone_is_not_asked_any_more()
    {
        await _backends.StartAsync(0, 1);
        await using MiniChannel channel = await StartAsync();
        HandWatch first = await First.NextAsync(HandHealth.Serving);
        await Second.NextAsync(HandHealth.Serving);
        await AnswerAsync(channel, 0, 1);
        await _backends.Resolver.FindAsync(_backends.Addresses[1]);
        await first.CancelledAsync();
        await Eventually.IsTrueAsync(() => channel.Core.Connections.Count == 1, "the connection to end");
        Assert.Equal(0, First.Unseen);
        Assert.Single(ChangedOf(channel.Core.HealthCheckedService)!.GetInvocationList()); // of two subchannels that wanted to know
    }

    /// <summary>A server that shuts down waits for its calls: Watch must not be one of them.</summary>
    [Fact]
    public async Task A_watch_does_not_hold_up_a_server_that_shuts_down()
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = await StartAsync(addresses: 1);
        await First.NextAsync(HandHealth.Serving);
        Assert.Equal(0, await Backends.AskAsync(channel));
        await RawPeer.Within(_backends.ShutDownAsync(0), "the server to shut down");
    }

    /// <summary>Or a server that turns everybody away would be asked without pause.</summary>
    [Fact]
    public async Task A_connection_that_carried_nothing_but_a_watch_counts_as_a_failed_attempt()
    {
        var time = new BackoffClock();
        await using TestChannel client = Checking(time);
        Task<byte[]> call = client.Unary([1]).ResponseAsync;
        RawServer server = await client.StartAsync();
        (RawFrame head, _) = await server.RequestAsync(1);
        Assert.Equal("/grpc.health.v1.Health/Watch", head[":path"]);
        await server.DisposeAsync();
        await time.IsArmedAsync();
        await TestChannel.AssertFailsAsync(call, StatusCode.Unavailable, "took no call");
    }

    /// <summary>Calls wait for the next connection, as they do without a health check: the server has not said that it is unwell.</summary>
    [Fact]
    public async Task A_connection_that_is_lost_is_no_answer()
    {
        await using TestChannel client = Checking();
        Task<byte[]> first = client.Unary([1]).ResponseAsync;
        RawServer server = await client.StartAsync();
        await server.SayServingAsync(1);
        await ReplyAsync(server, 3, first);
        await server.DisposeAsync();
        server = await client.AcceptAsync();
        Task<byte[]> second = client.Unary([1]).ResponseAsync;
        await server.StartAsync();
        await server.SayServingAsync(1);
        await ReplyAsync(server, 3, second);
    }

    /// <summary>That the watch ends before its connection says nothing of the server's health either.</summary>
    [Fact]
    public async Task A_watch_that_ends_with_its_connection_is_no_answer()
    {
        await using TestChannel client = Checking();
        Task<byte[]> call = client.Unary([1]).ResponseAsync;
        RawServer server = await client.StartAsync();
        await server.SayServingAsync(1);
        await ReplyAsync(server, 3, call);
        Http2Connection connection = Internals.ReadyConnectionOf(client.Channel)!;
        using (await Hold.OnAsync(client.Channel))
        {
            await server.HeadersAsync(1, endStream: true, "grpc-status=14");
            await server.RoundTripAsync();
            await server.SendAsync(o => GoAwayFrame.Write(o, 3, ErrorCode.NoError));
            await Eventually.IsTrueAsync(() => connection.CanOpen == OpenResult.GoingAway, "the connection to take no more calls");
        }

        await RawPeer.Within(client.Channel.WaitForStateChangedAsync(ConnectivityState.Ready, TestContext.Current.CancellationToken), "the loss to be noticed");
        await Settling.OfAsync(client.Channel);
        await Settling.OfAsync(client.Channel);
        Assert.Equal(ConnectivityState.Connecting, client.Channel.State); // the next one, after a connection that was of use
    }

    [Fact]
    public async Task Without_a_free_stream_the_watch_is_tried_again_later()
    {
        var time = new BackoffClock();
        await using TestChannel client = Checking(time);
        Task<byte[]> call = client.Unary([1], new CallOptions().WithWaitForReady()).ResponseAsync;
        RawServer server = await client.StartAsync((SettingId.MaxConcurrentStreams, 0));
        await time.IsArmedAsync();
        await Settling.OfAsync(client.Channel);
        Assert.Equal(ConnectivityState.Connecting, client.Channel.State); // nothing was said of the server's health
        await server.SendAsync(o => SettingsFrame.Write(o, [(SettingId.MaxConcurrentStreams, 2)]));
        await server.ExpectAsync(FrameType.Settings, 0, FrameFlags.Ack);
        time.Advance(TimeSpan.FromSeconds(1.3));
        await server.SayServingAsync(1);
        await ReplyAsync(server, 3, call);
    }

    /// <summary>A refused stream may be sent once more: on this connection, for it is this connection's health that is asked for.</summary>
    [Fact]
    public async Task A_watch_that_was_refused_is_sent_again_on_its_own_connection()
    {
        await using TestChannel client = Checking();
        Task<byte[]> call = client.Unary([1]).ResponseAsync;
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.SendAsync(o => RstStreamFrame.Write(o, 1, ErrorCode.RefusedStream));
        await server.SayServingAsync(3);
        await ReplyAsync(server, 5, call);
        await server.RoundTripAsync();
        Assert.Equal((0, 1), Internals.ReadyConnectionOf(client.Channel)!.Carried); // the user's call alone, of three that were started
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "Changed")]
    private static extern ref Action? ChangedOf(HealthCheckedService service);

    /// <summary>A channel that asks its servers for their health, and these are driven by hand.</summary>
    private static TestChannel Checking(TimeProvider? time = null) => new(options =>
    {
        options.TimeProvider = time ?? options.TimeProvider;
        options.ServiceConfig = Config(Service, new RoundRobinConfig());
    });

    /// <summary>The server answers the call.</summary>
    private static async Task ReplyAsync(RawServer server, int id, Task<byte[]> call)
    {
        await server.RequestAsync(id);
        await server.ReplyAsync(id, 7);
        Assert.Equal([7], await RawPeer.Within(call, "the response"));
    }
}
