namespace MiniGrpc.Benchmarks.Compare.Experiments;

/// <summary>Every experiment, in the order of the table.</summary>
internal static class Catalogue
{
    public static IReadOnlyList<IExperiment> All { get; } =
    [
        new SteadyLoad(new Scenario { Name = "unary-64", Work = "unary", InFlight = 64 }),
        new SteadyLoad(new Scenario { Name = "unary-1", Work = "unary", InFlight = 1 }),
        new H2LoadUnary(),
        new SteadyLoad(new Scenario { Name = "download-1", Work = "download", InFlight = 1 }),
        new SteadyLoad(new Scenario { Name = "upload-1", Work = "upload", InFlight = 1 }),
        new SteadyLoad(new Scenario { Name = "ping-pong-1", Work = "ping-pong", InFlight = 1 }),
        new SteadyLoad(new Scenario { Name = "upload-64", Work = "upload", InFlight = 64 }),
        new SteadyLoad(new Scenario { Name = "ping-pong-64", Work = "ping-pong", InFlight = 64 }),
        new ColdServer(),
        new ColdClient(),
        new AotServer(tls: false),
        new AotServer(tls: true),
        new IdleConnections(),
        new FairDownloads(streams: 1000),
        new SlowReaders(stalled: 1),
        new SlowReaders(stalled: 10),
    ];

    /// <summary>What runs when nothing else is asked for.</summary>
    public static IReadOnlyList<string> Default { get; } = ["unary-64", "unary-1", "h2load-unary", "download-1", "upload-1", "ping-pong-1"];

    /// <summary>What runs with <c>--quick</c>.</summary>
    public static IReadOnlyList<string> Quick { get; } = ["unary-64", "unary-1", "h2load-unary"];
}
