using System.CommandLine;
using System.Globalization;

using MiniGrpc.Conformance.Simulator;

var start = new Option<long>("--start") { Description = "The first seed.", DefaultValueFactory = _ => 1 };
var seeds = new Option<long>("--seeds") { Description = "How many seeds to run.", DefaultValueFactory = _ => 10_000 };
var seed = new Option<long?>("--replay") { Description = "Runs this one seed and prints all that happens." };
var lines = new Option<int>("--lines") { Description = "How many of the last lines to print of a run that failed.", DefaultValueFactory = _ => 200 };
var most = new Option<int>("--failures") { Description = "After how many failures to stop.", DefaultValueFactory = _ => 1 };
var root = new RootCommand("Runs client and server against each other on one thread, over simulated connections, as seeds decide.") { start, seeds, seed, lines, most };
root.SetAction(parsed => parsed.GetValue(seed) is { } one
    ? Report.Replay(one)
    : Report.RunMany(parsed.GetValue(start), parsed.GetValue(seeds), parsed.GetValue(lines), parsed.GetValue(most)));
return await root.Parse(args).InvokeAsync();

/// <summary>Runs seeds and prints what comes of them.</summary>
internal static class Report
{
    /// <summary>Runs one seed with its trace.</summary>
    public static int Replay(long seed)
    {
        SimResult result = Simulation.Run(seed, keepsLines: true);
        Print(result, int.MaxValue);
        return result.Failure is null ? 0 : 1;
    }

    /// <summary>Runs many seeds; one that fails is run again for its trace.</summary>
    public static int RunMany(long start, long count, int lines, int most)
    {
        long began = TimeProvider.System.GetTimestamp();
        long told = began;
        long events = 0;
        long sentAgain = 0;
        int failures = 0;
        for (long seed = start; seed < start + count; seed++)
        {
            SimResult result = Simulation.Run(seed);
            events += result.Events;
            sentAgain += result.SentAgain;
            if (result.Failure is not null)
            {
                SimResult again = Simulation.Run(seed, keepsLines: true);
                Print(again.Failure is null ? result : again, lines);
                if (++failures == most)
                {
                    return 1;
                }
            }

            if (TimeProvider.System.GetElapsedTime(told) > TimeSpan.FromSeconds(10))
            {
                told = TimeProvider.System.GetTimestamp();
                Say($"{seed - start + 1} seeds, {(seed - start + 1) / TimeProvider.System.GetElapsedTime(began).TotalSeconds:0}/s, {failures} failures");
            }
        }

        TimeSpan took = TimeProvider.System.GetElapsedTime(began);
        Say($"{count} seeds from {start} in {took.TotalSeconds:0.0} s ({count / took.TotalSeconds:0}/s), {events} events, {sentAgain} calls sent once more, {failures} failures");
        return failures == 0 ? 0 : 1;
    }

    private static void Print(SimResult result, int lines)
    {
        foreach (string line in result.Lines.Skip(Math.Max(0, result.Lines.Count - lines)))
        {
            Say(line);
        }

        Say($"seed {result.Seed}: {result.Failure ?? "all well"} ({result.Events} events, {result.Hash:x16})");
    }

    private static void Say(FormattableString text) => Console.WriteLine(text.ToString(CultureInfo.InvariantCulture));

    private static void Say(string text) => Console.WriteLine(text);
}
