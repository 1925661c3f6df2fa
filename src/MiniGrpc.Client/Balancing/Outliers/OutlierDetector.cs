using System.Globalization;

using Microsoft.Extensions.Logging;

using MiniGrpc.Client.Configuration;

namespace MiniGrpc.Client.Balancing.Outliers;

/// <summary>
/// The algorithms of gRFC A50: which addresses are ejected because of how their calls ended in the last interval, and which are taken back.
/// Time is an argument, and chance is given.
/// </summary>
/// <remarks>On the channel's serializer.</remarks>
internal sealed class OutlierDetector(Random random, ILogger logger)
{
    private List<TrackedAddress> _addresses = [];

    /// <summary>All addresses, in the resolver's order.</summary>
    public IReadOnlyList<TrackedAddress> Addresses => _addresses;

    /// <summary>These are the addresses now. What is known of those that were there before is kept.</summary>
    public void SetAddresses(IReadOnlyList<BalancerAddress> addresses)
    {
        Dictionary<BalancerAddress, TrackedAddress> old = _addresses.ToDictionary(one => one.Address);
        _addresses = [.. addresses.Distinct().Select(address => old.GetValueOrDefault(address) ?? new TrackedAddress(address))];
    }

    /// <summary>What is known of an address; null if the resolver didn't name it.</summary>
    public TrackedAddress? Find(BalancerAddress address) => _addresses.Find(one => one.Address.Equals(address));

    /// <summary>Calls are counted from now on, from nothing.</summary>
    public void Start()
    {
        foreach (TrackedAddress address in _addresses)
        {
            address.Counter.Reset();
            address.SetCounting(true);
        }
    }

    /// <summary>Nothing is counted any more, and nobody is ejected.</summary>
    public void Stop()
    {
        foreach (TrackedAddress address in _addresses)
        {
            address.SetCounting(false);
            address.ResetMultiplier();
            if (address.EjectedAt is not null)
            {
                Uneject(address);
            }
        }
    }

    /// <summary>An interval is over.</summary>
    public void Sweep(OutlierDetectionConfig config, TimeSpan now)
    {
        _addresses.ForEach(address => address.Counter.Swap());
        if (config.SuccessRateEjection is { } successRate)
        {
            EjectBySuccessRate(successRate, config.MaxEjectionPercent, now);
        }

        if (config.FailurePercentageEjection is { } failurePercentage)
        {
            EjectByFailurePercentage(failurePercentage, config.MaxEjectionPercent, now);
        }

        foreach (TrackedAddress address in _addresses)
        {
            if (address.EjectedAt is not { } ejectedAt)
            {
                address.LowerMultiplier();
            }
            else if (now > ejectedAt + TimeOf(address, config))
            {
                Uneject(address);
            }
        }
    }

    /// <summary>How long an ejection lasts. As a double, for 10,000 years times a few are more than a TimeSpan holds.</summary>
    private static TimeSpan TimeOf(TrackedAddress address, OutlierDetectionConfig config)
    {
        TimeSpan longest = config.MaxEjectionTime > config.BaseEjectionTime ? config.MaxEjectionTime : config.BaseEjectionTime;
        double wanted = config.BaseEjectionTime.TotalSeconds * address.Multiplier;
        return wanted < longest.TotalSeconds ? config.BaseEjectionTime * address.Multiplier : longest;
    }

    /// <summary>"Success Rate Algorithm": those whose calls succeed less often than those of the others, by more than chance explains.</summary>
    private void EjectBySuccessRate(SuccessRateEjection rule, int maxPercent, TimeSpan now)
    {
        List<TrackedAddress> busy = BusyOnes(rule.RequestVolume);
        if (busy.Count < rule.MinimumHosts || busy.Count == 0)
        {
            return;
        }

        double mean = busy.Average(SuccessRate);
        double deviation = Math.Sqrt(busy.Average(address => Math.Pow(SuccessRate(address) - mean, 2)));
        double least = mean - (deviation * rule.StdevFactor / 1000);
        foreach (TrackedAddress address in busy.Where(address => SuccessRate(address) < least))
        {
            Eject(address, rule.EnforcementPercentage, maxPercent, now, string.Create(
                CultureInfo.InvariantCulture, $"on average the servers' calls succeed to {mean * 100:0.#} %"));
        }
    }

    /// <summary>"Failure Percentage Algorithm": those of whose calls too many fail, whatever the others do.</summary>
    private void EjectByFailurePercentage(FailurePercentageEjection rule, int maxPercent, TimeSpan now)
    {
        List<TrackedAddress> busy = BusyOnes(rule.RequestVolume);
        if (busy.Count < rule.MinimumHosts)
        {
            return;
        }

        foreach (TrackedAddress address in busy.Where(address => 100L * address.Counter.Failures > (long)rule.Threshold * address.Counter.Total))
        {
            Eject(address, rule.EnforcementPercentage, maxPercent, now, string.Create(
                CultureInfo.InvariantCulture, $"at most {rule.Threshold} % may fail"));
        }
    }

    /// <summary>Those with enough calls to say something of them. Without any call there is nothing to say.</summary>
    private List<TrackedAddress> BusyOnes(int volume) => _addresses.FindAll(address => address.Counter.Total >= Math.Max(1, volume));

    private static double SuccessRate(TrackedAddress address) => (double)address.Counter.Successes / address.Counter.Total;

    /// <summary>
    /// Ejects an address unless too many are, or chance says no. One that the other algorithm has just ejected, or whose last calls ended
    /// after its ejection, is not ejected a second time.
    /// </summary>
    private void Eject(TrackedAddress address, int enforcementPercentage, int maxPercent, TimeSpan now, string rule)
    {
        int ejected = _addresses.Count(one => one.EjectedAt is not null);
        if (address.EjectedAt is not null || 100L * ejected >= (long)maxPercent * _addresses.Count)
        {
            return;
        }

#pragma warning disable CA5394 // spreading load needs no secret
        if (random.Next(100) >= enforcementPercentage)
#pragma warning restore CA5394
        {
            return;
        }

        string why = string.Create(
            CultureInfo.InvariantCulture,
            $"{address.Address} was ejected (outlier detection): {address.Counter.Failures} of its last {address.Counter.Total} calls failed; {rule}");
        logger.LogInformation("{Reason}", why);
        address.Eject(now, why);
    }

    private void Uneject(TrackedAddress address)
    {
        logger.LogInformation("{Address} is no longer ejected (outlier detection)", address.Address);
        address.Uneject();
    }
}
