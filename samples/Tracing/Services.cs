using Grpc.Core;

using MiniGrpc.Samples.Protos.Greeter;

namespace MiniGrpc.Samples.Tracing;

/// <summary>Asks the back server. Nothing here mentions spans: the handler runs in the span of its call, and what it calls becomes a child of that.</summary>
internal sealed class FrontService(Greeter.GreeterClient back) : Greeter.GreeterBase
{
    public override async Task<HelloReply> SayHello(HelloRequest request, ServerCallContext context) =>
        await back.SayHelloAsync(request, deadline: context.Deadline);
}

/// <summary>Answers the second attempt.</summary>
internal sealed class BackService : Greeter.GreeterBase
{
    private int _calls;

    public override Task<HelloReply> SayHello(HelloRequest request, ServerCallContext context) => Interlocked.Increment(ref _calls) == 1
        ? throw new RpcException(new Status(StatusCode.Unavailable, "not yet"))
        : Task.FromResult(new HelloReply { Message = $"Hello {request.Name}" });
}
