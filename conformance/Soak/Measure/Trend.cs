namespace MiniGrpc.Conformance.Soak.Measure;

/// <summary>
/// How the low water has moved: the lower quartile of the last third of the samples against that of the third before. The first third
/// is for pools and caches to fill. What is lost never comes back, so it raises low values, too; what a pool holds for some minutes,
/// such as arrays for large messages, raises others and is gone again. Not the lowest value of all: when the machine is busy
/// elsewhere for a minute, pools give their arrays back, and take as many again afterwards.
/// </summary>
/// <param name="Metric">What was sampled.</param>
/// <param name="First">The first sample.</param>
/// <param name="Last">The last one.</param>
/// <param name="Growth">How much the low water has risen.</param>
/// <param name="Allowed">How much it may.</param>
internal sealed record Trend(Metric Metric, double First, double Last, double Growth, double Allowed)
{
    /// <summary>Two for each third, or a single one that swings high decides.</summary>
    public const int FewestSamples = 6;

    /// <summary>Whether it grows.</summary>
    public bool Grows => Growth > Allowed;

    /// <summary>The trend of each metric.</summary>
    public static Trend[] Of(IReadOnlyList<Sample> samples) => [.. Metric.All.Select((metric, index) => Of(samples, metric, index))];

    /// <summary>The lower quartile of the last third less that of the third before.</summary>
    public static double RiseOf(IReadOnlyList<double> values)
    {
        int third = values.Count / 3;
        return LowOf(values.TakeLast(third)) - LowOf(values.SkipLast(third).TakeLast(third));
    }

    /// <summary>A quarter of the values is at most this; of few, the lowest.</summary>
    private static double LowOf(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 4];
    }

    private static Trend Of(IReadOnlyList<Sample> samples, Metric metric, int index)
    {
        double[] values = [.. samples.Select(sample => sample.Values[index])];
        double allowed = double.Max(metric.Slack, metric.RelativeSlack * values.Average());
        return new Trend(metric, values[0], values[^1], RiseOf(values), allowed);
    }
}
