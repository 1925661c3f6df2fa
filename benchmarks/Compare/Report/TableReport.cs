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
        foreach (string line in Conditions.Lines(results, options))
        {
            AnsiConsole.WriteLine(line);
        }
    }

    /// <summary>That nothing was compiled goes without saying.</summary>
    public static bool IsWorthARow(Comparison row) => row.Figure.Better != Better.Neither || row.Ours.Max > 0 || row.Theirs.Max > 0;

    public static string NameOf(Side side) => side switch
    {
        Side.Client => "client",
        Side.Server => "server",
        _ => "both",
    };

    public static string Arrow(Better better) => better switch
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

    public static string Format(Spread spread) => $"{Format(spread.Median)} ({Format(spread.Min)}–{Format(spread.Max)})";

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
