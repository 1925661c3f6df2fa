using System.Runtime.InteropServices;

using Grpc.Core;

using MiniGrpc.Samples.Protos.Bidirectional;
using MiniGrpc.Server;
using MiniGrpc.Wire;

string address = args.FirstOrDefault() ?? "http://127.0.0.1:50051";

await using var server = new GrpcServer();
server.Services.Add(Bidirectional.BindService(new BidirectionalService()));
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

internal sealed class BidirectionalService : Bidirectional.BidirectionalBase
{
    public override async Task GetServerResponse(
        IAsyncStreamReader<Message> requestStream, IServerStreamWriter<Message> responseStream, ServerCallContext context)
    {
        // Ends when the client has said that it is done; returning then says the same to the client.
        await foreach (Message request in requestStream.ReadAllAsync())
        {
            Console.WriteLine($"Received \"{request.Message_}\"");
            string reply = $"Hello from the server received your {Ordinal(request.Message_)}message";
            await responseStream.WriteAsync(new Message { Message_ = reply });
        }
    }

    /// <summary>"First " of "… Sending you the First message"; nothing of another text.</summary>
    private static string Ordinal(string text) => text.Split(' ') is [.., string ordinal, "message"] ? ordinal + " " : "";
}
