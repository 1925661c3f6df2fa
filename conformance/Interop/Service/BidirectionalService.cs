using Grpc.Core;
using MiniGrpc.Samples.Protos.Bidirectional;

namespace MiniGrpc.Conformance.Interop.Service;

/// <summary>The service of protos/bidirectional.proto.</summary>
internal sealed class BidirectionalService : Bidirectional.BidirectionalBase
{
    private const string Greeting = "Hello Server Sending you the ";

    public override async Task GetServerResponse(
        IAsyncStreamReader<Message> requestStream, IServerStreamWriter<Message> responseStream, ServerCallContext context)
    {
        await foreach (Message request in requestStream.ReadAllAsync(context.CancellationToken))
        {
            string received = request.Message_.Replace(Greeting, "", StringComparison.Ordinal);
            await responseStream.WriteAsync(new Message { Message_ = $"Hello from the server received your {received}" });
        }
    }
}
