namespace MiniGrpc.Benchmarks.Compare.Report.Plots;

/// <summary>
/// A bar for each ratio, from 1 towards the better side, with whiskers from the least to the greatest round. Rates and costs are
/// drawn alike: to the right is better. The scale is logarithmic, so that twice as good and half as good are equally long.
/// </summary>
internal static class RatioBars
{
    private const double Labels = 440;
    private const double Plane = 420;
    private const double Margin = 20;
    private const double Top = 56;
    private const double RowHeight = 20;
    private const double BarHeight = 12;

    public static string Draw(string title, IReadOnlyList<Comparison> rows)
    {
        List<(string Label, Spread Factor)> bars = [.. rows.Select(row => (LabelOf(row), FactorOf(row)))];
        double least = Math.Min(-1, Math.Floor(Math.Log2(bars.Min(bar => bar.Factor.Min))));
        double greatest = Math.Max(1, Math.Ceiling(Math.Log2(bars.Max(bar => bar.Factor.Max))));
        double bottom = Top + (bars.Count * RowHeight);
        var svg = new Svg(title, Labels + Plane + Margin, bottom + Margin);
        for (double power = least; power <= greatest; power++)
        {
            svg.Line(X(power), Top - 6, X(power), bottom, power == 0 ? "axis" : "grid");
            svg.Text(X(power), Top - 12, power < 0 ? $"1/{Math.Pow(2, -power):0}" : $"{Math.Pow(2, power):0}", "middle");
        }

        for (int i = 0; i < bars.Count; i++)
        {
            (string label, Spread factor) = bars[i];
            double middle = Top + ((i + 0.5) * RowHeight);
            double end = X(Math.Log2(factor.Median));
            svg.Text(Labels - 10, middle + 4, label, "end");
            svg.Bar(Math.Min(end, X(0)), middle - (BarHeight / 2), Math.Abs(end - X(0)), BarHeight, end >= X(0) ? "ours" : "theirs");
            svg.Line(X(Math.Log2(factor.Min)), middle, X(Math.Log2(factor.Max)), middle, "whisker");
        }

        return svg.ToString();

        double X(double power) => Labels + ((power - least) / (greatest - least) * Plane);
    }

    private static string LabelOf(Comparison row)
    {
        string against = row.Against.Length == 0 ? "" : $" against {row.Against}";
        return $"{row.Experiment}, {TableReport.NameOf(row.Measured)}{against}: {row.Figure.Name}";
    }

    private static Spread FactorOf(Comparison row)
    {
        Spread ratio = row.Ratio!;
        return row.Figure.Better == Better.Higher ? ratio : new Spread(1 / ratio.Median, 1 / ratio.Max, 1 / ratio.Min);
    }
}
