using System.Globalization;
using MiniGrpc.Benchmarks.Compare.Control;
using MiniGrpc.Benchmarks.Compare.Orchestration;
using MiniGrpc.Benchmarks.Compare.Report;

namespace MiniGrpc.Benchmarks.Compare.Experiments;

/// <summary>Many streams on one connection that all download at once: how evenly they are served.</summary>
internal sealed class FairDownloads(int streams) : IExperiment
{
    public string Name => string.Create(CultureInfo.InvariantCulture, $"fair-{streams}");

    public Task RunAsync(BenchmarkOptions options, Results results) => Downloads.CompareAsync(Name, options, results, async downloads =>
    {
        StreamCounts counts = await downloads.CountAsync(streams, stalled: 0);

        // A stream that got nothing counts as one message: the ratio stays a number, and is bad enough.
        return [(SharingFigures.Messages, counts.Rate), (SharingFigures.Unevenness, counts.Most / (double)Math.Max(1, counts.Least))];
    });
}
