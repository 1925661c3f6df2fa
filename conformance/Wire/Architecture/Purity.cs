namespace MiniGrpc.Conformance.Wire.Architecture;

/// <summary>What pure code doesn't use: I/O, tasks, threads, locks, clocks, and the programming model above it.</summary>
internal static class Purity
{
    /// <summary>The folders that are pure.</summary>
    public static readonly string[] Folders = ["Hpack", "Http2", "Grpc"];

    /// <summary>
    /// Known violations: "Namespace.Type" → the reason. A type listed here that no longer needs it fails a test.
    /// Empty: SequenceStream and OutputBufferStream derive from System.IO.Stream, which has asynchronous members, but
    /// neither override nor call one of those, so they need no exception.
    /// </summary>
    public static readonly IReadOnlyDictionary<string, string> Exceptions = new Dictionary<string, string>();

    /// <summary>
    /// The types of the pure folders that derive from Stream, since compressions of the framework are made for streams. Both
    /// stand over memory.
    /// </summary>
    public static readonly string[] MemoryStreams = ["MiniGrpc.Wire.Grpc.OutputBufferStream", "MiniGrpc.Wire.Grpc.SequenceStream"];

    private static readonly string[] s_namespaces =
    [
        "System.Net", "System.IO.Pipelines", "System.Threading", "System.Timers", "Grpc.Core", "Microsoft.Extensions",
    ];

    private static readonly string[] s_types =
    [
        "System.DateTime", "System.DateTimeOffset", "System.TimeProvider", "System.Diagnostics.Stopwatch",
        "System.Random", "System.Console", "System.Runtime.CompilerServices.IAsyncStateMachine",
    ];

    /// <summary>Lock-free reads and writes are no locks: a stream's state, and the connection's window, cross between two threads.</summary>
    private static readonly string[] s_allowed = ["System.Threading.Interlocked", "System.Threading.Volatile"];

    /// <summary>Of System.IO, Stream as an abstraction and what it throws; anything else reaches out of the process.</summary>
    private static readonly string[] s_allowedOfIO = ["Stream", "InvalidDataException", "IOException", "EndOfStreamException", "SeekOrigin"];

    /// <summary>Whether pure code may not do this.</summary>
    public static bool Forbids(Reference reference)
    {
        TypeName to = reference.To;
        string name = to.ToString();
        return (Array.Exists(s_namespaces, to.IsBelow) && !s_allowed.Contains(name))
            || s_types.Contains(name)
            || (to.Namespace == "System.IO" && !s_allowedOfIO.Contains(to.Name))
            || (name == "System.Environment" && reference.Member.Contains("TickCount", StringComparison.Ordinal));
    }
}
