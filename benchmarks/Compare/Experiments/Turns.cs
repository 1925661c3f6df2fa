using MiniGrpc.Benchmarks.Compare.Orchestration;

namespace MiniGrpc.Benchmarks.Compare.Experiments;

/// <summary>How long the turns of one pair of processes take.</summary>
internal static class Turns
{
    // Starting two .NET programs; and the run-up to a measurement, and its end.
    private static readonly TimeSpan s_start = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_around = TimeSpan.FromMilliseconds(300);

    public static TimeSpan Estimate(BenchmarkOptions options)
    {
        int starts = options.Fresh ? options.Rounds : 1;
        return (starts * (s_start + options.WarmUp + s_around)) + (options.Rounds * (options.Length + s_around));
    }
}
