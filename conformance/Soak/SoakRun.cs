using System.Diagnostics;
using MiniGrpc.Conformance.Soak.Measure;
using MiniGrpc.Conformance.Soak.Work;
using MiniGrpc.Conformance.Soak.World;

namespace MiniGrpc.Conformance.Soak;

/// <summary>Sites, a crew that works on them, and samples at rest.</summary>
internal sealed class SoakRun : IAsyncDisposable
{
    /// <summary>Every call has a deadline well below this; a worker that doesn't come to rest hangs.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly PoolBalance _pool = new();
    private readonly Pause _pause = new();
    private readonly List<Site> _sites = [];
    private readonly long _start = Stopwatch.GetTimestamp();

    private SoakRun()
    {
    }

    /// <summary>How the work ended.</summary>
    public Outcomes Outcomes { get; } = new();

    /// <summary>The sites.</summary>
    public IReadOnlyList<Site> Sites => _sites;

    /// <summary>The time since the start.</summary>
    public TimeSpan Elapsed => Stopwatch.GetElapsedTime(_start);

    /// <summary>Starts a site of each kind.</summary>
    public static async Task<SoakRun> StartAsync(IEnumerable<SiteKind> kinds)
    {
        var run = new SoakRun();
        foreach (SiteKind kind in kinds)
        {
            run._sites.Add(await Site.StartAsync(kind));
        }

        return run;
    }

    /// <summary>Works until <paramref name="goOn"/> says no more.</summary>
    public Task WorkAsync(int workers, int seed, Func<bool> goOn, Repertoire? repertoire = null) =>
        new Crew(_sites, repertoire ?? Repertoire.All, Outcomes, _pause).RunAsync(workers, seed, goOn);

    /// <summary>Lets the crew rest, takes a sample, and lets it go on.</summary>
    public async Task<Sample> SampleAsync()
    {
        await _pause.BeginAsync().WaitAsync(s_patience);
        await SettleAsync();
        Sample sample = Sample.Take(Elapsed, Outcomes.Total, new Measured(_sites, _pool));
        _pause.End();
        return sample;
    }

    /// <summary>Waits until handlers of calls that were abandoned have noticed, and connections of strangers have been closed.</summary>
    public async Task SettleAsync()
    {
        long start = Stopwatch.GetTimestamp();
        while (!IsSettled() && Stopwatch.GetElapsedTime(start) < s_patience)
        {
            await Task.Delay(5);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (Site site in _sites)
        {
            await site.DisposeAsync();
        }

        _pool.Dispose();
    }

    private bool IsSettled() => Counters.RunningCalls(_sites) == 0
        && Counters.WaitingCalls(_sites) == 0
        && Counters.ClientConnections(_sites) <= _sites.Count
        && Counters.ServerConnections(_sites) == Counters.ClientConnections(_sites);
}
