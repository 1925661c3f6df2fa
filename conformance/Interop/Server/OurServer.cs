using MiniGrpc.Conformance.Interop.Peers;
using MiniGrpc.Server;

namespace MiniGrpc.Conformance.Interop.Server;

/// <summary>Our server as its user sets it up, and channels to it.</summary>
internal static class OurServer
{
    public static async Task<GrpcServer> StartAsync(Action<GrpcServer> setUp, GrpcServerOptions? options = null)
    {
        GrpcServer server = new(options ?? new GrpcServerOptions());
        setUp(server);
        server.Listen("http://127.0.0.1:0");
        await server.StartAsync();
        return server;
    }

    public static IClientChannel ConnectBy(this GrpcServer server, IClientPeer peer) => peer.Connect(server.Address(), ClientSetup.Default);

    public static ServerAddress Address(this GrpcServer server) => new(Transport.Tcp, server.Addresses.Single());
}
