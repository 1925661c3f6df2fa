using MiniGrpc.Client.Balancing.Outliers;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Conformance.Wire.Engine;

namespace MiniGrpc.Conformance.Wire.Balancing;

/// <content>How long an ejection lasts, and what is kept of an address.</content>
public partial class OutlierDetectorTests
{
    /// <summary>"If the current time is after ejection_timestamp + min(base_ejection_time * multiplier, …), un-eject the address."</summary>
    [Fact]
    public void An_ejection_lasts_for_the_base_time_and_each_further_one_for_so_much_longer()
    {
        Track(1);
        foreach (int multiplier in new[] { 1, 2, 3 })
        {
            Fail(0, 50);
            Sweep(Failing(100));
            for (int second = 0; second < 30 * multiplier; second += 10)
            {
                Assert.Equal([0], Ejected);
                Sweep(Failing(100));
            }

            Assert.Equal([0], Ejected); // not after it: at it
            Sweep(Failing(100));
            Assert.Empty(Ejected);
        }
    }

    /// <summary>"If the address is not ejected and the multiplier is greater than 0, decrease the multiplier by 1."</summary>
    [Fact]
    public void The_multiplier_goes_down_with_each_interval_without_an_ejection()
    {
        Track(1);
        Fail(0, 50);
        Sweep(Failing(100));
        SweepUntilTakenBack();
        Assert.Equal(1, Only.Multiplier);
        Sweep(Failing(100));
        Assert.Equal(0, Only.Multiplier);
        Sweep(Failing(100));
        Assert.Equal(0, Only.Multiplier);
        Fail(0, 50);
        Sweep(Failing(100));
        Assert.Equal(4, SweepUntilTakenBack()); // the base time
    }

    [Theory]
    [InlineData(30, 40, 5)] // 40 s instead of 60
    [InlineData(30, 10, 4)] // 30 s, for the maximum is below the base time
    public void No_ejection_lasts_longer_than_the_maximum(int baseTime, int maxTime, int sweeps)
    {
        OutlierDetectionConfig config = Failing(100);
        config.BaseEjectionTime = TimeSpan.FromSeconds(baseTime);
        config.MaxEjectionTime = TimeSpan.FromSeconds(maxTime);
        Track(1);
        Fail(0, 50);
        Sweep(config);
        SweepUntilTakenBack(config);
        Fail(0, 50);
        Sweep(config);
        Assert.Equal(2, Only.Multiplier);
        Assert.Equal(sweeps, SweepUntilTakenBack(config));
    }

    [Fact]
    public void The_longest_times_that_there_are_do_no_harm()
    {
        OutlierDetectionConfig config = Failing(100);
        config.BaseEjectionTime = config.MaxEjectionTime = Rules.LongestDuration;
        Track(1);
        for (int i = 0; i < 3; i++)
        {
            Fail(0, 50);
            Sweep(config);
            Sweep(config);
            Assert.Equal([0], Ejected);
            config.BaseEjectionTime = TimeSpan.Zero;
            config.MaxEjectionTime = TimeSpan.Zero;
            Sweep(config);
            Assert.Empty(Ejected);
            config.BaseEjectionTime = config.MaxEjectionTime = Rules.LongestDuration;
        }
    }

    /// <summary>Neither by the other algorithm, nor by calls that were under way when it was ejected.</summary>
    [Fact]
    public void Who_is_ejected_is_not_ejected_again()
    {
        OutlierDetectionConfig config = Failing(100);
        config.SuccessRateEjection = new SuccessRateEjection { RequestVolume = 50 };
        Track(5);
        Count(0, 100, 100, 100, 100);
        Sweep(config);
        TimeSpan? ejectedAt = _detector.Addresses[0].EjectedAt;
        Assert.Equal(1, _detector.Addresses[0].Multiplier);
        Count(0, 100, 100, 100, 100);
        Sweep(config);
        Assert.Equal((1, ejectedAt), (_detector.Addresses[0].Multiplier, _detector.Addresses[0].EjectedAt));
    }

    [Fact]
    public void Addresses_that_stay_keep_what_is_known_of_them()
    {
        Track(2);
        Fail(1, 50);
        Sweep(Failing(100));
        _detector.SetAddresses([Address(2), Address(1), Address(2)]);
        Assert.Equal(["ipv4:2.0.0.0:1", "ipv4:1.0.0.0:1"], _detector.Addresses.Select(address => address.Address.ToString()));
        Assert.Equal([1], Ejected);
        _detector.SetAddresses([Address(0)]);
        _detector.SetAddresses([Address(1)]);
        Assert.Empty(Ejected);
        Assert.Null(_detector.Find(Address(0)));
        Assert.Same(Only, _detector.Find(Address(1)));
    }

    /// <summary>Who looks for the reason of a server's silence finds it in the log.</summary>
    [Fact]
    public void Ejections_and_their_ends_are_logged()
    {
        var log = new LogLines();
        var detector = new OutlierDetector(new Random(1), log);
        detector.SetAddresses([Address(1), Address(2)]);
        for (int call = 0; call < 50; call++)
        {
            detector.Addresses[0].Counter.Count(succeeded: false);
        }

        detector.Sweep(Failing(100), TimeSpan.FromSeconds(10));
        string[] expected = ["Information: ipv4:1.0.0.0:1 was ejected (outlier detection): 50 of its last 50 calls failed; at most 85 % may fail"];
        Assert.Equal(expected, log.Lines);
        detector.Stop();
        Assert.Equal((string[])[.. expected, "Information: ipv4:1.0.0.0:1 is no longer ejected (outlier detection)"], log.Lines);
    }

    /// <summary>"Un-eject all currently ejected addresses. Reset each address's ejection time multiplier to 0."</summary>
    [Fact]
    public void Stopping_takes_all_back_and_forgets()
    {
        Track(2);
        Fail(0, 50);
        Sweep(Failing(100));
        Fail(1, 50);
        _detector.Stop();
        Assert.Empty(Ejected);
        Assert.Equal(0, _detector.Addresses[0].Multiplier);
        _detector.Start();
        Sweep(Failing(100));
        Assert.Empty(Ejected); // what was counted before doesn't count
    }

    private TrackedAddress Only => Assert.Single(_detector.Addresses);

    /// <summary>How many intervals pass until nobody is ejected any more.</summary>
    private int SweepUntilTakenBack(OutlierDetectionConfig? config = null)
    {
        int sweeps = 0;
        while (Ejected.Any())
        {
            Assert.InRange(++sweeps, 1, 100);
            Sweep(config ?? Failing(100));
        }

        return sweeps;
    }
}
