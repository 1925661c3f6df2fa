using MiniGrpc.Wire;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Simulator;

/// <summary>How the links of a run behave.</summary>
/// <param name="Capacity">Octets that a direction holds: the sockets' buffers at both ends.</param>
/// <param name="LargestPiece">The most octets that arrive at once.</param>
/// <param name="Latency">The longest way, in milliseconds.</param>
/// <param name="LateOneIn">One in so many pieces takes time; the others are there at once.</param>
/// <param name="CutsReads">Whether what is read may lie in several segments.</param>
internal sealed record NetworkHabits(int Capacity, int LargestPiece, int Latency, int LateOneIn, bool CutsReads);

/// <summary>What befalls a run.</summary>
internal sealed record Trouble(bool Cuts, bool Stalls, bool RefusesConnects, bool LosesConnects, bool Kills, bool Shutdowns, bool ClosesChannel);

/// <summary>
/// What a run is like, drawn once from its seed. Runs differ in kind, not only in detail: one that does everything at once
/// would seldom get far in anything.
/// </summary>
internal sealed class Swarm
{
    public Swarm(SimRandom random)
    {
        Calls = random.Of(1, 2, 3, 5, 8, 12);
        Span = random.Of(1, 20, 300, 3000);
        Order = random.Of(PickOrder.Uniform, PickOrder.Uniform, PickOrder.Fifo, PickOrder.Lifo, PickOrder.Starve);
        StarvedKind = random.Below(5);
        SlowThreadsOneIn = random.Of(0, 0, 0, 20, 200);
        Network = new NetworkHabits(
            random.Of(100, 4 * 1024, 64 * 1024, 256 * 1024),
            random.Of(1, 10, 100, 3000, 20_000, 1_000_000),
            random.Of(0, 1, 10, 100),
            random.Of(1, 2, 10),
            random.OneIn(2));
        IsLongAndFast = Network is { Capacity: 256 * 1024, LargestPiece: >= 20_000, Latency: >= 10 };
        if (IsLongAndFast)
        {
            Network = Network with { Capacity = 4 * 1024 * 1024, LargestPiece = 1_000_000 };
        }

        bool isCalm = random.OneIn(2);
        Trouble = isCalm
            ? new Trouble(false, false, false, false, false, false, false)
            : new Trouble(random.OneIn(2), random.OneIn(3), random.OneIn(4), random.OneIn(8), random.OneIn(4), random.OneIn(3), random.OneIn(8));
        ServerLimits = DrawLimits(random);
        ClientLimits = DrawLimits(random);
        MaxConcurrentStreams = random.Of(1, 2, 5, 100, 1000);
        ServerMaxMessage = random.OneIn(8) ? random.Of(0, 100, 3000) : null;
        ClientMaxMessage = random.OneIn(8) ? random.Of(0, 100, 3000) : null;
        HasCompression = random.OneIn(4);
        AverageRequests = random.Of(0, 1, 3, 10);
        AllowsHuge = (Network.LargestPiece >= 3000 && Network.Capacity >= 4096 && random.OneIn(10)) || IsLongAndFast;
        LargeOneIn = Network.LargestPiece <= 100 || Network.Capacity < 1000 ? 200 : random.Of(3, 10, 50);
        Interrupts = random.OneIn(3) ? 0 : random.Of(2, 5, 20);
        MaxConnectionAge = DrawLife(random);
        MaxConnectionIdle = DrawLife(random);
        IdleTimeout = random.OneIn(4) ? random.Of(1, 50, 300, 2000) : null;
        MaxConnectionsPerAddress = random.Of(1, 1, 1, 2, 4);
    }

    public int Calls { get; }

    /// <summary>The time in which calls start and things befall them, in milliseconds.</summary>
    public int Span { get; }

    public PickOrder Order { get; }

    public int StarvedKind { get; }

    /// <summary>Before one in so many pieces of work the clock moves although there is work; 0 for never.</summary>
    public int SlowThreadsOneIn { get; }

    public NetworkHabits Network { get; }

    /// <summary>Whether it is the windows that hold the octets up, so that they grow where they may.</summary>
    public bool IsLongAndFast { get; }

    public Trouble Trouble { get; }

    public ReceiveLimits ServerLimits { get; }

    public ReceiveLimits ClientLimits { get; }

    public int MaxConcurrentStreams { get; }

    /// <summary>The largest request that the server takes; null for the default.</summary>
    public int? ServerMaxMessage { get; }

    /// <summary>The largest response that the client takes; null for the default.</summary>
    public int? ClientMaxMessage { get; }

    public bool HasCompression { get; }

    public int AverageRequests { get; }

    /// <summary>Whether a message may be larger than every window.</summary>
    public bool AllowsHuge { get; }

    public int LargeOneIn { get; }

    /// <summary>One in so many calls has a deadline, one in so many is cancelled, and so on; 0 for none.</summary>
    public int Interrupts { get; }

    /// <summary>How old a connection may become, in milliseconds; null for the default.</summary>
    public int? MaxConnectionAge { get; }

    /// <summary>How long a connection may have no calls, in milliseconds; null for the default.</summary>
    public int? MaxConnectionIdle { get; }

    /// <summary>How long the channel may have no calls, in milliseconds; null for the default.</summary>
    public int? IdleTimeout { get; }

    public int MaxConnectionsPerAddress { get; }

    /// <summary>The length of a message.</summary>
    public int DrawLength(SimRandom random)
    {
        if (AllowsHuge && random.OneIn(IsLongAndFast ? 3 : 20))
        {
            return random.Between(70_000, 1_500_000);
        }

        if (Network.LargestPiece <= 10)
        {
            return random.Between(0, random.Of(0, 10, 100, 300)); // each octet is an event or nearly so
        }

        return random.OneIn(LargeOneIn) ? random.Between(0, 70_000) : random.Between(0, random.Of(0, 10, 100, 100, 3000));
    }

    // Longer than the start of a connection takes, or a client would never get to its first call.
    private int? DrawLife(SimRandom random) => Network.LargestPiece >= 100 && random.OneIn(4) ? random.Of(300, 1000, 4000) : null;

    // A stream's window has to take the prefix of a message while less than a quarter of it is owed; 20 octets are about the least.
    private static ReceiveLimits DrawLimits(SimRandom random) => new(
        StreamWindow: random.Of(20, 100, 16_384, 65_535, 64 * 1024, 512 * 1024),
        LargestStreamWindow: random.Of(0, 512 * 1024),
        ConnectionWindow: random.Of(65_535, 70_000, 1024 * 1024))
    {
        Abuse = new AbuseLimits { ReceiveQueue = random.Of(1000, 65_536, 4 * 1024 * 1024) },
    };
}
