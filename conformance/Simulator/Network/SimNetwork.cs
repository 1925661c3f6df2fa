using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Conformance.Simulator;

/// <summary>The connections of a run: how they come about, and what befalls them.</summary>
internal sealed class SimNetwork(SimWorld world)
{
    private readonly List<SimConnection> _connections = [];

    /// <summary>Every connection there ever was.</summary>
    public IReadOnlyList<SimConnection> Connections => _connections;

    /// <summary>Connects to whichever server is there now; what a channel does in place of opening a socket.</summary>
    public async ValueTask<ITransport> ConnectAsync(CancellationToken cancellationToken)
    {
        world.CheckThread("a connection was asked for");
        var connected = new TaskCompletionSource<ITransport>();
        await using CancellationTokenRegistration giveUp = cancellationToken.UnsafeRegister(
            _ => world.Loop.Post("give up", () => connected.TrySetException(new OperationCanceledException(cancellationToken))), null);
        if (world.Swarm.Trouble.LosesConnects && world.Random.OneIn(6))
        {
            world.NoteTrouble("a connection attempt gets no answer");
        }
        else
        {
            world.Time.After(world.Random.UpTo(world.Swarm.Network.Latency), () => Answer(connected));
        }

        return await connected.Task;
    }

    private void Answer(TaskCompletionSource<ITransport> connected)
    {
        if (connected.Task.IsCompleted)
        {
            return;
        }

        if (world.Servers.Current is not { } server || (world.Swarm.Trouble.RefusesConnects && world.Random.OneIn(4)))
        {
            world.NoteTrouble("a connection was refused");
            connected.TrySetException(new IOException("connection refused"));
            return;
        }

        var connection = new SimConnection(world, _connections.Count);
        _connections.Add(connection);
        world.Loop.Post("accept", () => server.Serve(connection.Server));
        world.Loop.Post("connected", () =>
        {
            if (!connected.TrySetResult(connection.Client))
            {
                connection.Client.Abort(); // given up meanwhile
            }
        });
        if (world.Swarm.Trouble.Cuts && world.Random.OneIn(2))
        {
            world.Time.After(world.Random.UpTo(world.Swarm.Span), connection.Cut);
        }

        if (world.Swarm.Trouble.Stalls && world.Random.OneIn(2))
        {
            world.Time.After(world.Random.UpTo(world.Swarm.Span), connection.Stall);
        }
    }
}

/// <summary>Two links and their ends.</summary>
internal sealed class SimConnection
{
    private readonly SimWorld _world;
    private readonly SimLink _up;
    private readonly SimLink _down;

    public SimConnection(SimWorld world, int number)
    {
        _world = world;
        _up = new SimLink(world, number * 2);
        _down = new SimLink(world, (number * 2) + 1);
        Client = new SimTransport(world, _down, _up, $"sim:client{number}", $"sim:server{number}");
        Server = new SimTransport(world, _up, _down, $"sim:server{number}", $"sim:client{number}");
    }

    public SimTransport Client { get; }

    public SimTransport Server { get; }

    /// <summary>Whether nothing is under way in either direction.</summary>
    public bool IsEmpty => _up.IsEmpty && _down.IsEmpty;

    /// <summary>The wire is cut: each of the four loops on it notices in its own time, and some see an end instead of an error.</summary>
    public void Cut()
    {
        if (Client.IsClosed || Server.IsClosed)
        {
            return;
        }

        _world.NoteTrouble("a connection is cut");
        foreach (SimLink link in (ReadOnlySpan<SimLink>)[_up, _down])
        {
            link.Die();
            bool asEnd = _world.Random.OneIn(3);
            Later(() =>
            {
                if (asEnd)
                {
                    link.CutOff();
                }
                else
                {
                    link.BreakReader(new IOException("connection reset by peer"));
                }
            });
            Later(() => link.BreakWriter(new IOException("broken pipe")));
        }
    }

    /// <summary>One direction, or both, stand still for a while that may be longer than every patience.</summary>
    public void Stall()
    {
        _world.NoteTrouble("a connection stands still");
        int longest = _world.Random.Of(10, 1000, 30_000);
        foreach (SimLink link in (ReadOnlySpan<SimLink>)[_up, _down])
        {
            if (_world.Random.OneIn(2))
            {
                link.StandStill();
                _world.Time.After(_world.Random.UpTo(longest), link.GoOn);
            }
        }
    }

    private void Later(Action action) => _world.Time.After(_world.Random.UpTo(_world.Random.Of(1, 100, 5000)), action);
}
