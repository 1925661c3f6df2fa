using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using MiniGrpc.Client.Balancing;
using MiniGrpc.Client.Balancing.Outliers;
using MiniGrpc.Client.Configuration;

namespace MiniGrpc.Conformance.Wire.Balancing;

/// <summary>gRFC A50, "Outlier Detection Behavior" and its algorithms, on numbers of calls and times that a test gives.</summary>
public partial class OutlierDetectorTests
{
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(10);

    private readonly OutlierDetector _detector = new(new Random(1), NullLogger.Instance);
    private TimeSpan _now = TimeSpan.Zero;

    [Theory]
    [InlineData(1900, 99, true)] // of five, one that differs is 2 standard deviations away, however much it differs
    [InlineData(2100, 99, false)]
    [InlineData(2100, 0, false)]
    [InlineData(1900, 100, false)] // all alike
    public void The_success_rate_may_be_so_many_deviations_below_the_mean(int factor, int successes, bool ejected)
    {
        Track(5);
        Count(100, 100, 100, 100, successes);
        Sweep(new OutlierDetectionConfig { SuccessRateEjection = new SuccessRateEjection { StdevFactor = factor } });
        AssertEjected(ejected ? [4] : []);
    }

    [Theory]
    [InlineData(5, 100, true)]
    [InlineData(6, 100, false)] // too few addresses
    [InlineData(5, 101, false)] // too few calls
    [InlineData(5, 0, true)] // one without any says nothing
    [InlineData(6, 0, false)]
    public void The_success_rate_needs_enough_addresses_with_enough_calls(int hosts, int volume, bool ejected)
    {
        Track(6);
        Count(100, 100, 100, 100, 0, null);
        Sweep(new OutlierDetectionConfig { SuccessRateEjection = new SuccessRateEjection { MinimumHosts = hosts, RequestVolume = volume } });
        AssertEjected(ejected ? [4] : []);
    }

    /// <summary>
    /// "The mean of the success rates", not the rate of all calls: 96 % here, with a deviation of 8 %. All calls together succeed to 86 %, and 80 % would
    /// be near enough to that.
    /// </summary>
    [Fact]
    public void The_success_rate_of_who_has_many_calls_counts_once()
    {
        Track(5);
        Count(100, 100, 100, 100);
        for (int i = 0; i < 10; i++)
        {
            Count(null, null, null, null, 80);
        }

        Sweep(new OutlierDetectionConfig { SuccessRateEjection = new SuccessRateEjection() });
        Assert.Equal([4], Ejected);
    }

    /// <summary>One with few calls is left out of the mean, too: it would be 83 % here, and the deviation 37 %.</summary>
    [Fact]
    public void The_success_rate_of_who_has_few_calls_counts_for_nothing()
    {
        Track(6);
        Count(100, 100, 100, 100, 90, null);
        Fail(5, 99);
        Sweep(new OutlierDetectionConfig { SuccessRateEjection = new SuccessRateEjection() });
        Assert.Equal([4], Ejected);
    }

    [Theory]
    [InlineData(85, 14, true)]
    [InlineData(85, 15, false)] // exactly the threshold
    [InlineData(0, 99, true)]
    [InlineData(0, 100, false)]
    [InlineData(100, 0, false)]
    public void The_failure_percentage_may_be_as_high_as_the_threshold(int threshold, int successes, bool ejected)
    {
        Track(5);
        Count(successes, 100, 100, 100, 100);
        Sweep(new OutlierDetectionConfig { FailurePercentageEjection = new FailurePercentageEjection { Threshold = threshold } });
        AssertEjected(ejected ? [0] : []);
    }

    [Theory]
    [InlineData(2, 100, true)]
    [InlineData(3, 100, false)]
    [InlineData(2, 101, false)]
    public void The_failure_percentage_needs_enough_addresses_with_enough_calls(int hosts, int volume, bool ejected)
    {
        Track(3);
        Count(100, 0, null);
        Sweep(new OutlierDetectionConfig { FailurePercentageEjection = new FailurePercentageEjection { MinimumHosts = hosts, RequestVolume = volume } });
        AssertEjected(ejected ? [1] : []);
    }

    [Fact]
    public void Without_calls_nobody_is_an_outlier()
    {
        Track(2);
        Sweep(new OutlierDetectionConfig
        {
            SuccessRateEjection = new SuccessRateEjection { MinimumHosts = 0, RequestVolume = 0, StdevFactor = 0 },
            FailurePercentageEjection = new FailurePercentageEjection { MinimumHosts = 0, RequestVolume = 0, Threshold = 0 },
        });
        Assert.Empty(Ejected);
    }

    [Theory]
    [InlineData(10, 1)] // "will eject at least one"
    [InlineData(20, 1)]
    [InlineData(21, 2)]
    [InlineData(100, 3)]
    [InlineData(0, 0)]
    public void No_more_are_ejected_when_so_many_percent_are(int percent, int ejected)
    {
        Track(5);
        Count(0, 0, 0, 100, 100);
        Sweep(Failing(percent));
        Assert.Equal(Enumerable.Range(0, ejected), Ejected);
    }

    [Fact]
    public void The_success_rate_stops_at_the_same_percentage()
    {
        Track(10);
        Count(0, 0, 100, 100, 100, 100, 100, 100, 100, 100);
        Sweep(new OutlierDetectionConfig { SuccessRateEjection = new SuccessRateEjection() });
        Assert.Equal([0], Ejected);
    }

    [Fact]
    public void Chance_decides_in_so_many_percent_of_the_cases()
    {
        Track(1);
        int ejections = 0;
        for (int i = 0; i < 1000; i++)
        {
            Fail(0, 50);
            Sweep(Failing(100, enforcement: 30));
            ejections += Ejected.Count();
            _detector.Stop();
        }

        Assert.InRange(ejections, 250, 350);
    }

    [Fact]
    public void Chance_never_decides_at_0_percent_for_either_algorithm()
    {
        Track(5);
        for (int i = 0; i < 100; i++)
        {
            Count(0, 100, 100, 100, 100);
            Sweep(new OutlierDetectionConfig
            {
                SuccessRateEjection = new SuccessRateEjection { EnforcementPercentage = 0 },
                FailurePercentageEjection = new FailurePercentageEjection { EnforcementPercentage = 0 },
            });
        }

        Assert.Empty(Ejected);
    }

    /// <summary>Of what ended in earlier intervals nothing is left.</summary>
    [Fact]
    public void Each_interval_counts_alone()
    {
        Track(1);
        for (int i = 0; i < 4; i++)
        {
            Fail(0, 49);
            Sweep(Failing(100));
        }

        Assert.Empty(Ejected);
        Fail(0, 50);
        Sweep(Failing(100));
        Assert.Equal([0], Ejected);
    }

    private void AssertEjected(int[] expected) => Assert.Equal(expected, Ejected);

    private IEnumerable<int> Ejected => Enumerable.Range(0, _detector.Addresses.Count).Where(i => _detector.Addresses[i].EjectedAt is not null);

    private static OutlierDetectionConfig Failing(int maxPercent, int enforcement = 100) => new()
    {
        MaxEjectionPercent = maxPercent,
        FailurePercentageEjection = new FailurePercentageEjection { MinimumHosts = 1, EnforcementPercentage = enforcement },
    };

    private static BalancerAddress Address(int number) => new(new IPEndPoint(new IPAddress([(byte)number, 0, 0, 0]), 1));

    private void Track(int count) => _detector.SetAddresses([.. Enumerable.Range(0, count).Select(Address)]);

    /// <summary>100 calls to each address, so many of which succeed; null for no calls.</summary>
    private void Count(params int?[] successes)
    {
        for (int i = 0; i < successes.Length; i++)
        {
            for (int call = 0; call < 100 && successes[i] is { } count; call++)
            {
                _detector.Addresses[i].Counter.Count(call < count);
            }
        }
    }

    private void Fail(int index, int calls)
    {
        for (int call = 0; call < calls; call++)
        {
            _detector.Addresses[index].Counter.Count(succeeded: false);
        }
    }

    private void Sweep(OutlierDetectionConfig config)
    {
        _now += s_interval;
        _detector.Sweep(config, _now);
    }
}
