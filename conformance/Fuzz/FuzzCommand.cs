using System.CommandLine;
using System.Diagnostics;
using MiniGrpc.Conformance.Fuzz.Engine;

namespace MiniGrpc.Conformance.Fuzz;

/// <summary>The long run: every target its share of the time, from a corpus that may grow.</summary>
internal static class FuzzCommand
{
    private const string AllTargets = "all";

    private static readonly Option<string[]> s_targets = new Option<string[]>("--target")
    {
        Description = "What to feed, one or several of the targets.",
        AllowMultipleArgumentsPerToken = true,
        DefaultValueFactory = _ => [AllTargets],
    }.AcceptOnlyFromAmong([AllTargets, .. TargetList.All.Select(target => target.Name)]);

    private static readonly Option<double> s_minutes = new("--minutes") { Description = "How long, for all targets together.", DefaultValueFactory = _ => 1 };
    private static readonly Option<int?> s_seed = new("--seed") { Description = "Where the random changes begin; by default somewhere else each time." };
    private static readonly Option<DirectoryInfo> s_corpus = new("--corpus")
    {
        Description = "The inputs to begin with.",
        DefaultValueFactory = _ => new DirectoryInfo(Corpus.DefaultDirectory),
    };

    private static readonly Option<bool> s_keep = new("--keep") { Description = "Write what showed something new back to the corpus, the smallest inputs that show all of it." };
    private static readonly Option<FileInfo?> s_replay = new("--replay") { Description = "Run the one input in this file, and nothing else." };

    public static RootCommand Create()
    {
        var command = new RootCommand("Feeds MiniGrpc with what strangers might send.") { s_targets, s_minutes, s_seed, s_corpus, s_keep, s_replay };
        command.Subcommands.Add(Recording.RecordCommand.Create());
        command.SetAction((arguments, _) => RunAsync(arguments));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult arguments)
    {
        string[] names = arguments.GetRequiredValue(s_targets);
        FuzzTarget[] targets = [.. TargetList.All.Where(target => names.Contains(AllTargets) || names.Contains(target.Name))];
        if (arguments.GetValue(s_replay) is { } file)
        {
            return await ReplayAsync(targets, await File.ReadAllBytesAsync(file.FullName));
        }

        int seed = arguments.GetValue(s_seed) ?? Environment.TickCount;
        TimeSpan share = TimeSpan.FromMinutes(arguments.GetRequiredValue(s_minutes)) / targets.Length;
        var corpus = new Corpus(arguments.GetRequiredValue(s_corpus).FullName);
        using var watchdog = new Watchdog(Environment.CurrentDirectory);
        using var stray = new StrayExceptions();
        Console.WriteLine($"Seed {seed}; {share.TotalSeconds:0} s for each of {targets.Length} targets.");
        bool failed = false;
        foreach (FuzzTarget target in targets)
        {
            failed |= !await RunAsync(target, new FuzzRunner(target, seed, watchdog), corpus, share, arguments.GetValue(s_keep));
            failed |= stray.Report();
        }

        return failed ? 1 : 0;
    }

    private static async Task<bool> RunAsync(FuzzTarget target, FuzzRunner runner, Corpus corpus, TimeSpan share, bool keep)
    {
        long start = Stopwatch.GetTimestamp();
        FuzzFinding? finding = await runner.ReplayAsync(corpus.Load(target.Name));
        int before = runner.Kept.Count;
        long liveBefore = GC.GetTotalMemory(forceFullCollection: true);
        finding ??= await runner.FuzzAsync(() => Stopwatch.GetElapsedTime(start) < share);
        TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
        long grown = GC.GetTotalMemory(forceFullCollection: true) - liveBefore;
        Console.WriteLine(
            $"{target.Name,-14} {runner.Runs,10} runs {runner.Runs / elapsed.TotalSeconds,8:0}/s {runner.FeatureCount,6} features {runner.Kept.Count - before,5} kept {grown / 1024,7} KiB more memory  {target.About}");
        if (finding is not null)
        {
            Console.Error.WriteLine(finding.Save(Environment.CurrentDirectory));
            return false;
        }

        if (keep)
        {
            corpus.Save(target.Name, await Distiller.DistillAsync(target, runner.Kept));
        }

        return true;
    }

    private static async Task<int> ReplayAsync(FuzzTarget[] targets, byte[] input)
    {
        if (targets is not [FuzzTarget target])
        {
            await Console.Error.WriteLineAsync("Say which target with --target.");
            return 2;
        }

        var features = new Features();
        await target.RunAsync(input, features);
        Console.WriteLine($"Nothing broke; {features.Seen.Count} features.");
        return 0;
    }
}
