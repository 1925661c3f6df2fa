using MiniGrpc.Conformance.Interop.Service;
using MiniGrpc.Conformance.Protos;
using MiniGrpc.Samples.Protos.Bidirectional;
using MiniGrpc.Samples.Protos.Unary;

namespace MiniGrpc.Conformance.Interop.Peers;

/// <summary>A running server of some peer, with the service that it serves.</summary>
internal sealed class HostedServer : IAsyncDisposable
{
    private readonly IRunningServer _server;

    private HostedServer(IRunningServer server, ConformanceService service)
    {
        _server = server;
        Service = service;
    }

    public ConformanceService Service { get; }

    public ServerAddress Address => _server.Address;

    public static async Task<HostedServer> StartAsync(IServerPeer peer, Transport transport, Func<ServerSetup, ServerSetup> change)
    {
        ConformanceService service = new(peer.GzipResponses);
        ServerSetup setup = new()
        {
            Transport = transport,
            Services =
            [
                TestService.BindService(service),
                Unary.BindService(new UnaryService()),
                Bidirectional.BindService(new BidirectionalService()),
            ],
        };
        return new HostedServer(await peer.StartAsync(change(setup)), service);
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();
}
