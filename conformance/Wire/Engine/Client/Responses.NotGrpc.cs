using Grpc.Core;

namespace MiniGrpc.Conformance.Wire.Engine.Client;

/// <content>gRPC over HTTP/2, Responses: answers that aren't gRPC though they carry a <c>grpc-status</c>.</content>
public partial class Responses
{
    /// <summary>Its status counts (it must be used where there is one), but OK is not how an answer ends that is no gRPC.</summary>
    [Theory]
    [InlineData("0", StatusCode.Unknown, "not gRPC: HTTP status 200, no content-type")]
    [InlineData("5", StatusCode.NotFound, "")]
    public async Task An_answer_that_is_nothing_but_a_status_never_ends_a_unary_call_with_ok(string status, StatusCode expected, string detail)
    {
        await using var client = new TestChannel();
        using AsyncUnaryCall<byte[]> call = client.Unary([1]);
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.HeadersAsync(1, endStream: true, ":status=200", "grpc-status=" + status);
        await TestChannel.AssertFailsAsync(call.ResponseAsync, expected, detail);
        await client.AssertWorksAsync(server, 3);
    }
}
