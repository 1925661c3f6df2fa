using Grpc.Core;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.Server;

/// <summary>RFC 9113 section 5.1 on a server: what may come on a stream in which state, and which identifiers there are.</summary>
public class Section5_1_StreamStates
{
    /// <summary>RFC 9113 section 5.1, "idle": anything but HEADERS and PRIORITY MUST be a PROTOCOL_ERROR of the connection.</summary>
    [Theory]
    [InlineData(FrameTypeName.Data, 3)]
    [InlineData(FrameTypeName.RstStream, 3)]
    [InlineData(FrameTypeName.WindowUpdate, 3)]
    [InlineData(FrameTypeName.Data, 2)]
    [InlineData(FrameTypeName.RstStream, 2)]
    [InlineData(FrameTypeName.WindowUpdate, 2)]
    public async Task A_frame_on_an_idle_stream_is_a_protocol_error(FrameTypeName type, int id)
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Collect");
        await client.SendAsync(o =>
        {
            new FrameHeader(4, (FrameType)type, FrameFlags.None, id).Write(o);
            o.Write([0, 0, 0, 1]);
        });
        await client.ExpectGoAwayAndEndAsync(ErrorCode.ProtocolError, 1, "5.1");
        await server.AssertEndedAsync();
    }

    /// <summary>RFC 9113 section 6.9: an increment of 0 is an error; on an idle stream the worse one counts.</summary>
    [Fact]
    public async Task A_window_update_of_zero_on_an_idle_stream_is_a_connection_error()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.SendAsync(o => WindowUpdateFrame.Write(o, 1, 0));
        await client.ExpectGoAwayAndEndAsync(ErrorCode.ProtocolError, 0, "6.9");
    }

    /// <summary>RFC 9113 section 5.3.2: PRIORITY is deprecated and may come at any time for any stream.</summary>
    [Fact]
    public async Task Priority_is_ignored_on_every_stream()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Collect");
        foreach (int id in new[] { 1, 2, 3, 999 })
        {
            await client.SendAsync(o =>
            {
                new FrameHeader(5, FrameType.Priority, FrameFlags.None, id).Write(o);
                o.Write([0, 0, 0, 7, 16]);
            });
        }

        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        Assert.Equal("0", (await client.ResponseAsync(1)).Status);
        await client.AssertWorksAsync(3);
    }

    /// <summary>RFC 9113 section 5.1.1: streams of a client have odd identifiers.</summary>
    [Theory]
    [InlineData(2)]
    [InlineData(6)]
    public async Task A_request_on_an_even_stream_is_a_protocol_error(int id)
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.AssertWorksAsync(3);
        await client.RequestAsync(id, "Unary");
        await client.ExpectGoAwayAndEndAsync(ErrorCode.ProtocolError, 3, "5.1");
    }

    /// <summary>RFC 9113 section 5.1.1: opening a stream closes all idle ones below it; one of those can't be opened any more.</summary>
    [Fact]
    [Requirement("9113-5.1.1-4")]
    public async Task A_request_on_a_stream_that_was_passed_over_is_a_protocol_error()
    {
        foreach (int passed in new[] { 1, 3, 7, 9_999 })
        {
            await using var server = new TestServer();
            RawClient client = await server.StartAsync();
            await client.AssertWorksAsync(5);
            await client.AssertWorksAsync(10_001);
            await client.RequestAsync(passed, "Unary");
            await client.ExpectGoAwayAndEndAsync(ErrorCode.ProtocolError, 10_001, "5.1.1");
        }
    }

    /// <summary>RFC 9113 section 5.1, "half-closed (remote)": more frames than those allowed MUST be STREAM_CLOSED of the stream.</summary>
    [Theory]
    [InlineData(FrameTypeName.Data)]
    [InlineData(FrameTypeName.Headers)]
    public async Task A_frame_after_the_end_of_the_request_resets_the_stream(FrameTypeName type)
    {
        await using var server = new TestServer();
        Task started = server.Service.HoldUnary();
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Unary");
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        await RawPeer.Within(started, "the handler to start");
        await (type == FrameTypeName.Data ? client.DataAsync(1, [1]) : client.HeadersAsync(1, endStream: true, "late=x"));
        await client.ExpectResetAsync(1, ErrorCode.StreamClosed);
        await client.AssertNothingOnAsync(1);
        await client.AssertWorksAsync(3, "Collect");
        await server.AssertQuietAsync(client);
    }

    /// <summary>RFC 9113 section 5.1, "closed": after the end of both halves a peer had time enough to know.</summary>
    [Theory]
    [InlineData(FrameTypeName.Data)]
    [InlineData(FrameTypeName.Headers)]
    public async Task A_frame_on_a_stream_that_has_ended_is_a_connection_error(FrameTypeName type)
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.AssertWorksAsync(1);
        await client.RoundTripAsync();
        await (type == FrameTypeName.Data ? client.DataAsync(1, [1]) : client.HeadersAsync(1, endStream: true, "late=x"));
        await client.ExpectGoAwayAndEndAsync(ErrorCode.StreamClosed, 1, "5.1");
    }

    /// <summary>RFC 9113 section 5.1, "closed": WINDOW_UPDATE, RST_STREAM and PRIORITY may come for a while.</summary>
    [Fact]
    public async Task Late_window_updates_and_resets_of_a_stream_that_has_ended_are_ignored()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.AssertWorksAsync(1);
        await client.SendAsync(o => WindowUpdateFrame.Write(o, 1, 1));
        await client.SendAsync(o => RstStreamFrame.Write(o, 1, ErrorCode.Cancel));
        await client.AssertWorksAsync(3);
    }

    /// <summary>RFC 9113 section 5.1, "closed": frames that were under way when we reset the stream MUST be ignored.</summary>
    [Fact]
    public async Task Frames_for_a_stream_that_we_have_reset_are_ignored()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.HeadersAsync(1, endStream: false, ":method=POST"); // no request: reset
        await client.ExpectResetAsync(1, ErrorCode.ProtocolError);
        for (int i = 0; i < 2; i++)
        {
            await client.DataAsync(1, new byte[1000]);
            await client.SendAsync(o => WindowUpdateFrame.Write(o, 1, 5));
            await client.HeadersAsync(1, endStream: true, "trailer=x");
            await client.AssertNothingOnAsync(1);
        }

        await client.SendAsync(o => RstStreamFrame.Write(o, 1, ErrorCode.Cancel));
        await client.AssertNothingOnAsync(1);
        await client.AssertWorksAsync(3);
        await server.AssertQuietAsync(client);
    }

    /// <summary>RFC 9113 section 5.1.2: a stream over the limit is refused; its block is decoded all the same (section 4.3).</summary>
    [Fact]
    [Requirement("9113-10.5-2")]
    [Requirement("9113-5.1.2-2")]
    public async Task A_stream_over_the_limit_is_refused_and_the_others_go_on()
    {
        await using var server = new TestServer(options => options.MaxConcurrentStreams = 2);
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Collect");
        await client.RequestAsync(3, "Collect");
        await client.RequestAsync(5, "Collect", "entered-into=the table");
        await client.ExpectResetAsync(5, ErrorCode.RefusedStream);
        await client.DataAsync(5, RawClient.Message(1), endStream: true); // was under way
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        Assert.Equal("0", (await client.ResponseAsync(1)).Status);

        // There is room again as soon as the client knows that a stream has ended.
        server.Service.Collect = (_, context) => Task.FromResult(System.Text.Encoding.ASCII.GetBytes(context.RequestHeaders.GetValue("entered-into")!));
        await client.RequestAsync(7, "Collect", "entered-into=the table");
        RawResponse response = await client.ResponseAsync(7);
        Assert.Equal("0", response.Status);
        Assert.Equal("the table", System.Text.Encoding.ASCII.GetString(response.Data[5..]));
        await client.ExpectResetAsync(7, ErrorCode.NoError);
        await client.SendAsync(o => RstStreamFrame.Write(o, 3, ErrorCode.Cancel));
        await server.AssertQuietAsync(client);
    }

    /// <summary>The memory of closed streams is bounded, and a fast client never meets its limit from behind.</summary>
    [Fact]
    public async Task A_client_that_reuses_its_only_slot_at_once_is_never_refused()
    {
        await using var server = new TestServer(options => options.MaxConcurrentStreams = 1);
        RawClient client = await server.StartAsync();
        for (int id = 1; id < 600; id += 2)
        {
            await client.AssertWorksAsync(id);
        }

        await server.AssertQuietAsync(client);
    }

    /// <summary>RFC 9113 section 8.4: a client can't push.</summary>
    [Fact]
    [Requirement("9113-8.4-7")]
    public async Task A_push_promise_of_a_client_is_a_protocol_error()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Collect");
        await client.SendAsync(o => PushPromiseFrame.Write(o, 1, 2, [], endHeaders: true));
        await client.ExpectGoAwayAndEndAsync(ErrorCode.ProtocolError, 1, "8.4");
    }

    /// <summary>RFC 9113 section 6.4: RST_STREAM of the client cancels the call.</summary>
    [Fact]
    public async Task A_reset_of_the_client_cancels_the_call_and_nothing_more_is_sent()
    {
        await using var server = new TestServer();
        var started = new TaskCompletionSource();
        server.Service.Duplex = async (_, responses, context) =>
        {
            await TestService.UntilCancelledAsync(context, started);
            await Assert.ThrowsAsync<OperationCanceledException>(() => responses.WriteAsync([1]));
            throw new RpcException(new Status(StatusCode.Internal, "nobody hears this"));
        };
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Duplex");
        await RawPeer.Within(started.Task, "the handler to start");
        await client.SendAsync(o => RstStreamFrame.Write(o, 1, ErrorCode.Cancel));
        await server.AssertQuietAsync(client);
        await client.AssertNothingOnAsync(1);
        await client.AssertWorksAsync(3);
    }
}
