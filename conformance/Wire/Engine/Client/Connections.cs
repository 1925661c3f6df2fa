using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.Client;

/// <summary>RFC 9113 on a client, what concerns a connection as a whole: its start, and every rule whose breach ends it.</summary>
public class Connections
{
    /// <summary>RFC 9113 sections 3.4 and 6.5.2: the preface, and SETTINGS that disable push.</summary>
    [Fact]
    [Requirement("9113-3.4-1")]
    [Requirement("9113-3.4-3")]
    [Requirement("9113-6.5-1")]
    public async Task A_client_starts_with_the_preface_and_settings_that_disable_push()
    {
        await using var client = new TestChannel();
        Task call = client.Unary([1]).ResponseAsync;
        RawServer server = await client.AcceptAsync();
        RawFrame frame = await server.StartAsync();
        Assert.Null(SettingsFrame.Parse(frame.Header, frame.Payload, out SettingsFrame settings));
        var entries = new Dictionary<SettingId, uint>();
        for (int i = 0; i < settings.Count; i++)
        {
            entries.Add((SettingId)settings[i].Identifier, settings[i].Value);
        }

        var limits = new ReceiveLimits();
        Assert.Equal(0u, entries[SettingId.EnablePush]);
        Assert.Equal((uint)limits.StreamWindow, entries[SettingId.InitialWindowSize]);
        Assert.Equal((uint)limits.MaxFrameSize, entries[SettingId.MaxFrameSize]);
        Assert.Equal((uint)limits.MaxHeaderListSize, entries[SettingId.MaxHeaderListSize]);
        Assert.Equal(limits.ConnectionWindow - 65_535, (await server.ExpectAsync(FrameType.WindowUpdate)).Number);
        await server.RequestAsync(1);
        await server.ReplyAsync(1);
        await RawPeer.Within(call, "the response");
        await client.AssertQuietAsync(server);
    }

    /// <summary>gRPC over HTTP/2, Requests: the fields of a request and their order.</summary>
    [Fact]
    [Requirement("9113-8.3-5")]
    [Requirement("grpc-requests-12")]
    public async Task A_request_has_the_fields_of_grpc_with_the_pseudo_headers_first()
    {
        await using var client = new TestChannel();
        Task call = client.Unary([7], new CallOptions(new Metadata { { "k", "v" }, { "b-bin", [1] } })).ResponseAsync;
        RawServer server = await client.StartAsync();
        (RawFrame head, byte[] data) = await server.RequestAsync(1);
        Assert.Equal(RawClient.Message(7), data);
        Assert.Equal(["POST", OverTls.Scheme, "/test/Unary", "localhost"], new[] { ":method", ":scheme", ":path", ":authority" }.Select(name => head[name]!));
        Assert.All(head.Fields[..4], field => Assert.StartsWith(":", field, StringComparison.Ordinal));
        Assert.Equal(("application/grpc", "trailers", "v", "AQ"), (head["content-type"], head["te"], head["k"], head["b-bin"]));
        Assert.Equal("identity", head["grpc-accept-encoding"]);
        Assert.NotNull(head["user-agent"]);
        await server.ReplyAsync(1);
        await RawPeer.Within(call, "the response");
    }

    /// <summary>RFC 9113 section 3.4: a server's first frame is SETTINGS.</summary>
    [Fact]
    [Requirement("9113-3.4-5")]
    public async Task A_first_frame_other_than_settings_is_a_protocol_error()
    {
        await using var client = new TestChannel();
        Task call = client.Unary([1]).ResponseAsync;
        RawServer server = await client.AcceptAsync();
        await server.ExpectPrefaceAsync();
        await server.SendAsync(o => PingFrame.Write(o, isAck: false, 1));
        await server.ExpectGoAwayAndEndAsync(ErrorCode.ProtocolError, 0, "3.4");
        await TestChannel.AssertFailsAsync(call, StatusCode.Unavailable, "it must be SETTINGS");
    }

    [Theory]
    [InlineData("HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP/1.x")]
    [InlineData("\u0015\u0003\u0001\u0000\u0002\u0002\u0046", "TLS")]
    [Requirement("9113-3.4-5")]
    public async Task A_server_of_another_protocol_is_named_in_the_calls_status(string start, string name)
    {
        await using var client = new TestChannel();
        Task call = client.Unary([1]).ResponseAsync;
        RawServer server = await client.AcceptAsync();
        await server.ExpectPrefaceAsync();
        await server.SendAsync(System.Text.Encoding.Latin1.GetBytes(start));
        await TestChannel.AssertFailsAsync(call, StatusCode.Unavailable, name);
    }

    [Fact]
    public async Task A_server_that_says_nothing_is_given_up()
    {
        var time = new FakeTimeProvider();
        await using var client = new TestChannel(options => options.TimeProvider = time);
        Task call = client.Unary([1]).ResponseAsync;
        RawServer server = await client.AcceptAsync();
        await server.ExpectPrefaceAsync();
        time.Advance(TimeSpan.FromSeconds(19));
        Assert.False(call.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(2));
        await server.ExpectEndAsync();
        await server.DisposeAsync();
        await TestChannel.AssertFailsAsync(call, StatusCode.Unavailable, "20 s");
    }

    /// <summary>
    /// A connection error is answered by GOAWAY, which names no stream since a server opens none; the calls on the connection
    /// fail, and the next call gets a new connection.
    /// </summary>
    [Theory]
    [InlineData("frame too long", ErrorName.FrameSizeError, "4.2")]
    [InlineData("bad block", ErrorName.CompressionError, "4.3")]
    [InlineData("DATA on idle", ErrorName.ProtocolError, "5.1")]
    [InlineData("RST_STREAM on idle", ErrorName.ProtocolError, "5.1")]
    [InlineData("WINDOW_UPDATE on idle", ErrorName.ProtocolError, "5.1")]
    [InlineData("HEADERS on idle", ErrorName.ProtocolError, "5.1")]
    [InlineData("HEADERS on even", ErrorName.ProtocolError, "5.1")]
    [InlineData("DATA on even", ErrorName.ProtocolError, "5.1")]
    [InlineData("DATA on closed", ErrorName.StreamClosed, "5.1")]
    [InlineData("HEADERS on closed", ErrorName.StreamClosed, "5.1")]
    [InlineData("padding", ErrorName.ProtocolError, "6.1")]
    [InlineData("push may be on", ErrorName.ProtocolError, "6.5.2")]
    [InlineData("window too large", ErrorName.FlowControlError, "6.5.2")]
    [InlineData("acknowledgement with payload", ErrorName.FrameSizeError, "6.5")]
    [InlineData("PING too short", ErrorName.FrameSizeError, "6.7")]
    [InlineData("GOAWAY on a stream", ErrorName.ProtocolError, "6.8")]
    [InlineData("WINDOW_UPDATE of zero", ErrorName.ProtocolError, "6.9")]
    [InlineData("window overflow", ErrorName.FlowControlError, "6.9.1")]
    [InlineData("interrupted block", ErrorName.ProtocolError, "6.10")]
    [InlineData("CONTINUATION alone", ErrorName.ProtocolError, "6.10")]
    [InlineData("endless block", ErrorName.EnhanceYourCalm, "10.5")]
    [InlineData("push", ErrorName.ProtocolError, "8.4")]
    [Requirement("9113-8.1-3")]
    [Requirement("9113-10.5-2")]
    public async Task A_server_that_breaks_a_rule_of_the_connection_loses_it(string what, ErrorName code, string section)
    {
        await using var client = new TestChannel();
        Task first = client.Unary([1]).ResponseAsync;
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.ReplyAsync(1);
        await RawPeer.Within(first, "the response");
        Task second = client.Unary([2]).ResponseAsync;
        await server.RequestAsync(3);

        await server.SendAsync(o =>
        {
            switch (what)
            {
                case "frame too long": new FrameHeader(16_385, FrameType.Data, FrameFlags.None, 3).Write(o); break;
                case "bad block": WriteFrame(o, FrameType.Headers, FrameFlags.EndHeaders, 3, 0x80); break;
                case "DATA on idle": WriteFrame(o, FrameType.Data, FrameFlags.None, 5, 1); break;
                case "RST_STREAM on idle": RstStreamFrame.Write(o, 5, ErrorCode.Cancel); break;
                case "WINDOW_UPDATE on idle": WindowUpdateFrame.Write(o, 5, 1); break;
                case "HEADERS on idle": server.Headers(o, 5, endStream: true, RawServer.Headers200); break;
                case "HEADERS on even": server.Headers(o, 2, endStream: true, RawServer.Headers200); break;
                case "DATA on even": WriteFrame(o, FrameType.Data, FrameFlags.None, 2, 1); break;
                case "DATA on closed": WriteFrame(o, FrameType.Data, FrameFlags.None, 1, 1); break;
                case "HEADERS on closed": server.Headers(o, 1, endStream: true, RawServer.Headers200); break;
                case "padding": WriteFrame(o, FrameType.Data, FrameFlags.Padded, 3, 1); break;
                case "push may be on": SettingsFrame.Write(o, [(SettingId.EnablePush, 1)]); break;
                case "window too large": SettingsFrame.Write(o, [(SettingId.InitialWindowSize, 0x8000_0000)]); break;
                case "acknowledgement with payload": WriteFrame(o, FrameType.Settings, FrameFlags.Ack, 0, 0, 0, 0, 0, 0, 0); break;
                case "PING too short": WriteFrame(o, FrameType.Ping, FrameFlags.None, 0, 1); break;
                case "GOAWAY on a stream": WriteFrame(o, FrameType.GoAway, FrameFlags.None, 1, 0, 0, 0, 0, 0, 0, 0, 0); break;
                case "WINDOW_UPDATE of zero": WindowUpdateFrame.Write(o, 0, 0); break;
                case "window overflow": WindowUpdateFrame.Write(o, 0, int.MaxValue); break;
                case "interrupted block":
                    WriteFrame(o, FrameType.Headers, FrameFlags.None, 3, 0x88);
                    PingFrame.Write(o, isAck: false, 0);
                    break;
                case "CONTINUATION alone": WriteFrame(o, FrameType.Continuation, FrameFlags.EndHeaders, 3, 0x88); break;
                case "endless block":
                    WriteFrame(o, FrameType.Headers, FrameFlags.None, 3, 0x88);
                    for (int i = 0; i < 20; i++)
                    {
                        ContinuationFrame.Write(o, 3, [], endHeaders: false);
                    }

                    break;
                default: PushPromiseFrame.Write(o, 3, 2, [], endHeaders: true); break;
            }
        });
        await server.ExpectGoAwayAndEndAsync((ErrorCode)code, 0, section);
        await TestChannel.AssertFailsAsync(second, StatusCode.Unavailable, $"section {section})");

        Task third = client.Unary([3]).ResponseAsync;
        RawServer next = await client.StartAsync();
        await next.RequestAsync(1);
        await next.ReplyAsync(1);
        await RawPeer.Within(third, "the response on a new connection");
    }

    /// <summary>RFC 9113 sections 6.5.3 and 6.7: SETTINGS are acknowledged and PING is answered.</summary>
    [Fact]
    [Requirement("grpc-connections-5")]
    public async Task Settings_and_pings_are_answered()
    {
        await using var client = new TestChannel();
        Task call = client.Unary([1]).ResponseAsync;
        RawServer server = await client.StartAsync();
        await server.SendAsync(o => SettingsFrame.Write(o, [(SettingId.MaxConcurrentStreams, 10)]));
        await server.ExpectAsync(FrameType.Settings, 0, FrameFlags.Ack);
        await server.SendAsync(o => PingFrame.Write(o, isAck: false, 0x0102030405060708));
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8], (await server.ExpectAsync(FrameType.Ping, 0, FrameFlags.Ack)).Payload);
        await server.AssertNothingOnAsync(0);
        await server.RequestAsync(1);
        await server.ReplyAsync(1);
        await RawPeer.Within(call, "the response");
    }

    /// <summary>RFC 9113 section 4.3.1: the server's header table may be smaller than ours would be, at any time.</summary>
    [Fact]
    [Requirement("7541-4.2-1")]
    [Requirement("7541-4.2-2")]
    [Requirement("9113-4.3.1-1")]
    [Requirement("9113-6.5-2")]
    public async Task A_server_that_shrinks_its_header_table_gets_blocks_that_it_can_decode()
    {
        await using var client = new TestChannel();
        Task call = client.Unary([1]).ResponseAsync;
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.ReplyAsync(1);
        await RawPeer.Within(call, "the response");
        await client.AssertWorksAsync(server, 3);
        await server.SendAsync(o => SettingsFrame.Write(o, [(SettingId.HeaderTableSize, 0)]));
        await server.ExpectAsync(FrameType.Settings, 0, FrameFlags.Ack);
        server.LimitHeaderTable(0);
        await client.AssertWorksAsync(server, 5);
        await client.AssertWorksAsync(server, 7);
        await client.AssertQuietAsync(server);
    }

    /// <summary>RFC 9113 section 6.9.1: DATA beyond the connection's window ends the connection.</summary>
    [Fact]
    public async Task Data_beyond_the_window_of_the_connection_ends_the_connection()
    {
        await using var client = new TestChannel();
        var calls = new List<AsyncServerStreamingCall<byte[]>> { client.Spread([1]) };
        RawServer server = await client.StartAsync();
        byte[] data = new byte[16_384];
        int id = 1;
        for (bool exhausted = false; !exhausted; id += 2)
        {
            Assert.InRange(id, 1, 199);
            await server.RequestAsync(id);
            await server.RoundTripAsync();
            await server.HeadersAsync(id, endStream: false, RawServer.Headers200);
            int window = new ReceiveLimits().StreamWindow;
            for (; window > 0 && server.ConnectionCredit > 0; window -= data.Length)
            {
                await server.DataAsync(id, data);
            }

            await server.RoundTripAsync();
            exhausted = server.ConnectionCredit == 0;
            calls.Add(client.Spread([1]));
        }

        await server.DataAsync(1, [1]);
        await server.ExpectGoAwayAndEndAsync(ErrorCode.FlowControlError, 0, "6.9.1");
        foreach (AsyncServerStreamingCall<byte[]> call in calls)
        {
            await TestChannel.AssertFailsAsync(call.ResponseStream.MoveNext(CancellationToken.None), StatusCode.Unavailable, "window");
        }
    }

    private static void WriteFrame(MiniGrpc.Wire.Buffers.OutputBuffer output, FrameType type, FrameFlags flags, int id, params ReadOnlySpan<byte> payload)
    {
        new FrameHeader(payload.Length, type, flags, id).Write(output);
        output.Write(payload);
    }
}
