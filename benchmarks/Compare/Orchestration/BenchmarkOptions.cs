namespace MiniGrpc.Benchmarks.Compare.Orchestration;

/// <summary>What the command line asks for.</summary>
internal sealed record BenchmarkOptions
{
    public required IReadOnlyList<string> Clients { get; init; }

    public required IReadOnlyList<string> Servers { get; init; }

    /// <summary>How often every pair has its turn.</summary>
    public required int Rounds { get; init; }

    /// <summary>The length of one measurement.</summary>
    public required TimeSpan Length { get; init; }

    /// <summary>
    /// How long a pair of processes carries load, at least, before it is measured: see <see cref="Settling"/>.
    /// </summary>
    public required TimeSpan WarmUp { get; init; }

    /// <summary>How much longer the warm-up may last until the JIT has settled.</summary>
    public required TimeSpan Settle { get; init; }

    /// <summary>
    /// Whether every round starts new processes. What the JIT's profile and the heap's layout make of a program differs a little
    /// from start to start; this shows how much, at the price of a warm-up for every measurement.
    /// </summary>
    public required bool Fresh { get; init; }

    public required bool ServerGc { get; init; }

    public required Cores Cores { get; init; }

    /// <summary>How many processors the runtime is told that there are; null leaves it what it sees, the cores it is pinned to.</summary>
    public required int? Processors { get; init; }

    /// <summary>How often an idle thread of the pool looks for work before it sleeps; null leaves it to the runtime.</summary>
    public required int? PoolSpins { get; init; }
}
