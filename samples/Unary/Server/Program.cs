using System.Runtime.InteropServices;

using Grpc.Core;

using MiniGrpc.Samples.Protos.Unary;
using MiniGrpc.Server;

string address = args.FirstOrDefault() ?? "http://127.0.0.1:50051";

await using var server = new GrpcServer();
server.Services.Add(Unary.BindService(new UnaryService()));
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

internal sealed class UnaryService : Unary.UnaryBase
{
    public override Task<MessageResponse> GetServerResponse(Message request, ServerCallContext context)
    {
        Console.WriteLine($"Received \"{request.Message_}\" from {context.Peer}");
        return Task.FromResult(new MessageResponse
        {
            Message = $"Hello I am up and running. Received '{request.Message_}' message from you",
            Received = true,
        });
    }
}
