using MiniGrpc.Conformance.Soak.Measure;

namespace MiniGrpc.Conformance.Soak.Tests;

/// <summary>The verdict: what grows is seen, what swings is not.</summary>
public class TrendTests
{
    [Fact]
    public void The_rise_of_a_straight_line_is_its_end_less_its_start() =>
        Assert.Equal(9, Trend.RiseOf([(0, 1), (1, 4), (2, 7), (3, 10)]), precision: 9);

    [Fact]
    public void What_grows_steadily_grows()
    {
        Trend[] trends = Trend.Of([.. Enumerable.Range(0, 20).Select(i => Sample(i, 100 + i))]);
        Assert.All(trends.Where(trend => trend.Metric.Name is "handles" or "rented buffers" or "running calls"), trend => Assert.Equal(9, trend.Growth, precision: 9));
        Assert.Contains(trends, trend => trend is { Grows: true, Metric.Name: "handles" });
        Assert.Contains(trends, trend => trend is { Grows: true, Metric.Name: "running calls" });
    }

    [Fact]
    public void What_grows_at_first_and_then_swings_is_flat()
    {
        Trend[] trends = Trend.Of([.. Enumerable.Range(0, 20).Select(i => Sample(i, i < 10 ? 10 * i : 100))]);
        Assert.All(trends, trend => Assert.False(trend.Grows));
    }

    private static Sample Sample(int minute, double value) => new(minute, minute, [.. Metric.All.Select(_ => value)]);
}
