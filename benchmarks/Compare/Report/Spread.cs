namespace MiniGrpc.Benchmarks.Compare.Report;

/// <summary>
/// The median over the rounds, and the least and greatest value. A median, since a disturbance of the machine makes one round
/// bad and would drag a mean along; the extremes, since they show whether a difference is larger than the noise.
/// </summary>
internal sealed record Spread(double Median, double Min, double Max)
{
    public static Spread Of(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        int middle = sorted.Length / 2;
        double median = sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        return new Spread(median, sorted[0], sorted[^1]);
    }
}
