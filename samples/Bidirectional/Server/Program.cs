using Grpc.Core;

using MiniGrpc.Samples;
using MiniGrpc.Samples.Protos.Bidirectional;
using MiniGrpc.Server;
using MiniGrpc.Wire;

return await Sample.RunAsync(async () =>
{
    await using var server = new GrpcServer();
    server.Services.Add(Bidirectional.BindService(new BidirectionalService()));
    server.Listen(args.FirstOrDefault() ?? Sample.Address);
    await server.StartAsync();

    using var signal = new StopSignal();
    Console.WriteLine($"Listening on {server.Addresses[0]} (Ctrl+C stops)");
    await signal.Requested;

    // New calls are refused from here on; those under way get five seconds to finish.
    await server.ShutdownAsync(TimeSpan.FromSeconds(5));
    Console.WriteLine("Stopped");
});

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
