using MiniGrpc.Benchmarks.Compare.Experiments;
using MiniGrpc.Benchmarks.Compare.Orchestration;

namespace MiniGrpc.Benchmarks.Compare.Report;

/// <summary>What the figures were made under, and what was left out or failed.</summary>
internal static class Conditions
{
    // The variables that change how code is compiled, collected or scheduled; others say where the SDK is, and the like.
    private static readonly string[] s_runtimePrefixes = ["gc", "tiered", "tc_", "osr", "readytorun", "jit", "enable", "threadpool", "processor_count", "system_"];

    public static IEnumerable<string> Lines(Results results, BenchmarkOptions options) =>
    [
        $"Median (least–greatest) of {options.Rounds} rounds of {options.Length.TotalSeconds} s each, after {options.WarmUp.TotalSeconds} s of warm-up and up to {options.Settle.TotalSeconds} s more until the JIT had settled"
            + (options.Fresh ? ", new processes every round" : ", the same processes in every round") + "; the ratio is taken round by round.",
        $"machine: {Machine.Describe()}",
        .. results.Processes,
        $"set for every process: {Settling.NoLongerDelayOnOneProcessor.Key}={Settling.NoLongerDelayOnOneProcessor.Value}",
        .. RuntimeSettings(),
        .. results.Notes,
        .. results.Failures.Select(failure => $"FAILED {failure}"),
    ];

    /// <summary>Settings of the runtime that come from the surroundings: the same for all, but not what a reader expects.</summary>
    private static IEnumerable<string> RuntimeSettings() => Environment.GetEnvironmentVariables().Keys.Cast<string>()
        .Where(name => s_runtimePrefixes.Any(prefix => name.StartsWith("DOTNET_" + prefix, StringComparison.OrdinalIgnoreCase)))
        .Order(StringComparer.Ordinal)
        .Select(name => $"set in the environment: {name}={Environment.GetEnvironmentVariable(name)}");
}
