using Grpc.Core;

using MiniGrpc.Samples.Protos.Greeter;
using MiniGrpc.Wire;

namespace MiniGrpc.Samples.InMemory;

/// <summary>The service to be tested. It takes its clock from outside, as whatever depends on the time of day should.</summary>
internal sealed class GreeterService(TimeProvider clock) : Greeter.GreeterBase
{
    public override Task<HelloReply> SayHello(HelloRequest request, ServerCallContext context)
    {
        if (request.Name.Length == 0)
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, "the name is missing"));
        }

        string greeting = clock.GetUtcNow().Hour < 12 ? "Good morning" : "Good afternoon";
        return Task.FromResult(new HelloReply { Message = $"{greeting}, {request.Name}" });
    }

    public override async Task Chat(
        IAsyncStreamReader<HelloRequest> requestStream, IServerStreamWriter<HelloReply> responseStream, ServerCallContext context)
    {
        await foreach (HelloRequest request in requestStream.ReadAllAsync())
        {
            await responseStream.WriteAsync(new HelloReply { Message = $"Hello {request.Name}" });
        }
    }
}
