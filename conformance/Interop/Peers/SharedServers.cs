using System.Collections.Concurrent;
using MiniGrpc.Conformance.Interop.Peers;

[assembly: AssemblyFixture(typeof(SharedServers))]

namespace MiniGrpc.Conformance.Interop.Peers;

/// <summary>One server a peer and transport, started when the first test asks for it and stopped after the last test.</summary>
public sealed class SharedServers : IAsyncDisposable
{
    private readonly ConcurrentDictionary<(IServerPeer, Transport), Lazy<Task<HostedServer>>> _servers = [];

    internal Task<HostedServer> GetAsync(IServerPeer peer, Transport transport) =>
        _servers.GetOrAdd((peer, transport), _ => new(() => HostedServer.StartAsync(peer, transport, setup => setup))).Value;

    public async ValueTask DisposeAsync()
    {
        foreach (Lazy<Task<HostedServer>> server in _servers.Values.Where(server => server.Value.IsCompletedSuccessfully))
        {
            await (await server.Value).DisposeAsync();
        }
    }
}
