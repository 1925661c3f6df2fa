namespace MiniGrpc.Benchmarks.Compare.Report.Plots;

/// <summary>A plot that was drawn.</summary>
internal sealed record PlotFile(string Group, string Title, string Path);

/// <summary>Every plot that the results allow.</summary>
internal static class Plot
{
    /// <summary>Draws into <paramref name="folder"/>; the paths that come back are relative to it.</summary>
    public static async Task<List<PlotFile>> WriteAllAsync(string folder, IReadOnlyList<Comparison> rows)
    {
        Directory.CreateDirectory(folder);
        List<PlotFile> files = [];
        foreach (IGrouping<string, Comparison> group in rows.GroupBy(row => row.Group))
        {
            List<Comparison> bars = [.. group.Where(row => row.Ratio is { Min: > 0 })];
            if (bars.Count > 0)
            {
                await WriteAsync(group.Key, $"{group.Key}: how many times as good as the peer", $"{group.Key}.svg", title => RatioBars.Draw(title, bars));
            }

            foreach (Series series in Series.In(group))
            {
                await WriteAsync(group.Key, series.Title, series.FileName, title => SeriesLines.Draw(title, series));
            }
        }

        return files;

        async Task WriteAsync(string group, string title, string name, Func<string, string> draw)
        {
            await File.WriteAllTextAsync(Path.Combine(folder, name), draw(title));
            files.Add(new PlotFile(group, title, name));
        }
    }
}
