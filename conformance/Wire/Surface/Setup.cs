using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Server;
using MiniGrpc.Wire;

namespace MiniGrpc.Conformance.Wire.Surface;

/// <summary>A server with one service and a channel to it, over memory.</summary>
internal sealed record Setup(GrpcServer Server, MiniChannel Channel, MemoryEndPoint EndPoint) : IAsyncDisposable
{
    public CallInvoker Invoker { get; } = Channel.CreateCallInvoker();

    public static async Task<Setup> StartAsync(ServerServiceDefinition service)
    {
        MemoryEndPoint endPoint = new();
        GrpcServer server = new();
        server.Services.Add(service);
        server.Listen(endPoint);
        await server.StartAsync();
        return new Setup(server, MiniChannel.ForEndPoint(endPoint), endPoint);
    }

    public Task<byte[]> CallAsync(byte[] request, CallOptions options = default) =>
        Invoker.AsyncUnaryCall(EchoService.Unary, null, options, request).ResponseAsync.WithinLimit("the response");

    public async ValueTask DisposeAsync()
    {
        await Channel.DisposeAsync();
        await Server.DisposeAsync();
    }
}
