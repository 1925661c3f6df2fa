using System.Globalization;
using MiniGrpc.Benchmarks.Compare.Experiments;
using MiniGrpc.Benchmarks.Compare.Orchestration;
using Spectre.Console;

namespace MiniGrpc.Benchmarks.Compare.Report;

/// <summary>The table on the standard output, and under it the conditions it was made in.</summary>
internal static class TableReport
{
    // Wide enough for the table when the output goes to a file, which has no width.
    private const int LeastWidth = 160;

    // The variables that change how code is compiled, collected or scheduled; others say where the SDK is, and the like.
    private static readonly string[] s_runtimePrefixes = ["gc", "tiered", "tc_", "osr", "readytorun", "jit", "enable", "threadpool", "processor_count", "system_"];

    public static void Write(Results results, BenchmarkOptions options)
    {
        AnsiConsole.Profile.Width = Math.Max(AnsiConsole.Profile.Width, LeastWidth);
        Table table = new Table().Border(TableBorder.Simple);
        table.AddColumns("work", "measured", "against", "figure");
        table.AddColumn(new TableColumn("MiniGrpc").RightAligned());
        table.AddColumn(new TableColumn("peer").RightAligned());
        table.AddColumn(new TableColumn("MiniGrpc : peer").RightAligned());
        Comparison? above = null;
        foreach (Comparison row in Comparison.All(results.Samples).Where(IsWorthARow))
        {
            bool sameWork = above?.Experiment == row.Experiment;
            bool sameGroup = sameWork && above!.Measured == row.Measured && above.Against == row.Against;
            if (above is not null && !sameGroup)
            {
                table.AddEmptyRow();
            }

            table.AddRow(
                sameWork ? "" : row.Experiment,
                sameGroup ? "" : NameOf(row.Measured),
                sameGroup ? "" : row.Against,
                $"{row.Figure.Name}{Arrow(row.Figure.Better)}",
                Format(row.Ours),
                Format(row.Theirs),
                row.Ratio is null ? "" : Coloured(row.Ratio, row.Figure.Better));
            above = row;
        }

        AnsiConsole.Write(table);
        WriteConditions(results, options);
    }

    private static void WriteConditions(Results results, BenchmarkOptions options)
    {
        List<string> lines =
        [
            $"Median (least–greatest) of {options.Rounds} rounds of {options.Length.TotalSeconds} s each, after {options.WarmUp.TotalSeconds} s of warm-up and up to {options.Settle.TotalSeconds} s more until the JIT had settled"
                + (options.Fresh ? ", new processes every round" : ", the same processes in every round") + "; the ratio is taken round by round.",
            .. results.Processes,
            $"set for every process: {Settling.NoLongerDelayOnOneProcessor.Key}={Settling.NoLongerDelayOnOneProcessor.Value}",
            .. RuntimeSettings(),
            .. results.Notes,
            .. results.Failures.Select(failure => $"FAILED {failure}"),
        ];
        foreach (string line in lines)
        {
            AnsiConsole.WriteLine(line);
        }
    }

    /// <summary>Settings of the runtime that come from the surroundings: the same for all, but not what a reader expects.</summary>
    private static IEnumerable<string> RuntimeSettings() => Environment.GetEnvironmentVariables().Keys.Cast<string>()
        .Where(name => s_runtimePrefixes.Any(prefix => name.StartsWith("DOTNET_" + prefix, StringComparison.OrdinalIgnoreCase)))
        .Order(StringComparer.Ordinal)
        .Select(name => $"set in the environment: {name}={Environment.GetEnvironmentVariable(name)}");

    /// <summary>That nothing was compiled goes without saying.</summary>
    private static bool IsWorthARow(Comparison row) => row.Figure.Better != Better.Neither || row.Ours.Max > 0 || row.Theirs.Max > 0;

    private static string NameOf(Side side) => side switch
    {
        Side.Client => "client",
        Side.Server => "server",
        _ => "both",
    };

    private static string Arrow(Better better) => better switch
    {
        Better.Higher => " ↑",
        Better.Lower => " ↓",
        _ => "",
    };

    private static string Coloured(Spread ratio, Better better)
    {
        // A colour is for a difference that no round contradicts.
        bool higher = ratio.Min > 1;
        bool lower = ratio.Max < 1;
        string text = Format(ratio);
        return (higher, lower) switch
        {
            (false, false) => text,
            _ => higher == (better == Better.Higher) ? $"[green]{text}[/]" : $"[red]{text}[/]",
        };
    }

    private static string Format(Spread spread) => $"{Format(spread.Median)} ({Format(spread.Min)}–{Format(spread.Max)})";

    private static string Format(double value)
    {
        string format = value switch
        {
            >= 100 => "#,0",
            >= 10 => "0.0",
            _ => "0.00",
        };
        return value.ToString(format, CultureInfo.InvariantCulture);
    }
}
