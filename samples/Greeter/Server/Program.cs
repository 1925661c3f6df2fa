using System.Runtime.InteropServices;

using Grpc.Core;

using MiniGrpc.Samples.Protos.Greeter;
using MiniGrpc.Server;
using MiniGrpc.Wire;

string address = args.FirstOrDefault() ?? "http://127.0.0.1:50051";

await using var server = new GrpcServer();
server.Services.Add(Greeter.BindService(new GreeterService()));
try
{
    server.Listen(address);
    await server.StartAsync();
}
catch (Exception e) when (e is ArgumentException or IOException)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}

var stop = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);

Console.WriteLine($"Listening on {server.Addresses[0]} (Ctrl+C stops)");
await stop.Task;

// New calls are refused from here on; those under way get five seconds to finish.
await server.ShutdownAsync(TimeSpan.FromSeconds(5));
Console.WriteLine("Stopped");
return 0;

void Stop(PosixSignalContext signal)
{
    signal.Cancel = true; // otherwise the signal ends the process at once
    stop.TrySetResult();
}

internal sealed class GreeterService : Greeter.GreeterBase
{
    public override Task<HelloReply> SayHello(HelloRequest request, ServerCallContext context) =>
        Task.FromResult(new HelloReply { Message = $"Hello {request.Name}" });

    public override async Task SayHellos(
        HelloRequest request, IServerStreamWriter<HelloReply> responseStream, ServerCallContext context)
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
}
