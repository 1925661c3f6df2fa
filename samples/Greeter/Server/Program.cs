using Grpc.Core;

using MiniGrpc.Samples;
using MiniGrpc.Samples.Protos.Greeter;
using MiniGrpc.Server;
using MiniGrpc.Wire;

return await Sample.RunAsync(async () =>
{
    await using var server = new GrpcServer();
    server.Services.Add(Greeter.BindService(new GreeterService()));
    server.Listen(args.FirstOrDefault() ?? Sample.Address);
    await server.StartAsync();

    using var signal = new StopSignal();
    Console.WriteLine($"Listening on {server.Addresses[0]} (Ctrl+C stops)");
    await signal.Requested;

    // New calls are refused from here on; those under way get five seconds to finish.
    await server.ShutdownAsync(TimeSpan.FromSeconds(5));
    Console.WriteLine("Stopped");
});

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
