using System.Globalization;

namespace MiniGrpc.Client.Configuration;

/// <summary>
/// Leaves out servers whose calls succeed less often than those of the others (gRFC A50, "Success Rate Algorithm"): less often than
/// the mean of all rates minus some times their standard deviation.
/// </summary>
/// <remarks>Not thread-safe.</remarks>
public sealed class SuccessRateEjection
{
    /// <summary>How many standard deviations, in thousandths. Default 1900: 1.9; not negative.</summary>
    public int StdevFactor { get; set; } = 1900;

    /// <summary>How likely it is that such a server is really left out, in percent. Default 100; 0 to 100, and 0 switches it off.</summary>
    public int EnforcementPercentage { get; set; } = 100;

    /// <summary>How many servers must have had enough calls; with fewer, none is left out. Default 5; not negative.</summary>
    public int MinimumHosts { get; set; } = 5;

    /// <summary>How many calls must have ended at a server in the last interval to look at it. Default 100; not negative.</summary>
    public int RequestVolume { get; set; } = 100;

    /// <summary>The first rule that is broken; null when all is well.</summary>
    internal string? FindMistake(string place) =>
        Rules.Size(StdevFactor, $"{place}.stdevFactor")
        ?? Rules.Percentage(EnforcementPercentage, $"{place}.enforcementPercentage")
        ?? Rules.Size(MinimumHosts, $"{place}.minimumHosts")
        ?? Rules.Size(RequestVolume, $"{place}.requestVolume");

    internal SuccessRateEjection Copy() => (SuccessRateEjection)MemberwiseClone();

    internal string ToJson() => string.Create(
        CultureInfo.InvariantCulture,
        $$"""{"stdevFactor":{{StdevFactor}},"enforcementPercentage":{{EnforcementPercentage}},"minimumHosts":{{MinimumHosts}},"requestVolume":{{RequestVolume}}}""");
}
