namespace MiniGrpc.Conformance.Soak.Measure;

/// <summary>The straight line through the second half of the samples: by then pools and caches are warm, and what still rises is lost.</summary>
/// <param name="Metric">What was sampled.</param>
/// <param name="First">The first sample.</param>
/// <param name="Last">The last one.</param>
/// <param name="Growth">How much the line rises over the second half.</param>
/// <param name="Allowed">How much it may.</param>
internal sealed record Trend(Metric Metric, double First, double Last, double Growth, double Allowed)
{
    /// <summary>A line needs more points than two to mean anything.</summary>
    public const int FewestSamples = 6;

    /// <summary>Whether it grows.</summary>
    public bool Grows => Growth > Allowed;

    /// <summary>The trend of each metric.</summary>
    public static Trend[] Of(IReadOnlyList<Sample> samples) => [.. Metric.All.Select((metric, index) => Of(samples, metric, index))];

    /// <summary>The rise of the line of least squares through the points, from the first to the last.</summary>
    public static double RiseOf(IReadOnlyList<(double X, double Y)> points)
    {
        double meanX = points.Average(point => point.X);
        double meanY = points.Average(point => point.Y);
        double spread = points.Sum(point => (point.X - meanX) * (point.X - meanX));
        double slope = spread == 0 ? 0 : points.Sum(point => (point.X - meanX) * (point.Y - meanY)) / spread;
        return slope * (points[^1].X - points[0].X);
    }

    private static Trend Of(IReadOnlyList<Sample> samples, Metric metric, int index)
    {
        (double X, double Y)[] half = [.. samples.Skip(samples.Count / 2).Select(sample => (sample.Minutes, sample.Values[index]))];
        double allowed = double.Max(metric.Slack, metric.RelativeSlack * half.Average(point => point.Y));
        return new Trend(metric, samples[0].Values[index], samples[^1].Values[index], RiseOf(half), allowed);
    }
}
