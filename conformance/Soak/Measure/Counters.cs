using System.Runtime.CompilerServices;
using MiniGrpc.Conformance.Soak.World;
using MiniGrpc.Server;
using MiniGrpc.Wire.Connection;

namespace MiniGrpc.Conformance.Soak.Measure;

/// <summary>The engine's own counters, some of them in private fields.</summary>
internal static class Counters
{
    /// <summary>Handlers that have not returned.</summary>
    public static int RunningCalls(IEnumerable<Site> sites) => sites.Sum(site => Core(site.Server)?.RunningCalls ?? 0);

    /// <summary>Connections that servers have.</summary>
    public static int ServerConnections(IEnumerable<Site> sites) => sites.Sum(site => Core(site.Server) is { } core ? CountOf(Connections(core)) : 0);

    /// <summary>Connections that channels have.</summary>
    public static int ClientConnections(IEnumerable<Site> sites) => sites.Sum(site => site.Channel.Core.Connections.Count);

    /// <summary>Calls that wait for a connection.</summary>
    public static int WaitingCalls(IEnumerable<Site> sites) => sites.Sum(site => site.Channel.Core.Router.WaitingCalls);

    private static int CountOf(ICollection<Http2Connection> connections)
    {
        lock (connections)
        {
            return connections.Count;
        }
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_core")]
    private static extern ref ServerCore? Core(GrpcServer server);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_connections")]
    private static extern ref HashSet<Http2Connection> Connections(ServerCore core);
}
