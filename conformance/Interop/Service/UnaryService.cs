using Grpc.Core;
using MiniGrpc.Samples.Protos.Unary;

namespace MiniGrpc.Conformance.Interop.Service;

/// <summary>The service of protos/unary.proto.</summary>
internal sealed class UnaryService : Unary.UnaryBase
{
    public override Task<MessageResponse> GetServerResponse(Message request, ServerCallContext context) => Task.FromResult(new MessageResponse
    {
        Message = $"Hello I am up and running. Received '{request.Message_}' message from you",
        Received = true,
    });
}
