namespace MiniGrpc.Benchmarks.Compare.Report;

/// <summary>Which process a figure is about; both, if it belongs to the pair.</summary>
internal enum Side
{
    Client,
    Server,
    Pair,
}

/// <summary>Which way is good.</summary>
internal enum Better
{
    Higher,
    Lower,

    /// <summary>It says how the other figures came about: no ratio.</summary>
    Neither,
}

/// <summary>Something that was measured. To add one, add a line here.</summary>
internal sealed record Figure(string Name, Side Side, Better Better)
{
    // An operation is a call of a unary load, a message of a streaming one, a round trip of a ping-pong.
    public static readonly Figure Rate = new("operations/s", Side.Pair, Better.Higher);

    // Of payload, one way.
    public static readonly Figure Throughput = new("MB/s", Side.Pair, Better.Higher);

    // How long an operation takes; with many in flight, mostly how long the queue is.
    public static readonly Figure P50 = new("p50 µs", Side.Pair, Better.Lower);
    public static readonly Figure P99 = new("p99 µs", Side.Pair, Better.Lower);
    public static readonly Figure P999 = new("p99.9 µs", Side.Pair, Better.Lower);

    // 1,000,000 divided by it are operations per CPU-second.
    public static readonly Figure ClientCpu = new("CPU µs/operation", Side.Client, Better.Lower);
    public static readonly Figure ServerCpu = new("CPU µs/operation", Side.Server, Better.Lower);
    public static readonly Figure ClientAllocated = new("allocated B/operation", Side.Client, Better.Lower);
    public static readonly Figure ServerAllocated = new("allocated B/operation", Side.Server, Better.Lower);
    public static readonly Figure ClientPeak = new("peak RSS MB", Side.Client, Better.Lower);
    public static readonly Figure ServerPeak = new("peak RSS MB", Side.Server, Better.Lower);

    // CPU an operation is a fair measure of a side whose core is busy; a side that waits spends much of it on waking up.
    public static readonly Figure ClientBusy = new("core busy %", Side.Client, Better.Neither);
    public static readonly Figure ServerBusy = new("core busy %", Side.Server, Better.Neither);

    // Anything but none or a straggler means that the side was not warm.
    public static readonly Figure ClientCompiled = new("methods compiled", Side.Client, Better.Neither);
    public static readonly Figure ServerCompiled = new("methods compiled", Side.Server, Better.Neither);

    /// <summary>In the order of the table.</summary>
    public static IReadOnlyList<Figure> All { get; } =
    [
        Rate, Throughput, P50, P99, P999, ClientCpu, ServerCpu, ClientBusy, ServerBusy, ClientAllocated, ServerAllocated, ClientPeak, ServerPeak,
        ClientCompiled, ServerCompiled,
        .. StartFigures.All, .. SharingFigures.All,
    ];
}

/// <summary>One measured value.</summary>
internal sealed record Sample(string Experiment, string Client, string Server, int Round, Figure Figure, double Value);
