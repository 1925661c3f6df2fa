using Grpc.Core;

namespace MiniGrpc.Conformance.Wire.Engine.Client;

/// <content>gRPC over HTTP/2, Responses: answers that aren't gRPC though they carry a <c>grpc-status</c>.</content>
public partial class Responses
{
    [Theory]
    [InlineData("0", StatusCode.Unknown)]
    [InlineData("5", StatusCode.NotFound)]
    public async Task An_answer_that_is_not_grpc_fails_its_call_even_when_it_says_ok(string status, StatusCode expected)
    {
        await using var client = new TestChannel();
        using AsyncUnaryCall<byte[]> call = client.Unary([1]);
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.HeadersAsync(1, endStream: true, ":status=200", "grpc-status=" + status);
        await TestChannel.AssertFailsAsync(call.ResponseAsync, expected, "not gRPC: HTTP status 200, no content-type");
        await client.AssertWorksAsync(server, 3);
    }
}
