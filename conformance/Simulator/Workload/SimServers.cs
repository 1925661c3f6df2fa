using Microsoft.Extensions.Logging.Abstractions;

using MiniGrpc.Server;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Connection;

namespace MiniGrpc.Conformance.Simulator;

/// <summary>The servers of a run, one after the other: killed, shut down, and started again at the seed's whim.</summary>
internal sealed class SimServers(SimWorld world)
{
    /// <summary>The last of so many stays, so that calls that wait for a server get one.</summary>
    private const int MostServers = 5;

    private readonly List<ServerCore> _all = [];

    /// <summary>The one that takes connections; null while there is none.</summary>
    public ServerCore? Current { get; private set; }

    /// <summary>Those that there are and were.</summary>
    public IReadOnlyList<ServerCore> All => _all;

    /// <summary>Starts one.</summary>
    public void Start()
    {
        if (Current is not null || world.IsClosing)
        {
            return;
        }

        var options = new GrpcServerOptions
        {
            TimeProvider = world.Time,
            MaxConcurrentStreams = world.Swarm.MaxConcurrentStreams,
            MaxReceiveMessageSize = world.Swarm.ServerMaxMessage ?? 4 * 1024 * 1024,
            WireTrace = world.Trace.KeepsLines ? frame => world.Say($"server {frame}") : null,
            MaxConnectionAge = Limit(world.Swarm.MaxConnectionAge),
            MaxConnectionIdle = Limit(world.Swarm.MaxConnectionIdle),
            AbuseLimits = world.Swarm.ServerLimits.Abuse,
            Connection = new ConnectionOptions
            {
                Dispatcher = world.Loop,
                Limits = world.Swarm.ServerLimits,
                ReusesStreams = world.ReusesStreams,
                Random = new SimSystemRandom(world.Random),
            },
        };
        if (world.Swarm.HasCompression)
        {
            options.CompressionProviders.Add(new GzipCompressionProvider(System.IO.Compression.CompressionLevel.Fastest));
            options.ResponseCompressionAlgorithm = "gzip";
        }

        // With limits as short as a run's, a connection may be shut down before it has carried a call, or before its client has heard of it
        // in the time that a shutdown allows: calls that no handler has seen may fail, as in a shutdown of the server.
        world.IsShuttingDown |= world.Swarm.MaxConnectionAge is not null || world.Swarm.MaxConnectionIdle is not null;
        Current = new ServerCore(options, new MethodTable([world.Service.Bind()], []), NullLogger.Instance);
        _all.Add(Current);
        world.Note("server", _all.Count);
        if (world.Swarm.Trouble.Kills && _all.Count < MostServers)
        {
            world.Time.After(world.Random.UpTo(world.Swarm.Span * 3), () => Stop(gracefully: false));
        }

        if (world.Swarm.Trouble.Shutdowns && _all.Count < MostServers)
        {
            world.Time.After(world.Random.UpTo(world.Swarm.Span * 3), () => Stop(gracefully: true));
        }
    }

    private static TimeSpan Limit(int? milliseconds) => milliseconds is { } limit ? TimeSpan.FromMilliseconds(limit) : Timeout.InfiniteTimeSpan;

    /// <summary>Stops the one there is; another one comes later unless the run is about to end.</summary>
    public void Stop(bool gracefully)
    {
        if (Current is not { } core)
        {
            return;
        }

        Current = null;
        world.Note(gracefully ? "shutdown" : "kill", _all.Count);
        if (gracefully)
        {
            world.IsShuttingDown = true;
            core.BeginShutdown();
        }
        else
        {
            world.NoteTrouble("the server is killed");
            core.Abort("the server was stopped");
        }

        if (!world.IsClosing)
        {
            world.Time.After(world.Random.UpTo(world.Random.Of(1, 5000)), Start);
        }
    }
}
