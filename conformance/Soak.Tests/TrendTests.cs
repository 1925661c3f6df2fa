using MiniGrpc.Conformance.Soak.Measure;

namespace MiniGrpc.Conformance.Soak.Tests;

/// <summary>The verdict: what grows is seen, what swings is not.</summary>
public class TrendTests
{
    [Fact]
    public void The_low_water_of_the_last_third_is_held_against_that_of_the_third_before() =>
        Assert.Equal(3, Trend.RiseOf([9, 1, 5, 4, 8, 7]));

    [Fact]
    public void What_grows_steadily_grows()
    {
        Trend[] trends = Trend.Of([.. Enumerable.Range(0, 21).Select(i => Sample(i, 100 + i))]);
        Assert.All(trends.Where(trend => trend.Metric.Name is "handles" or "rented buffers" or "running calls"), trend => Assert.Equal(7, trend.Growth));
        Assert.Contains(trends, trend => trend is { Grows: true, Metric.Name: "handles" });
        Assert.Contains(trends, trend => trend is { Grows: true, Metric.Name: "running calls" });
    }

    [Fact]
    public void What_grows_at_first_and_then_swings_is_flat()
    {
        Trend[] trends = Trend.Of([.. Enumerable.Range(0, 21).Select(i => Sample(i, i < 7 ? 10 * i : i is > 14 and < 20 ? 200 : 100))]);
        Assert.All(trends, trend => Assert.False(trend.Grows));
    }

    /// <summary>What pools give back in a quiet minute, they take again.</summary>
    [Fact]
    public void What_is_lower_for_a_moment_is_flat()
    {
        Trend[] trends = Trend.Of([.. Enumerable.Range(0, 30).Select(i => Sample(i, i is 15 or 16 ? 20 : 100))]);
        Assert.All(trends, trend => Assert.Equal(0, trend.Growth));
    }

    private static Sample Sample(int minute, double value) => new(minute, minute, [.. Metric.All.Select(_ => value)]);
}
