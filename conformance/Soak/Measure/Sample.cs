using System.Diagnostics;
using MiniGrpc.Conformance.Soak.World;

namespace MiniGrpc.Conformance.Soak.Measure;

/// <summary>What the process holds at one moment at rest.</summary>
/// <param name="Minutes">The time since the start.</param>
/// <param name="Work">Pieces of work done.</param>
/// <param name="Values">A value for each of <see cref="Metric.All"/>.</param>
internal sealed record Sample(double Minutes, long Work, double[] Values)
{
    /// <summary>Collects garbage, and takes a sample.</summary>
    public static Sample Take(TimeSpan elapsed, long work, Measured measured)
    {
        // Twice: the first collection frees what finalizers hold, the second what they held. Aggressive: memory that the collector keeps for
        // later, more of it when the machine is busy, goes back to the system and is in no sample.
        for (int i = 0; i < 2; i++)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            GC.WaitForPendingFinalizers();
        }

        return new Sample(elapsed.TotalMinutes, work, [.. Metric.All.Select(metric => metric.Read(measured))]);
    }
}

/// <summary>What samples are taken of.</summary>
internal sealed record Measured(IReadOnlyList<Site> Sites, PoolBalance Pool);

/// <summary>One thing that must not grow.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Read">Its value now.</param>
/// <param name="Slack">How much its low water may rise (<see cref="Trend"/>).</param>
/// <param name="RelativeSlack">The same as a part of its mean; the larger of the two counts.</param>
internal sealed record Metric(string Name, Func<Measured, double> Read, double Slack, double RelativeSlack = 0)
{
    private const double Mebi = 1024 * 1024;

    /// <summary>
    /// All of them. At rest there are no calls, so those counters are zero. Live memory swings with what pools and tiered
    /// compilation keep, by one MiB or two; the working set with the collector's mood; threads with the pool's.
    /// </summary>
    public static Metric[] All { get; } =
    [
        new("live memory, MiB", _ => GC.GetTotalMemory(forceFullCollection: false) / Mebi, Slack: 1, RelativeSlack: 0.05),
        new("working set, MiB", _ => Environment.WorkingSet / Mebi, Slack: 24, RelativeSlack: 0.1),
        new("handles", _ => Handles(), Slack: 6),
        new("threads", _ => Threads(), Slack: 6),
        new("timers", _ => Timer.ActiveCount, Slack: 3),
        new("rented buffers", measured => measured.Pool.Outstanding, Slack: 20),
        new("running calls", measured => Counters.RunningCalls(measured.Sites), Slack: 0.5),
        new("waiting calls", measured => Counters.WaitingCalls(measured.Sites), Slack: 0.5),
        new("connections of servers", measured => Counters.ServerConnections(measured.Sites), Slack: 2),
        new("connections of channels", measured => Counters.ClientConnections(measured.Sites), Slack: 2),
    ];

    private static double Handles()
    {
        const string OpenFiles = "/proc/self/fd";
        if (Directory.Exists(OpenFiles))
        {
            return Directory.GetFileSystemEntries(OpenFiles).Length;
        }

        using Process self = Process.GetCurrentProcess();
        return self.HandleCount;
    }

    private static double Threads()
    {
        using Process self = Process.GetCurrentProcess();
        return self.Threads.Count;
    }
}
