using MiniGrpc.Conformance.Fuzz.Engine;

namespace MiniGrpc.Conformance.Fuzz.Tests;

/// <summary>
/// A short run of every target: the whole corpus, then random changes of it from a fixed seed. The long run is a command of its
/// own: <c>dotnet run -c Release --project conformance/Fuzz -- --target all --minutes 30</c>.
/// </summary>
public class ShortRun
{
    private const int Seed = 20_260_101;

    public static TheoryData<string, int> Targets => new(TargetList.All.Select(target => (target.Name, RunsOf(target.Name))));

    [Theory]
    [MemberData(nameof(Targets))]
    public async Task Nothing_that_the_corpus_holds_or_that_comes_of_changing_it_breaks_a_target(string name, int runs)
    {
        FuzzTarget target = TargetList.All.Single(candidate => candidate.Name == name);
        using var watchdog = new Watchdog(Path.GetTempPath());
        var runner = new FuzzRunner(target, Seed, watchdog);
        FuzzFinding? finding = await runner.ReplayAsync(new Corpus(CorpusDirectory).Load(name));
        long end = runner.Runs + runs;
        finding ??= await runner.FuzzAsync(() => runner.Runs < end);
        Assert.True(finding is null, finding?.Save(Path.GetTempPath()));
        Assert.True(runner.FeatureCount > 10, $"only {runner.FeatureCount} different things happened: the target is asleep");
    }

    [Fact]
    public async Task No_exception_gets_lost_on_its_way()
    {
        using var stray = new StrayExceptions();
        foreach (FuzzTarget target in TargetList.All.Where(target => target.Name is "server" or "client"))
        {
            Assert.Null(await new FuzzRunner(target, Seed).ReplayAsync(new Corpus(CorpusDirectory).Load(target.Name)));
        }

        Assert.Empty(stray.Take());
    }

    [Fact]
    public void The_corpus_is_small_and_names_where_each_input_comes_from()
    {
        var corpus = new Corpus(CorpusDirectory);
        IReadOnlyList<Corpus.Entry>[] all = [.. TargetList.All.Select(target => corpus.Load(target.Name))];
        Assert.All(all, entries => Assert.NotEmpty(entries));
        Assert.All(all.SelectMany(entries => entries), entry => Assert.Contains(entry.Origin.Split('-')[0], (string[])["recorded", "found", "fixed"]));
        Assert.True(all.SelectMany(entries => entries).Sum(entry => entry.Octets.Length) < 512 * 1024, "the corpus is too large for a repository");
    }

    private static string CorpusDirectory => Path.Combine(AppContext.BaseDirectory, "Corpus");

    /// <summary>About a second each, on a machine that has other things to do.</summary>
    private static int RunsOf(string target) => target switch
    {
        "server" or "client" => 1000,
        "loopback" => 1000,
        _ => 5000,
    };
}
