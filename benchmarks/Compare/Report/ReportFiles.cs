using System.CommandLine;
using MiniGrpc.Benchmarks.Compare.Experiments;
using MiniGrpc.Benchmarks.Compare.Orchestration;
using MiniGrpc.Benchmarks.Compare.Report.Plots;

namespace MiniGrpc.Benchmarks.Compare.Report;

/// <summary>The results as files for people: Markdown, plots, and the page of the documentation that has both.</summary>
internal static class ReportFiles
{
    private const string Page = "performance.md";
    private const string PlotsOfPage = "performance";
    private const string Begin = "<!-- results -->";
    private const string End = "<!-- end of results -->";

    private static readonly Option<FileInfo?> s_markdown = new("--markdown") { Description = "Write the table as Markdown." };
    private static readonly Option<DirectoryInfo?> s_plots = new("--plots") { Description = "Draw the ratios, and lines for what was measured at three sizes or more, into a folder." };
    private static readonly Option<bool> s_updateDocs = new("--update-docs") { Description = "Put tables and plots into docs/performance.md." };

    public static void AddOptions(RootCommand command)
    {
        command.Options.Add(s_markdown);
        command.Options.Add(s_plots);
        command.Options.Add(s_updateDocs);
    }

    public static async Task WriteAsync(ParseResult arguments, Results results, BenchmarkOptions options)
    {
        List<Comparison> rows = [.. Comparison.All(results.Samples).Where(TableReport.IsWorthARow)];
        if (arguments.GetValue(s_plots) is DirectoryInfo folder)
        {
            await Plot.WriteAllAsync(folder.FullName, rows);
        }

        if (arguments.GetValue(s_markdown) is FileInfo file)
        {
            await File.WriteAllTextAsync(file.FullName, MarkdownReport.Compose(rows, Conditions.Lines(results, options), []));
        }

        if (arguments.GetValue(s_updateDocs))
        {
            await UpdatePageAsync(rows, Conditions.Lines(results, options));
        }
    }

    /// <summary>Replaces what stands between the marks, and the plots; of an earlier run nothing stays.</summary>
    private static async Task UpdatePageAsync(List<Comparison> rows, IEnumerable<string> conditions)
    {
        string docs = Path.Combine(Repository.Root, "docs");
        string folder = Directory.CreateDirectory(Path.Combine(docs, PlotsOfPage)).FullName;
        foreach (string old in Directory.EnumerateFiles(folder, "*.svg"))
        {
            File.Delete(old);
        }

        IEnumerable<PlotFile> plots = (await Plot.WriteAllAsync(folder, rows)).Select(plot => plot with { Path = $"{PlotsOfPage}/{plot.Path}" });
        string file = Path.Combine(docs, Page);
        string text = await File.ReadAllTextAsync(file);
        int begin = text.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length;
        int end = text.IndexOf(End, StringComparison.Ordinal);
        await File.WriteAllTextAsync(file, $"{text[..begin]}\n\n{MarkdownReport.Compose(rows, conditions, [.. plots])}\n{text[end..]}");
    }
}
