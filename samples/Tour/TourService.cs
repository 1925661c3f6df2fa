using Grpc.Core;

using MiniGrpc.Samples.Protos.Greeter;
using MiniGrpc.Wire;

namespace MiniGrpc.Samples.Tour;

/// <summary>The server's side of the tour: an ordinary service.</summary>
internal sealed class TourService : Greeter.GreeterBase
{
    private readonly TaskCompletionSource _waiting = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _cancelled = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes when a handler waits for Godot.</summary>
    public Task WaitingForGodot => _waiting.Task;

    /// <summary>Completes when that handler has learned that nobody waits for its reply any more.</summary>
    public Task Cancelled => _cancelled.Task;

    public override async Task<HelloReply> SayHello(HelloRequest request, ServerCallContext context)
    {
        switch (request.Name)
        {
            case "":
                throw new RpcException(new Status(StatusCode.InvalidArgument, "No name – whom to greet?"));
            case "Godot":
                await UntilCancelled(context.CancellationToken);
                break;
        }

        return new HelloReply { Message = $"Hello {request.Name}" };
    }

    public override async Task SayHellos(HelloRequest request, IServerStreamWriter<HelloReply> responseStream, ServerCallContext context)
    {
        for (int i = 1; i <= request.Count; i++)
        {
            await responseStream.WriteAsync(new HelloReply { Message = $"Hello {request.Name}, {i} of {request.Count}" });
        }
    }

    public override async Task<HelloReply> GreetMany(IAsyncStreamReader<HelloRequest> requestStream, ServerCallContext context)
    {
        var names = new List<string>();
        await foreach (HelloRequest request in requestStream.ReadAllAsync())
        {
            names.Add(request.Name);
        }

        return new HelloReply { Message = $"Hello {string.Join(", ", names)}" };
    }

    public override async Task Chat(
        IAsyncStreamReader<HelloRequest> requestStream, IServerStreamWriter<HelloReply> responseStream, ServerCallContext context)
    {
        await foreach (HelloRequest request in requestStream.ReadAllAsync())
        {
            await responseStream.WriteAsync(new HelloReply { Message = $"Hello {request.Name}" });
        }
    }

    private async Task UntilCancelled(CancellationToken cancellationToken)
    {
        _waiting.SetResult();
        try
        {
            await Task.Delay(Timeout.Infinite, cancellationToken);
        }
        finally
        {
            _cancelled.SetResult();
        }
    }
}
