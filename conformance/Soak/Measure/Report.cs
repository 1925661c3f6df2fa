using MiniGrpc.Conformance.Soak.Work;
using Spectre.Console;

namespace MiniGrpc.Conformance.Soak.Measure;

/// <summary>The outcome, for a person.</summary>
internal static class Report
{
    /// <summary>What has been done, and how it ended.</summary>
    public static void WriteWork(Outcomes outcomes)
    {
        Table table = new Table().AddColumn("work and its end").AddColumn(new TableColumn("times").RightAligned());
        foreach (KeyValuePair<string, long> count in outcomes.Counts)
        {
            table.AddRow(Markup.Escape(count.Key), $"{count.Value:N0}");
        }

        AnsiConsole.Write(table);
    }

    /// <summary>How the process has changed.</summary>
    public static void WriteTrends(IReadOnlyList<Trend> trends)
    {
        Table table = new Table().AddColumn("at rest");
        foreach (string column in (string[])["first", "last", "rise of the low water", "allowed"])
        {
            table.AddColumn(new TableColumn(column).RightAligned());
        }

        table.AddColumn("verdict");
        foreach (Trend trend in trends)
        {
            table.AddRow(
                trend.Metric.Name,
                $"{trend.First:0.##}",
                $"{trend.Last:0.##}",
                $"{trend.Growth:+0.##;-0.##;0}",
                $"{trend.Allowed:0.##}",
                trend.Grows ? "[red]grows[/]" : "[green]flat[/]");
        }

        AnsiConsole.Write(table);
    }
}
