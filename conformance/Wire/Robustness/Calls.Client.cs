using Grpc.Core;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Robustness;

/// <summary>Calls against a client, rows 52, 53, 56 and 57: whatever a server answers, the call ends with a status that says why.</summary>
public class CallsOnTheClient
{
    /// <summary>Row 52: gRPC over HTTP/2, Status-Message: what doesn't decode is passed through, or U+FFFD; never an error.</summary>
    [Theory]
    [InlineData("%", "%")]
    [InlineData("100%", "100%")]
    [InlineData("%4", "%4")]
    [InlineData("%zz%41", "%zzA")]
    [InlineData("a%2", "a%2")]
    [InlineData("%C3%28", "\ufffd(")]
    [InlineData("%FF", "\ufffd")]
    [InlineData("\u00ff", "\ufffd")]
    [InlineData("%E2%98%83", "\u2603")]
    [InlineData("", "")]
    public async Task Row52_A_message_that_does_not_decode_never_hides_the_status(string value, string expected)
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        int id = attacked.NextId();
        using AsyncUnaryCall<byte[]> call = attacked.Channel.Unary([1]);
        await attacked.Attacker.RequestAsync(id);
        await attacked.Attacker.HeadersAsync(id, endStream: true, [.. RawServer.Headers200, "grpc-status=5", "grpc-message=" + value]);
        Status status = await TestChannel.FailureAsync(call.ResponseAsync);
        Assert.Equal((StatusCode.NotFound, expected), (status.StatusCode, status.Detail));
        await attacked.AssertUnharmedAsync();
    }

    /// <summary>Row 53: http-grpc-status-mapping.md; the message has the HTTP status and the content-type.</summary>
    [Theory]
    [InlineData("400", StatusCode.Internal)]
    [InlineData("401", StatusCode.Unauthenticated)]
    [InlineData("403", StatusCode.PermissionDenied)]
    [InlineData("404", StatusCode.Unimplemented)]
    [InlineData("429", StatusCode.Unavailable)]
    [InlineData("431", StatusCode.Internal)]
    [InlineData("500", StatusCode.Unknown)]
    [InlineData("502", StatusCode.Unavailable)]
    [InlineData("503", StatusCode.Unavailable)]
    [InlineData("504", StatusCode.Unavailable)]
    [InlineData("200", StatusCode.Unknown)]
    [InlineData("999", StatusCode.Unknown)]
    public async Task Row53_A_status_of_http_is_mapped(string status, StatusCode code)
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        await attacked.OffendAsync(
            code,
            $"The server's answer is not gRPC: HTTP status {status}, content-type 'text/html'.",
            async (server, id) =>
            {
                await server.HeadersAsync(id, endStream: false, ":status=" + status, "content-type=text/html");
                await server.ExpectResetAsync(id, ErrorCode.Cancel);
                await server.DataAsync(id, new byte[1000], endStream: true);
            });
    }

    [Theory]
    [InlineData("trailers", "without a grpc-status")]
    [InlineData("trailers only", "without a grpc-status")]
    [InlineData("data", "without a grpc-status")]
    [InlineData("no number", "grpc-status is 'ok', not a number")]
    public async Task Row53_A_response_without_a_grpc_status_is_unknown(string what, string sentence)
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        await attacked.OffendAsync(
            StatusCode.Unknown,
            sentence,
            async (server, id) =>
            {
                await server.HeadersAsync(id, endStream: what == "trailers only", RawServer.Headers200);
                if (what == "data")
                {
                    await server.DataAsync(id, RawClient.Message(1), endStream: true);
                }
                else if (what != "trailers only")
                {
                    await server.HeadersAsync(id, endStream: true, what == "no number" ? "grpc-status=ok" : "x=y");
                }
            });
    }

    /// <summary>Row 53: gRPC over HTTP/2, Errors. A reset is a server's right: it is the call's status, and nothing for the log.</summary>
    [Theory]
    [InlineData(0, StatusCode.Internal)]
    [InlineData(1, StatusCode.Internal)]
    [InlineData(2, StatusCode.Internal)]
    [InlineData(3, StatusCode.Internal)]
    [InlineData(4, StatusCode.Internal)]
    [InlineData(5, StatusCode.Internal)]
    [InlineData(6, StatusCode.Internal)]
    [InlineData(7, StatusCode.Unavailable)]
    [InlineData(8, StatusCode.Cancelled)]
    [InlineData(9, StatusCode.Internal)]
    [InlineData(10, StatusCode.Internal)]
    [InlineData(11, StatusCode.ResourceExhausted)]
    [InlineData(12, StatusCode.PermissionDenied)]
    [InlineData(13, StatusCode.Internal)]
    [InlineData(14, StatusCode.Internal)]
    public async Task Row53_A_reset_is_mapped(int code, StatusCode status)
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        for (int i = code == 7 ? 1 : 0; i < 2; i++) // REFUSED_STREAM before an answer: see TransparentRetries
        {
            int id = attacked.NextId();
            using AsyncUnaryCall<byte[]> call = attacked.Channel.Unary([1]);
            await attacked.Attacker.RequestAsync(id);
            if (i == 1)
            {
                await attacked.Attacker.HeadersAsync(id, endStream: false, RawServer.Headers200);
                await attacked.Attacker.DataAsync(id, RawClient.Message(1));
            }

            await attacked.Attacker.SendAsync(o => RstStreamFrame.Write(o, id, (ErrorCode)code));
            await TestChannel.AssertFailsAsync(call.ResponseAsync, status, "The server reset the stream: ");
        }

        await attacked.AssertUnharmedAsync();
    }

    /// <summary>Row 56: a server that has answered reads no more: the call ends, the rest of the request is dropped.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Row56_A_response_before_the_end_of_the_request_ends_the_call(bool serverResets)
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        int id = attacked.NextId();
        using AsyncClientStreamingCall<byte[], byte[]> call = attacked.Channel.Collect();
        Task write = call.RequestStream.WriteAsync(new byte[200_000]); // the windows take 65,535 of it
        await attacked.Attacker.ExpectAsync(FrameType.Headers, id);
        await attacked.Attacker.ReplyAsync(id, 5);
        if (serverResets)
        {
            await attacked.Attacker.SendAsync(o => RstStreamFrame.Write(o, id, ErrorCode.NoError));
        }
        else
        {
            // Seen when the rest of the request, which nobody wants, is under way: the client closes its half itself.
            await attacked.Attacker.ExpectAsync("the reset", id, frame => frame.Type == FrameType.RstStream && frame.ErrorCode == ErrorCode.NoError);
        }

        Assert.Equal([5], await RawPeer.Within(call.ResponseAsync, "the response"));
        await Assert.ThrowsAsync<InvalidOperationException>(() => RawPeer.Within(write, "the write to end"));
        await attacked.Attacker.SendAsync(o => WindowUpdateFrame.Write(o, 0, 1_000_000));
        await attacked.AssertUnharmedAsync();
    }

    /// <summary>Row 57: a name that is legal in HTTP and not in Metadata is left out and counted; the call goes on.</summary>
    [Fact]
    public async Task Row57_A_field_that_metadata_cannot_hold_is_skipped_and_counted()
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        using var skipped = new SkippedFields();
        for (int i = 0; i < 3; i++)
        {
            int id = attacked.NextId();
            using AsyncUnaryCall<byte[]> call = attacked.Channel.Unary([1]);
            await attacked.Attacker.RequestAsync(id);
            await attacked.Attacker.HeadersAsync(id, endStream: false, [.. RawServer.Headers200, "x+y=1", "good=1"]);
            await attacked.Attacker.DataAsync(id, RawClient.Message(1));
            await attacked.Attacker.HeadersAsync(id, endStream: true, "grpc-status=0", "a!b=2", "fine=1");
            Assert.Equal([1], await RawPeer.Within(call.ResponseAsync, "the response"));
            Assert.Equal(["good"], (await call.ResponseHeadersAsync).Select(entry => entry.Key));
            Assert.Equal(["fine"], call.GetTrailers().Select(entry => entry.Key));
        }

        Assert.True(skipped.Count >= 6); // other tests count, too
        await attacked.AssertUnharmedAsync("left out of the metadata");
    }

    /// <summary>Row 57: names of our own user.</summary>
    [Theory]
    [InlineData("x+y")]
    [InlineData("a b")]
    [InlineData("a\r\nb")]
    [InlineData("")]
    [InlineData(":path")]
    [InlineData("h\u00e9")]
    public async Task Row57_A_name_that_cannot_be_sent_is_an_argument_exception_before_anything_is_sent(string name)
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        Assert.ThrowsAny<ArgumentException>(() => attacked.Channel.Unary([1], new CallOptions(new Metadata { { name, "v" } })));
        await attacked.Attacker.AssertNothingOnAsync(3);
        await attacked.AssertUnharmedAsync();
    }
}
