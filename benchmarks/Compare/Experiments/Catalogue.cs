namespace MiniGrpc.Benchmarks.Compare.Experiments;

/// <summary>
/// Every experiment, in the order of the table. A load's name says what it is: the work, how many calls are in flight, and what is
/// not the usual (a payload of 16 bytes, one connection, plaintext).
/// </summary>
internal static class Catalogue
{
    private const int KiB = 1024;
    private const int MiB = 1024 * KiB;

    public static IReadOnlyList<IExperiment> All { get; } =
    [
        // From one call to a thousand, on one connection.
        Steady("unary", 1, withLimit: true),
        Steady("unary", 10),
        Steady("unary", 64),
        Steady("unary", 100),
        Steady("unary", 1000),

        // The same thousand calls in flight on more and more connections.
        Steady("unary", 1000, connections: 10),
        Steady("unary", 1000, connections: 100),
        Steady("unary", 1000, connections: 1000),

        // From no payload to a large one; fewer in flight, so that memory isn't what is measured.
        Steady("unary", 64, payload: 0),
        Steady("unary", 64, payload: 1 * KiB),
        Steady("unary", 16, payload: 64 * KiB),
        Steady("unary", 4, payload: 1 * MiB),
        Steady("unary", 4, payload: 4 * MiB),

        // The server saturated: 4 connections of 50 as h2load has, then the two series from above.
        new H2LoadUnary(),
        Replayed(200, connections: 4),
        Replayed(1),
        Replayed(10),
        Replayed(100),
        Replayed(1000),
        Replayed(1000, connections: 10),
        Replayed(1000, connections: 100),
        Replayed(1000, connections: 1000),

        // Streams of small messages.
        Steady("download", 1),
        Steady("download", 64),
        Steady("upload", 1),
        Steady("upload", 64),
        Steady("bidi", 1),
        Steady("bidi", 64),
        Steady("ping-pong", 1, withLimit: true),
        Steady("ping-pong", 64),

        .. LargeMessages(tls: false),

        // The same where an answer is 20 ms away: what holds a sender up is the window then.
        Steady("download", 1, payload: 64 * KiB, roundTrip: 20),
        Steady("upload", 1, payload: 64 * KiB, roundTrip: 20),

        // TLS.
        Steady("unary", 1, tls: true, withLimit: true),
        Steady("unary", 64, tls: true),
        Replayed(200, connections: 4, tls: true),
        Steady("download", 1, tls: true),
        Steady("upload", 1, tls: true),
        Steady("bidi", 1, tls: true),
        Steady("ping-pong", 1, tls: true, withLimit: true),
        .. LargeMessages(tls: true),

        // What a start costs, what an idle connection holds, and whether streams get the same.
        new ColdServer(readyToRun: false),
        new ColdServer(readyToRun: true),
        new ColdClient(readyToRun: false),
        new ColdClient(readyToRun: true),
        new AotServer(tls: false),
        new AotServer(tls: true),
        new IdleConnections(),
        new FairDownloads(streams: 1000),
        new SlowReaders(stalled: 1),
        new SlowReaders(stalled: 10),
    ];

    /// <summary>What runs when nothing else is asked for: each goal has its work, the series their ends.</summary>
    public static IReadOnlyList<string> Default { get; } =
    [
        "unary-1", "unary-10", "unary-64", "unary-1000", "unary-64-0B", "unary-4-4MiB",
        "h2load-unary", "replay-200-4c", "replay-10", "replay-1000", "replay-1000-1000c",
        "download-1", "upload-1", "upload-64", "bidi-1", "bidi-64", "ping-pong-1",
        "download-1-64KiB", "download-1-1MiB", "upload-1-64KiB", "upload-1-1MiB",
        "download-bytes-1-64KiB", "download-bytes-1-1MiB", "upload-bytes-1-64KiB", "upload-bytes-1-1MiB",
        "download-1-64KiB-20ms", "upload-1-64KiB-20ms",
        "unary-1-tls", "unary-64-tls", "download-bytes-1-64KiB-tls", "upload-bytes-1-64KiB-tls",
        "cold-server", "cold-server-r2r", "cold-client", "cold-client-r2r", "aot-server", "aot-server-tls",
        "idle-connections", "fair-1000", "slow-readers-10",
    ];

    /// <summary>What runs with <c>--quick</c>.</summary>
    public static IReadOnlyList<string> Quick { get; } = ["unary-1", "unary-64", "replay-200-4c"];

    public static List<IExperiment> Named(IReadOnlyCollection<string> names) => [.. All.Where(experiment => names.Contains(experiment.Name))];

    /// <summary>Down and up, with protobuf and without: see <see cref="Peers.BytesService"/>.</summary>
    private static IEnumerable<SteadyLoad> LargeMessages(bool tls) =>
        from work in (string[])["download", "upload", "download-bytes", "upload-bytes"]
        from payload in (int[])[64 * KiB, 1 * MiB]
        select Steady(work, 1, payload: payload, tls: tls, withLimit: true);

    private static SteadyLoad Steady(
        string work, int inFlight, int connections = 1, int payload = 16, bool tls = false, int roundTrip = 0, bool withLimit = false)
    {
        return new SteadyLoad(new Scenario
        {
            Name = NameOf(work, inFlight, connections, payload, tls) + (roundTrip == 0 ? "" : $"-{roundTrip}ms"),
            Work = work,
            InFlight = inFlight,
            Connections = connections,
            Payload = payload,
            Tls = tls,
            RoundTrip = roundTrip,
            WithLimit = withLimit,
        });
    }

    private static SteadyLoad Replayed(int inFlight, int connections = 1, bool tls = false) => new(new Scenario
    {
        Name = NameOf("replay", inFlight, connections, 16, tls),
        Work = "unary",
        InFlight = inFlight,
        Connections = connections,
        Tls = tls,
        Replayed = true,
    });

    private static string NameOf(string work, int inFlight, int connections, int payload, bool tls)
    {
        string size = payload switch
        {
            16 => "",
            >= MiB => $"-{payload / MiB}MiB",
            >= KiB => $"-{payload / KiB}KiB",
            _ => $"-{payload}B",
        };
        return $"{work}-{inFlight}{(connections == 1 ? "" : $"-{connections}c")}{size}{(tls ? "-tls" : "")}";
    }
}
