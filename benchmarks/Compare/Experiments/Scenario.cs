namespace MiniGrpc.Benchmarks.Compare.Experiments;

/// <summary>A load and its size.</summary>
internal sealed record Scenario
{
    public required string Name { get; init; }

    public required string Work { get; init; }

    /// <summary>Calls at once, on all connections together.</summary>
    public required int InFlight { get; init; }

    public int Connections { get; init; } = 1;

    /// <summary>Bytes in a message's payload.</summary>
    public int Payload { get; init; } = 16;

    public bool Tls { get; init; }

    /// <summary>How long the path between client and server is there and back, in milliseconds: see <see cref="Paths.LongPath"/>; 0 for none but the machine's own.</summary>
    public int RoundTrip { get; init; }

    /// <summary>Whether a load source takes the place of the clients, so that the servers alone are compared: see <see cref="Load.Replay.ReplayLoad"/>.</summary>
    public bool Replayed { get; init; }

    /// <summary>Whether bare sockets take their turns, too, as the limit of what can be reached: see <see cref="Limits.SocketLoad"/>.</summary>
    public bool WithLimit { get; init; }
}
