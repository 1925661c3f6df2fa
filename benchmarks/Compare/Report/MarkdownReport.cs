using System.Text;
using MiniGrpc.Benchmarks.Compare.Report.Plots;

namespace MiniGrpc.Benchmarks.Compare.Report;

/// <summary>A table for each group of works, its plots above it, and the conditions at the end.</summary>
internal static class MarkdownReport
{
    public static string Compose(IReadOnlyList<Comparison> rows, IEnumerable<string> conditions, IReadOnlyList<PlotFile> plots)
    {
        var text = new StringBuilder();
        foreach (IGrouping<string, Comparison> group in rows.GroupBy(row => row.Group))
        {
            text.Append($"### {group.Key}\n\n");
            foreach (PlotFile plot in plots.Where(plot => plot.Group == group.Key))
            {
                text.Append($"![{plot.Title}]({plot.Path})\n\n");
            }

            text.Append("| work | measured | against | figure | MiniGrpc | peer | MiniGrpc : peer |\n| --- | --- | --- | --- | ---: | ---: | ---: |\n");
            foreach (Comparison row in group)
            {
                text.Append($"| {row.Experiment} | {TableReport.NameOf(row.Measured)} | {row.Against} ");
                text.Append($"| {row.Figure.Name}{TableReport.Arrow(row.Figure.Better)} ");
                text.Append($"| {TableReport.Format(row.Ours)} | {TableReport.Format(row.Theirs)} | {(row.Ratio is null ? "" : TableReport.Format(row.Ratio))} |\n");
            }

            text.Append('\n');
        }

        text.Append("### Conditions\n\n");
        foreach (string line in conditions)
        {
            // A failure brings its stack trace along, which the console shows.
            text.Append($"- {line.Split('\n')[0]}\n");
        }

        return text.ToString();
    }
}
