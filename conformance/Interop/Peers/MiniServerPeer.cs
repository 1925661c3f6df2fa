using System.Net.Sockets;
using Grpc.Core;
using MiniGrpc.Conformance.Wire.Tls;
using MiniGrpc.Server;
using MiniGrpc.Wire;

namespace MiniGrpc.Conformance.Interop.Peers;

/// <summary>Our server.</summary>
internal sealed class MiniServerPeer : IServerPeer
{
    public string Name => "MiniGrpc";

    public async Task<IRunningServer> StartAsync(ServerSetup setup)
    {
        GrpcServerOptions options = new()
        {
            CompressionProviders = { new GzipCompressionProvider(System.IO.Compression.CompressionLevel.Fastest) },
            MaxSendMessageSize = setup.MaxSendMessageSize,
        };
        options.MaxReceiveMessageSize = setup.MaxReceiveMessageSize ?? options.MaxReceiveMessageSize;
        options.MaxConcurrentStreams = setup.MaxConcurrentStreams ?? options.MaxConcurrentStreams;
        GrpcServer server = new(options);
        foreach (ServerServiceDefinition service in setup.Services)
        {
            server.Services.Add(service);
        }

        string? path = null;
        MemoryEndPoint? memory = null;
        switch (setup.Transport)
        {
            case Transport.Tcp:
                server.Listen($"http://127.0.0.1:{setup.Port}");
                break;
            case Transport.Tls:
                server.Listen($"https://127.0.0.1:{setup.Port}", new ServerTls(TestCertificates.Server)
                {
                    ClientCertificateMode = setup.RequiresClientCertificate ? ClientCertificateMode.Require : ClientCertificateMode.None,
                    ClientRoots = TestCertificates.Roots,
                });
                break;
            case Transport.UnixSocket:
                path = Path.Combine(Path.GetTempPath(), $"minigrpc-{Guid.NewGuid():N}.sock");
                server.Listen(new UnixDomainSocketEndPoint(path));
                break;
            case Transport.InMemory:
                memory = new MemoryEndPoint();
                server.Listen(memory);
                break;
        }

        await server.StartAsync();
        return new RunningServer(server, new ServerAddress(setup.Transport, server.Addresses.Single(), memory));
    }

    private sealed class RunningServer(GrpcServer server, ServerAddress address) : IRunningServer
    {
        public ServerAddress Address => address;

        public ValueTask DisposeAsync() => server.DisposeAsync();
    }
}
