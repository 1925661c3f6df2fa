using Grpc.Core;

using MiniGrpc.Client;
using MiniGrpc.Server;
using MiniGrpc.Wire;

namespace MiniGrpc.Samples.InMemory;

/// <summary>
/// A server with one service, and a channel to it, connected by memory: no socket, no port that is taken, nothing left behind. The octets between
/// them are those of a real connection, so serialisation, metadata, statuses, deadlines and flow control are tested along.
/// </summary>
internal sealed class InMemoryHost : IAsyncDisposable
{
    private readonly GrpcServer _server;

    private InMemoryHost(GrpcServer server, MiniChannel channel)
    {
        _server = server;
        Channel = channel;
    }

    /// <summary>For generated clients.</summary>
    public MiniChannel Channel { get; }

    /// <summary>Starts the server. Both ends go by <paramref name="clock"/>: deadlines pass when it says so.</summary>
    public static async Task<InMemoryHost> StartAsync(ServerServiceDefinition service, TimeProvider clock)
    {
        var endPoint = new MemoryEndPoint();
        var server = new GrpcServer(new GrpcServerOptions { TimeProvider = clock });
        server.Services.Add(service);
        server.Listen(endPoint);
        await server.StartAsync();
        return new InMemoryHost(server, MiniChannel.ForEndPoint(endPoint, new MiniChannelOptions { TimeProvider = clock }));
    }

    public async ValueTask DisposeAsync()
    {
        await Channel.DisposeAsync();
        await _server.DisposeAsync();
    }
}
