using System.Text.Json.Serialization;
using MiniGrpc.Benchmarks.Compare.Load;

namespace MiniGrpc.Benchmarks.Compare.Control;

/// <summary>
/// What a server or client process answers the orchestrator: one line of JSON on its standard output for each command that it
/// reads from its standard input. Pipes rather than a socket, so that nothing but the calls that are measured uses the network.
/// </summary>
internal sealed record Reply
{
    /// <summary>The first line of every process.</summary>
    public Ready? Ready { get; init; }

    /// <summary>The answer to <see cref="Command.End"/>.</summary>
    public Window? Window { get; init; }

    /// <summary>The answer to <see cref="Command.Memory"/>.</summary>
    public MemoryUse? Memory { get; init; }

    /// <summary>The answers of a <see cref="Probes.Probe"/>: a moment, in ticks of Stopwatch;</summary>
    public long? Moment { get; init; }

    /// <summary>how the first calls went;</summary>
    public FirstCalls? FirstCalls { get; init; }

    /// <summary>how many connections it holds;</summary>
    public int? Held { get; init; }

    /// <summary>what its streams received.</summary>
    public StreamCounts? Streams { get; init; }

    /// <summary>Why a command failed.</summary>
    public string? Error { get; init; }
}

/// <summary>What a process is and what the system gave it, by its own account.</summary>
internal sealed record Ready
{
    public string? Address { get; init; }

    /// <summary>The server's, in base64, if it has one.</summary>
    public string? Certificate { get; init; }

    public required string Peer { get; init; }

    public required string Runtime { get; init; }

    public required string Cores { get; init; }

    public required int ProcessorCount { get; init; }

    /// <summary>As it stands in the environment, hexadecimal; null if it is left to the runtime.</summary>
    public string? PoolSpins { get; init; }

    public required string GarbageCollector { get; init; }
}

/// <summary>What a process used between <see cref="Command.Begin"/> and <see cref="Command.End"/>.</summary>
internal sealed record Window
{
    public required double Seconds { get; init; }

    public required double CpuSeconds { get; init; }

    public required long AllocatedBytes { get; init; }

    /// <summary>Since the process started, not in the window alone.</summary>
    public required long PeakResidentBytes { get; init; }

    /// <summary>How many methods the JIT compiled: none, once a process is warm.</summary>
    public required long CompiledMethods { get; init; }

    /// <summary>Of a client: what its load has done. Zero for a server, which doesn't count.</summary>
    public long Operations { get; init; }

    public double? P50Microseconds { get; init; }

    public double? P99Microseconds { get; init; }

    public double? P999Microseconds { get; init; }
}

/// <summary>What a process holds on to.</summary>
internal sealed record MemoryUse
{
    /// <summary>Live objects.</summary>
    public required long HeapBytes { get; init; }

    /// <summary>Memory of the process as the system counts it, without the kernel's own.</summary>
    public required long ResidentBytes { get; init; }
}

/// <summary>What streams received that ran side by side: all of them in a second, and the one with the fewest and the most messages.</summary>
internal sealed record StreamCounts
{
    public required double Rate { get; init; }

    public required long Least { get; init; }

    public required long Most { get; init; }
}

/// <summary>What the orchestrator may ask.</summary>
internal static class Command
{
    /// <summary>To a client: make load.</summary>
    public const string Start = "start";

    /// <summary>Begin a window.</summary>
    public const string Begin = "begin";

    /// <summary>End the window and tell what was used.</summary>
    public const string End = "end";

    /// <summary>To a client: end the load; answered when the last call has ended.</summary>
    public const string Stop = "stop";

    /// <summary>Collect garbage, and tell what is left.</summary>
    public const string Memory = "memory";
}

/// <summary>Generated ahead of time, so that a process under test doesn't spend its CPU on reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Reply))]
internal sealed partial class ReplyJson : JsonSerializerContext;
