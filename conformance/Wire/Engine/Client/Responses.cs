using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.Client;

/// <summary>gRPC over HTTP/2, Responses, on a client: what makes a response, and the status of a call that gets something else.</summary>
public partial class Responses
{
    private static readonly string[] s_ok = ["grpc-status=0"];

    [Fact]
    [Requirement("grpc-responses-5")]
    [Requirement("grpc-responses-9")]
    public async Task Trailers_only_is_a_response()
    {
        await using var client = new TestChannel();
        using AsyncUnaryCall<byte[]> call = client.Unary([1]);
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.HeadersAsync(1, endStream: true, [.. RawServer.Headers200, "grpc-status=5", "grpc-message=not %E2%98%83", "k=v"]);
        await TestChannel.AssertFailsAsync(call.ResponseAsync, StatusCode.NotFound, "not ☃");
        Assert.Equal("v", call.GetTrailers().GetValue("k"));
        await client.AssertWorksAsync(server, 3);
        await client.AssertQuietAsync(server);
    }

    [Fact]
    [Requirement("grpc-messages-5")]
    public async Task Headers_are_there_before_the_first_message_and_trailers_after_the_last()
    {
        await using var client = new TestChannel();
        using AsyncServerStreamingCall<byte[]> call = client.Spread([1]);
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.HeadersAsync(1, endStream: false, [.. RawServer.Headers200, "k=v"]);
        Assert.Equal("v", (await RawPeer.Within(call.ResponseHeadersAsync, "the headers")).GetValue("k"));
        byte[] message = RawClient.Message(1, 2, 3);
        Task<bool> next = call.ResponseStream.MoveNext(CancellationToken.None);
        foreach (byte octet in message)
        {
            Assert.False(next.IsCompleted);
            await server.SendAsync(o => DataFrame.Write(o, 1, [octet], endStream: false, padLength: 7));
        }

        Assert.True(await RawPeer.Within(next, "the message"));
        Assert.Equal([1, 2, 3], call.ResponseStream.Current);
        next = call.ResponseStream.MoveNext(CancellationToken.None);
        await server.HeadersAsync(1, endStream: true, "grpc-status=0", "t=u");
        Assert.False(await RawPeer.Within(next, "the end"));
        Assert.Equal("u", call.GetTrailers().GetValue("t"));
        await client.AssertQuietAsync(server);
    }

    /// <summary>RFC 9113 section 8.1: interim responses come before the final one and mean nothing to gRPC.</summary>
    [Fact]
    [Requirement("grpc-mapping-4")]
    public async Task Interim_responses_are_passed_over()
    {
        await using var client = new TestChannel();
        Task<byte[]> call = client.Unary([1]).ResponseAsync;
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.HeadersAsync(1, endStream: false, ":status=100");
        await server.HeadersAsync(1, endStream: false, ":status=103", "link=x");
        await server.ReplyAsync(1, 9);
        Assert.Equal([9], await RawPeer.Within(call, "the response"));
        await client.AssertQuietAsync(server);
    }

    /// <summary>http-grpc-status-mapping.md: the status of a response that doesn't come from a gRPC server.</summary>
    [Theory]
    [InlineData("400", StatusCode.Internal)]
    [InlineData("401", StatusCode.Unauthenticated)]
    [InlineData("403", StatusCode.PermissionDenied)]
    [InlineData("404", StatusCode.Unimplemented)]
    [InlineData("429", StatusCode.Unavailable)]
    [InlineData("502", StatusCode.Unavailable)]
    [InlineData("503", StatusCode.Unavailable)]
    [InlineData("504", StatusCode.Unavailable)]
    [InlineData("500", StatusCode.Unknown)]
    [InlineData("302", StatusCode.Unknown)]
    [Requirement("grpc-mapping-1")]
    [Requirement("grpc-responses-6")]
    [Requirement("grpc-responses-7")]
    public async Task A_status_of_http_is_mapped(string status, StatusCode code)
    {
        await FailsAsync(code, "HTTP status " + status, (server, id) => server.HeadersAsync(id, endStream: true, ":status=" + status));
        await FailsAsync(
            code,
            "text/html",
            async (server, id) =>
            {
                await server.HeadersAsync(id, endStream: false, ":status=" + status, "content-type=text/html");
                await server.ExpectResetAsync(id, ErrorCode.Cancel);
                await server.DataAsync(id, new byte[1000], endStream: true);
            });
    }

    [Fact]
    [Requirement("grpc-responses-6")]
    [Requirement("grpc-responses-7")]
    public Task Another_content_type_is_unknown() => FailsAsync(
        StatusCode.Unknown,
        "text/html",
        async (server, id) =>
        {
            await server.HeadersAsync(id, endStream: false, ":status=200", "content-type=text/html");
            await server.ExpectResetAsync(id, ErrorCode.Cancel);
        });

    [Theory]
    [InlineData("trailers")]
    [InlineData("trailers only")]
    [InlineData("data")]
    [Requirement("grpc-responses-6")]
    [Requirement("grpc-responses-7")]
    public Task A_response_without_a_grpc_status_is_unknown(string end) => FailsAsync(
        StatusCode.Unknown,
        "without a grpc-status",
        async (server, id) =>
        {
            await server.HeadersAsync(id, endStream: end == "trailers only", RawServer.Headers200);
            if (end == "trailers")
            {
                await server.HeadersAsync(id, endStream: true, "x=y");
            }
            else if (end == "data")
            {
                await server.DataAsync(id, RawClient.Message(1), endStream: true);
            }
        });

    [Theory]
    [InlineData("x")]
    [InlineData("")]
    [InlineData("-1")]
    [Requirement("grpc-responses-8")]
    public Task A_grpc_status_that_is_no_number_is_unknown(string value) => FailsAsync(
        StatusCode.Unknown, "not a number", (server, id) => server.HeadersAsync(id, endStream: true, [.. RawServer.Headers200, "grpc-status=" + value]));

    [Fact]
    [Requirement("grpc-statuses-2")]
    public Task A_grpc_status_without_a_name_is_unknown() => FailsAsync(
        StatusCode.Unknown, "why", (server, id) => server.HeadersAsync(id, endStream: true, [.. RawServer.Headers200, "grpc-status=99", "grpc-message=why"]));

    /// <summary>gRPC over HTTP/2, Errors: the status of a call that the server resets.</summary>
    [Theory]
    [InlineData(ErrorName.NoError, StatusCode.Internal)]
    [InlineData(ErrorName.ProtocolError, StatusCode.Internal)]
    [InlineData(ErrorName.InternalError, StatusCode.Internal)]
    [InlineData(ErrorName.FlowControlError, StatusCode.Internal)]
    [InlineData(ErrorName.FrameSizeError, StatusCode.Internal)]
    [InlineData(ErrorName.RefusedStream, StatusCode.Unavailable)]
    [InlineData(ErrorName.Cancel, StatusCode.Cancelled)]
    [InlineData(ErrorName.CompressionError, StatusCode.Internal)]
    [InlineData(ErrorName.EnhanceYourCalm, StatusCode.ResourceExhausted)]
    [InlineData(ErrorName.InadequateSecurity, StatusCode.PermissionDenied)]
    [Requirement("grpc-errors-2")]
    [Requirement("grpc-errors-3")]
    public async Task A_reset_is_mapped(ErrorName code, StatusCode status)
    {
        Task Reset(RawServer server, int id) => server.SendAsync(o => RstStreamFrame.Write(o, id, (ErrorCode)code));
        if (code != ErrorName.RefusedStream) // that is sent again: see TransparentRetries
        {
            await FailsAsync(status, ErrorCodes.Name((ErrorCode)code), Reset);
        }

        await FailsAsync(
            status,
            ErrorCodes.Name((ErrorCode)code),
            async (server, id) =>
            {
                await server.HeadersAsync(id, endStream: false, RawServer.Headers200);
                await server.DataAsync(id, RawClient.Message(1)[..3]);
                await Reset(server, id);
            });
    }

    /// <summary>RFC 9113 section 8.1: a server may answer before the request has ended; the client then stops sending.</summary>
    [Fact]
    [Requirement("9113-8.1-8")]
    [Requirement("grpc-errors-10")]
    public async Task A_response_before_the_end_of_the_request_ends_the_call()
    {
        await using var client = new TestChannel();
        using AsyncClientStreamingCall<byte[], byte[]> call = client.Collect();
        RawServer server = await client.StartAsync();
        Task write = call.RequestStream.WriteAsync(new byte[200_000]); // the window takes 65,535
        await server.ExpectAsync(FrameType.Headers, 1);
        await server.SendAsync(o => WindowUpdateFrame.Write(o, 0, 100_000));
        await server.ReplyAsync(1, 5);
        await server.ExpectAsync("the reset", 1, frame => frame.Type == FrameType.RstStream && frame.ErrorCode == ErrorCode.NoError);
        await server.SendAsync(o => RstStreamFrame.Write(o, 1, ErrorCode.NoError));
        Assert.Equal([5], await RawPeer.Within(call.ResponseAsync, "the response"));
        await Assert.ThrowsAsync<InvalidOperationException>(() => RawPeer.Within(write, "the write to end"));
        await Assert.ThrowsAsync<InvalidOperationException>(() => call.RequestStream.WriteAsync([1]));
        await call.RequestStream.CompleteAsync();
        await client.AssertWorksAsync(server, 3);
        await client.AssertQuietAsync(server);
    }

    /// <summary>Makes a call on a new channel, answers it as told, and asserts how it ends, and that the connection works on.</summary>
    private static async Task FailsAsync(
        StatusCode code, string detail, Func<RawServer, int, Task> answer, Action<MiniChannelOptions>? configure = null, bool streaming = false)
    {
        await using var client = new TestChannel(configure);
        using AsyncServerStreamingCall<byte[]>? many = streaming ? client.Spread([1]) : null;
        using AsyncUnaryCall<byte[]>? one = streaming ? null : client.Unary([1]);
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await answer(server, 1);
        if (many is null)
        {
            await TestChannel.AssertFailsAsync(one!.ResponseAsync, code, detail);
            Assert.Equal(code, one.GetStatus().StatusCode);
        }
        else
        {
            await Eventually.IsTrueAsync(() => HasStatus(many), "the call to end");
            await TestChannel.AssertFailsAsync(many.ResponseStream.MoveNext(CancellationToken.None), code, detail);
        }

        await client.AssertWorksAsync(server, 3);
        await client.AssertQuietAsync(server);
    }

    private static bool HasStatus(AsyncServerStreamingCall<byte[]> call)
    {
        try
        {
            call.GetStatus();
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }
}
