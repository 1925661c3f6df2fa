using System.CommandLine;
using MiniGrpc.Conformance.Soak.Measure;
using MiniGrpc.Conformance.Soak.Work;
using MiniGrpc.Conformance.Soak.World;
using Spectre.Console;

namespace MiniGrpc.Conformance.Soak;

/// <summary>The long run: works, takes samples, and says whether anything grows.</summary>
internal static class SoakCommand
{
    private const string NoFaults = "none";

    /// <summary>
    /// Each thread keeps buffers of its own for the next use, a megabyte and more, so with a pool that grows and shrinks live
    /// memory would say how many threads there are. Nothing here blocks a thread for long.
    /// </summary>
    private const int PoolThreads = 16;

    private static readonly Option<double> s_minutes = new("--minutes") { Description = "How long.", DefaultValueFactory = _ => 10 };
    private static readonly Option<double> s_sample = new("--sample") { Description = "Seconds between two samples.", DefaultValueFactory = _ => 10 };
    private static readonly Option<int> s_workers = new("--workers") { Description = "Calls at a time.", DefaultValueFactory = _ => 16 };
    private static readonly Option<int?> s_seed = new("--seed") { Description = "Decides what is done; the order still differs, for threads do." };
    private static readonly Option<SiteKind[]> s_transports = new("--transport")
    {
        Description = "What connects servers and channels.",
        AllowMultipleArgumentsPerToken = true,
        DefaultValueFactory = _ => Enum.GetValues<SiteKind>(),
    };

    private static readonly Option<string[]> s_calls = Names("--calls", "Which calls; all by default. Fewer of them, or of the faults, help to find who leaks.", Calls.All.Select(call => call.Name));
    private static readonly Option<string[]> s_faults = Names("--faults", "Which faults; all by default, or none.", [NoFaults, .. Faults.All.Select(fault => fault.Name)]);

    public static RootCommand Create()
    {
        var command = new RootCommand("Runs servers and channels for a long time, breaks them now and then, and watches what they hold.")
        {
            s_minutes, s_sample, s_workers, s_seed, s_transports, s_calls, s_faults,
        };
        command.SetAction((arguments, _) => RunAsync(arguments));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult arguments)
    {
        TimeSpan length = TimeSpan.FromMinutes(arguments.GetRequiredValue(s_minutes));
        TimeSpan pause = TimeSpan.FromSeconds(arguments.GetRequiredValue(s_sample));
        int seed = arguments.GetValue(s_seed) ?? Environment.TickCount;
        ThreadPool.SetMinThreads(PoolThreads, PoolThreads);
        ThreadPool.SetMaxThreads(int.Max(PoolThreads, Environment.ProcessorCount), PoolThreads);
        AnsiConsole.WriteLine($"Seed {seed}, {length.TotalMinutes:0.##} minutes.");
        await using SoakRun run = await SoakRun.StartAsync(arguments.GetRequiredValue(s_transports));
        Repertoire repertoire = Repertoire.All.Only(arguments.GetValue(s_calls) ?? [], arguments.GetValue(s_faults) ?? []);
        Task work = run.WorkAsync(
            arguments.GetRequiredValue(s_workers), seed, () => run.Elapsed < length && run.Outcomes.Unexpected is null, repertoire);
        List<Sample> samples = [];
        while (!work.IsCompleted && run.Elapsed < length)
        {
            await Task.WhenAny(work, Task.Delay(pause));
            samples.Add(await run.SampleAsync());
            Write(samples[^1]);
        }

        await work;
        return Judge(run, samples);
    }

    private static Option<string[]> Names(string name, string description, IEnumerable<string> choices) => new Option<string[]>(name)
    {
        Description = description,
        AllowMultipleArgumentsPerToken = true,
    }.AcceptOnlyFromAmong([.. choices.Distinct()]);

    private static int Judge(SoakRun run, List<Sample> samples)
    {
        Report.WriteWork(run.Outcomes);
        if (run.Outcomes.Unexpected is { } unexpected)
        {
            AnsiConsole.WriteException(unexpected);
            return 1;
        }

        if (samples.Count < Trend.FewestSamples)
        {
            AnsiConsole.WriteLine($"{samples.Count} samples are too few for a verdict: more minutes, or fewer seconds between samples.");
            return 2;
        }

        Trend[] trends = Trend.Of(samples);
        Report.WriteTrends(trends);
        return trends.Any(trend => trend.Grows) ? 1 : 0;
    }

    private static void Write(Sample sample)
    {
        string values = string.Join("  ", Metric.All.Zip(sample.Values, (metric, value) => $"{metric.Name} {value:0.#}"));
        Console.WriteLine($"{sample.Minutes,6:0.00} min  {sample.Work,9:N0} done  {values}");
    }
}
