using System.Globalization;
using MiniGrpc.Benchmarks.Compare.Control;
using MiniGrpc.Benchmarks.Compare.Orchestration;
using MiniGrpc.Benchmarks.Compare.Report;

namespace MiniGrpc.Benchmarks.Compare.Experiments;

/// <summary>Streams that are read beside some that are not: what those that don't read take from the others.</summary>
internal sealed class SlowReaders(int stalled) : IExperiment
{
    private const int Readers = 90;

    public string Name => string.Create(CultureInfo.InvariantCulture, $"slow-readers-{stalled}");

    public Task RunAsync(BenchmarkOptions options, Results results) => Downloads.CompareAsync(Name, options, results, async downloads =>
    {
        StreamCounts alone = await downloads.CountAsync(Readers, stalled: 0);
        StreamCounts beside = await downloads.CountAsync(Readers, stalled);
        return [(SharingFigures.Messages, beside.Rate), (SharingFigures.Undisturbed, beside.Rate / alone.Rate)];
    });
}
