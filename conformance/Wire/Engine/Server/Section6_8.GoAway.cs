using Microsoft.Extensions.Time.Testing;
using MiniGrpc.Server;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.Server;

/// <summary>RFC 9113 section 6.8 on a server: how it shuts down, and what a client's GOAWAY means to it.</summary>
public class Section6_8_GoAway
{
    /// <summary>
    /// RFC 9113 section 6.8: a graceful shutdown starts with GOAWAY 2^31-1, so that streams under way are not lost, and names
    /// the true last stream after a round trip.
    /// </summary>
    [Fact]
    [Requirement("9113-9.1-3")]
    [Requirement("9113-8.7-1")]
    [Requirement("grpc-connections-1")]
    [Requirement("grpc-connections-4")]
    [Requirement("9113-5.4.1-3")]
    [Requirement("9113-6.8-2")]
    [Requirement("9113-6.8-6")]
    public async Task A_shutdown_serves_what_was_under_way_and_ends_with_the_last_stream()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Collect");
        await client.RoundTripAsync();
        server.Core.BeginShutdown();
        RawFrame first = await client.ExpectAsync(FrameType.GoAway);
        Assert.Equal((int.MaxValue, ErrorCode.NoError), (first.Number, first.ErrorCode));
        RawFrame ping = await client.ExpectAsync(FrameType.Ping);

        // Not answered yet: as far as the server knows, this stream was opened before the client saw the GOAWAY.
        await client.RequestAsync(3, "Collect");
        await client.AnswerAsync(ping);
        RawFrame second = await client.ExpectAsync(FrameType.GoAway);
        Assert.Equal((3, ErrorCode.NoError), (second.Number, second.ErrorCode));
        await client.RequestAsync(5, "Collect");
        await client.ExpectResetAsync(5, ErrorCode.RefusedStream);

        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        Assert.Equal("0", (await client.ResponseAsync(1)).Status);
        await client.DataAsync(3, RawClient.Message(2), endStream: true);
        Assert.Equal("0", (await client.ResponseAsync(3)).Status);
        await client.CloseOutputAsync();
        await client.ExpectEndAsync();
        await client.DisposeAsync();
        await RawPeer.Within(server.Core.Drained, "the server to end");
        await server.AssertEndedAsync();
    }

    [Fact]
    [Requirement("9113-9.1-3")]
    [Requirement("grpc-connections-4")]
    [Requirement("9113-6.8-2")]
    [Requirement("9113-6.8-6")]
    public async Task A_shutdown_of_an_idle_connection_takes_a_round_trip()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        server.Core.BeginShutdown();
        server.Core.BeginShutdown();
        await client.ExpectAsync(FrameType.GoAway);
        RawFrame ping = await client.ExpectAsync(FrameType.Ping);
        Assert.False(server.Core.Drained.IsCompleted);
        await client.AnswerAsync(ping);
        Assert.Equal(0, (await client.ExpectAsync(FrameType.GoAway)).Number);
        await client.CloseOutputAsync();
        await client.ExpectEndAsync();
        await client.DisposeAsync();
        await RawPeer.Within(server.Core.Drained, "the server to end");
    }

    /// <summary>
    /// A call that a client was about to send finds GOAWAY, and goes to another connection. An end would be a fault to it: the server
    /// leaves it to the client for a second.
    /// </summary>
    [Fact]
    public async Task A_client_has_a_second_to_close_when_its_calls_have_ended()
    {
        var time = new FakeTimeProvider();
        await using var server = new TestServer(options => options.TimeProvider = time);
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Collect");
        await client.RoundTripAsync();
        server.Core.BeginShutdown();
        await client.ExpectAsync(FrameType.GoAway);
        await client.AnswerAsync(await client.ExpectAsync(FrameType.Ping));
        await client.ExpectAsync(FrameType.GoAway);
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        Assert.Equal("0", (await client.ResponseAsync(1)).Status);

        time.Advance(TimeSpan.FromMilliseconds(999));
        await client.RoundTripAsync();
        await client.RequestAsync(3, "Collect");
        await client.ExpectResetAsync(3, ErrorCode.RefusedStream);
        time.Advance(TimeSpan.FromMilliseconds(1));
        await client.ExpectEndAsync();
    }

    [Fact]
    public async Task The_answer_to_another_ping_does_not_end_the_first_step()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        server.Core.BeginShutdown();
        await client.ExpectAsync(FrameType.GoAway);
        RawFrame ping = await client.ExpectAsync(FrameType.Ping);
        await client.SendAsync(o => PingFrame.Write(o, isAck: true, 12345));
        await client.AssertWorksAsync(1);
        await client.AnswerAsync(ping);
        Assert.Equal(1, (await client.ExpectAsync(FrameType.GoAway)).Number);
        await client.CloseOutputAsync();
        await client.ExpectEndAsync();
    }

    [Fact]
    public async Task Frames_that_come_after_the_last_stream_do_no_harm()
    {
        var time = new FakeTimeProvider();
        await using var server = new TestServer(options => options.TimeProvider = time);
        RawClient client = await server.StartAsync();
        server.Core.BeginShutdown();
        await client.ExpectAsync(FrameType.GoAway);
        await client.AnswerAsync(await client.ExpectAsync(FrameType.Ping));
        await client.ExpectAsync(FrameType.GoAway);
        time.Advance(TimeSpan.FromSeconds(1));
        await client.ExpectEndAsync();
        await client.RequestAsync(1, "Unary");
        await client.SendAsync(o => PingFrame.Write(o, isAck: false, 1));
        await Eventually.IsTrueAsync(
            () => server.Log.Lines.Any(line => line.Contains("REFUSED_STREAM", StringComparison.Ordinal)), "the late request to be seen");
        await client.CloseOutputAsync();
        await RawPeer.Within(server.Core.Drained, "the server to end");
        Assert.Equal("Debug: Connection ended: memory:test closed the connection", server.Log.Lines[^1]);
    }

    [Fact]
    [Requirement("9113-3.4-2")]
    public async Task A_shutdown_before_the_client_has_spoken_keeps_to_the_order_of_the_start()
    {
        await using var server = new TestServer();
        RawClient client = server.Connect();
        server.Core.BeginShutdown();
        await client.SendAsync(ConnectionPreface.Octets.ToArray());
        await client.SendAsync(o => SettingsFrame.Write(o, []));
        RawFrame first = await client.ExpectAsync("the first frame", 0, _ => true);
        Assert.Equal(FrameType.Settings, first.Type);
        await client.ExpectAsync(FrameType.GoAway);
        await client.AnswerAsync(await client.ExpectAsync(FrameType.Ping));
        await client.ExpectAsync(FrameType.GoAway);
        await client.CloseOutputAsync();
        await client.ExpectEndAsync();
    }

    [Fact]
    public async Task A_server_that_is_shutting_down_takes_no_connections()
    {
        await using var server = new TestServer();
        server.Core.BeginShutdown();
        await RawPeer.Within(server.Core.Drained, "a server without connections to end");
        RawClient client = server.Connect();
        await client.ExpectEndAsync();
    }

    /// <summary>RFC 9113 section 6.8: the client's GOAWAY ends nothing; it only says that no new streams follow.</summary>
    [Fact]
    public async Task A_goaway_of_the_client_leaves_its_calls_alone()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Collect");
        await client.SendAsync(o => GoAwayFrame.Write(o, 0, ErrorCode.NoError, "leaving"u8));
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        Assert.Equal("0", (await client.ResponseAsync(1)).Status);
        await server.AssertQuietAsync(client);
    }

    /// <summary>A shutdown with a deadline ends what is left when that has passed.</summary>
    [Fact]
    public async Task A_shutdown_with_a_deadline_cancels_what_is_left_when_it_has_passed()
    {
        var time = new FakeTimeProvider();
        var started = new TaskCompletionSource();
        var cancelled = new TaskCompletionSource();
        var service = new TestService
        {
            Unary = async (request, context) =>
            {
                await TestService.UntilCancelledAsync(context, started);
                cancelled.SetResult();
                return request;
            },
        };
        var endPoint = new MemoryEndPoint();
        await using var server = new GrpcServer(new GrpcServerOptions { TimeProvider = time });
        server.Services.Add(service.Bind());
        OverTls.Listen(server, endPoint);
        await server.StartAsync();
        await using var client = new RawClient(OverTls.WrapClient(endPoint.Connect()));
        await client.StartAsync();
        await client.RequestAsync(1, "Unary");
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        await RawPeer.Within(started.Task, "the handler to start");

        Task shutdown = server.ShutdownAsync(TimeSpan.FromSeconds(5));
        await client.ExpectAsync(FrameType.GoAway);
        await client.AnswerAsync(await client.ExpectAsync(FrameType.Ping));
        await client.ExpectAsync(FrameType.GoAway);
        time.Advance(TimeSpan.FromSeconds(4.9));
        await client.RoundTripAsync();
        Assert.False(shutdown.IsCompleted || cancelled.Task.IsCompleted);
        Assert.Throws<IOException>(endPoint.Connect);

        time.Advance(TimeSpan.FromSeconds(0.2));
        await RawPeer.Within(cancelled.Task, "the handler's token to be cancelled");
        await client.ExpectEndAsync();
        await client.DisposeAsync();
        await RawPeer.Within(shutdown, "the shutdown to end");
    }

    [Fact]
    public async Task A_kill_ends_connections_and_cancels_handlers_at_once()
    {
        var started = new TaskCompletionSource();
        var cancelled = new TaskCompletionSource();
        var service = new TestService
        {
            Unary = async (request, context) =>
            {
                await TestService.UntilCancelledAsync(context, started);
                cancelled.SetResult();
                return request;
            },
        };
        var endPoint = new MemoryEndPoint();
        await using var server = new GrpcServer();
        server.Services.Add(service.Bind());
        OverTls.Listen(server, endPoint);
        await server.StartAsync();
        await using var client = new RawClient(OverTls.WrapClient(endPoint.Connect()));
        await client.StartAsync();
        await client.RequestAsync(1, "Unary");
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        await RawPeer.Within(started.Task, "the handler to start");
        Task kill = server.KillAsync();
        await RawPeer.Within(cancelled.Task, "the handler's token to be cancelled");
        await client.ExpectEndAsync();
        await client.DisposeAsync();
        await RawPeer.Within(kill, "the server to end");
    }
}
