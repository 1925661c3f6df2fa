using Grpc.Core;

using MiniGrpc.Samples;
using MiniGrpc.Samples.Protos.Unary;
using MiniGrpc.Server;

return await Sample.RunAsync(async () =>
{
    await using var server = new GrpcServer();
    server.Services.Add(Unary.BindService(new UnaryService()));
    server.Listen(args.FirstOrDefault() ?? Sample.Address);
    await server.StartAsync();

    using var signal = new StopSignal();
    Console.WriteLine($"Listening on {server.Addresses[0]} (Ctrl+C stops)");
    await signal.Requested;

    // New calls are refused from here on; those under way get five seconds to finish.
    await server.ShutdownAsync(TimeSpan.FromSeconds(5));
    Console.WriteLine("Stopped");
});

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
