using Grpc.Core;

using MiniGrpc.Samples.Protos.Greeter;

namespace MiniGrpc.Samples.Tour;

/// <summary>The server's side of the tour: an ordinary service.</summary>
internal sealed class TourService : Greeter.GreeterBase
{
    private readonly TaskCompletionSource _cancelled = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes when the handler that thinks for too long has learned that nobody waits for it any more.</summary>
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
        while (await requestStream.MoveNext())
        {
            names.Add(requestStream.Current.Name);
        }

        return new HelloReply { Message = $"Hello {string.Join(", ", names)}" };
    }

    public override async Task Chat(
        IAsyncStreamReader<HelloRequest> requestStream, IServerStreamWriter<HelloReply> responseStream, ServerCallContext context)
    {
        while (await requestStream.MoveNext())
        {
            await responseStream.WriteAsync(new HelloReply { Message = $"Hello {requestStream.Current.Name}" });
        }
    }

    private async Task UntilCancelled(CancellationToken cancellationToken)
    {
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
