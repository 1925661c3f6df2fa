using System.Globalization;
using System.Text.RegularExpressions;

namespace MiniGrpc.Benchmarks.Compare.Report.Plots;

/// <summary>
/// The CPU an operation costs one side, as a number in the work's name grows: <c>unary-1</c>, <c>unary-10</c> and so on by the
/// calls in flight, <c>unary-1000-10c</c> by the connections.
/// </summary>
internal sealed partial record Series(string Name, Side Measured, string Against, IReadOnlyList<(int Size, Comparison Row)> Points)
{
    private const int FewestPoints = 3;

    public string Title => $"{Name}: CPU µs an operation, {TableReport.NameOf(Measured)} against {Against}";

    public string FileName => $"{Name}-{TableReport.NameOf(Measured)}-{Against}.svg";

    public static IEnumerable<Series> In(IEnumerable<Comparison> rows) =>
        from row in rows
        where row.Figure == Figure.ServerCpu || row.Figure == Figure.ClientCpu
        let size = SizeOf(row.Experiment)
        where size.Success
        group (int.Parse(size.Groups[1].Value, CultureInfo.InvariantCulture), row)
            by (Name: NameOf(row.Experiment, size.Groups[1]), row.Measured, row.Against) into points
        where points.Count() >= FewestPoints
        select new Series(points.Key.Name, points.Key.Measured, points.Key.Against, [.. points.OrderBy(point => point.Item1)]);

    private static Match SizeOf(string experiment)
    {
        Match connections = ConnectionsPattern().Match(experiment);
        return connections.Success ? connections : InFlightPattern().Match(experiment);
    }

    private static string NameOf(string experiment, Group size) =>
        $"{experiment[..size.Index]}N{experiment[(size.Index + size.Length)..]}";

    [GeneratedRegex(@"-(\d+)c\b")]
    private static partial Regex ConnectionsPattern();

    [GeneratedRegex(@"-(\d+)(?=-|$)")]
    private static partial Regex InFlightPattern();
}
