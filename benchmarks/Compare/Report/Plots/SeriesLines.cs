namespace MiniGrpc.Benchmarks.Compare.Report.Plots;

/// <summary>A line for each side, with whiskers from the least to the greatest round; sizes on a logarithmic scale, costs from 0.</summary>
internal static class SeriesLines
{
    private const double Left = 60;
    private const double Top = 70;
    private const double Width = 520;
    private const double Height = 260;
    private const int Steps = 5;

    public static string Draw(string title, Series series)
    {
        double greatest = series.Points.Max(point => Math.Max(point.Row.Ours.Max, point.Row.Theirs.Max));
        double first = Math.Log(series.Points[0].Size);
        double last = Math.Log(series.Points[^1].Size);
        var svg = new Svg(title, Left + Width + 30, Top + Height + 40);
        svg.Text(Left, 46, "MiniGrpc", "start");
        svg.Bar(Left - 16, 37, 10, 10, "ours");
        svg.Text(Left + 100, 46, "peer", "start");
        svg.Bar(Left + 84, 37, 10, 10, "theirs");
        for (int i = 0; i <= Steps; i++)
        {
            double value = greatest * i / Steps;
            svg.Line(Left, Y(value), Left + Width, Y(value), i == 0 ? "axis" : "grid");
            svg.Text(Left - 8, Y(value) + 4, value.ToString("0.#", System.Globalization.CultureInfo.InvariantCulture), "end");
        }

        foreach ((int size, _) in series.Points)
        {
            svg.Text(X(size), Top + Height + 20, size.ToString(System.Globalization.CultureInfo.InvariantCulture), "middle");
        }

        DrawSide("theirs", row => row.Theirs);
        DrawSide("ours", row => row.Ours);
        return svg.ToString();

        void DrawSide(string style, Func<Comparison, Spread> side)
        {
            svg.Polyline(series.Points.Select(point => (X(point.Size), Y(side(point.Row).Median))), style);
            foreach ((int size, Comparison row) in series.Points)
            {
                svg.Line(X(size), Y(side(row).Min), X(size), Y(side(row).Max), style);
            }
        }

        double X(int size) => Left + ((Math.Log(size) - first) / (last - first) * Width);
        double Y(double value) => Top + Height - (value / greatest * Height);
    }
}
