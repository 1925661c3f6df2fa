using MiniGrpc.Conformance.Soak.Measure;
using MiniGrpc.Conformance.Soak.Work;
using MiniGrpc.Conformance.Soak.World;

namespace MiniGrpc.Conformance.Soak.Tests;

/// <summary>
/// A short soak, by work and not by time: calls of every kind, faults, strangers; then nothing is left. The long one is a command of
/// its own: <c>dotnet run -c Release --project conformance/Soak -- --minutes 30</c>.
/// </summary>
public class ShortSoak
{
    private const int Workers = 8;
    private const int Pieces = 1500;

    [Fact]
    public async Task After_calls_faults_and_strangers_every_counter_is_back_where_it_was()
    {
        await using SoakRun run = await SoakRun.StartAsync(Enum.GetValues<SiteKind>());
        await run.WorkAsync(Workers, seed: 1, () => run.Outcomes.Total < Pieces, Repertoire.All with { FaultEvery = 40 });
        await run.SettleAsync();

        Assert.Null(run.Outcomes.Unexpected);
        Assert.Equal(0, Counters.RunningCalls(run.Sites));
        Assert.Equal(0, Counters.WaitingCalls(run.Sites));
        Assert.InRange(Counters.ClientConnections(run.Sites), 0, run.Sites.Count);
        Assert.Equal(Counters.ClientConnections(run.Sites), Counters.ServerConnections(run.Sites));
        Assert.Contains(run.Outcomes.Counts, count => count.Key == "unary: done");
        Assert.Contains(run.Outcomes.Counts, count => count.Key.StartsWith("restart", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Samples_are_taken_at_rest_while_the_work_goes_on()
    {
        await using SoakRun run = await SoakRun.StartAsync([SiteKind.Memory]);
        bool enough = false;
        Task work = run.WorkAsync(Workers, seed: 2, () => !Volatile.Read(ref enough));
        var samples = new List<Sample>();
        for (int i = 0; i < Trend.FewestSamples; i++)
        {
            long before = run.Outcomes.Total;
            while (run.Outcomes.Total < before + 50)
            {
                await Task.Yield();
            }

            samples.Add(await run.SampleAsync());
        }

        Volatile.Write(ref enough, true);
        await work;
        int calls = Array.FindIndex(Metric.All, metric => metric.Name == "running calls");
        Assert.All(samples, sample => Assert.Equal(0, sample.Values[calls]));
        Assert.Equal(samples.Select(sample => sample.Work).Distinct().Count(), samples.Count);
    }
}
