using System.Globalization;

namespace MiniGrpc.Client.Configuration;

/// <summary>Leaves out servers of whose calls too many fail, whatever the others do (gRFC A50, "Failure Percentage Algorithm").</summary>
/// <remarks>Not thread-safe.</remarks>
public sealed class FailurePercentageEjection
{
    /// <summary>How many of the calls may fail, in percent: a server with more is left out. Default 85; 0 to 100.</summary>
    public int Threshold { get; set; } = 85;

    /// <summary>How likely it is that such a server is really left out, in percent. Default 100; 0 to 100, and 0 switches it off.</summary>
    public int EnforcementPercentage { get; set; } = 100;

    /// <summary>How many servers must have had enough calls; with fewer, none is left out. Default 5; not negative.</summary>
    public int MinimumHosts { get; set; } = 5;

    /// <summary>How many calls must have ended at a server in the last interval to look at it. Default 50; not negative.</summary>
    public int RequestVolume { get; set; } = 50;

    /// <summary>The first rule that is broken; null when all is well.</summary>
    internal string? FindMistake(string place) =>
        Rules.Percentage(Threshold, $"{place}.threshold")
        ?? Rules.Percentage(EnforcementPercentage, $"{place}.enforcementPercentage")
        ?? Rules.Size(MinimumHosts, $"{place}.minimumHosts")
        ?? Rules.Size(RequestVolume, $"{place}.requestVolume");

    internal FailurePercentageEjection Copy() => (FailurePercentageEjection)MemberwiseClone();

    internal string ToJson() => string.Create(
        CultureInfo.InvariantCulture,
        $$"""{"threshold":{{Threshold}},"enforcementPercentage":{{EnforcementPercentage}},"minimumHosts":{{MinimumHosts}},"requestVolume":{{RequestVolume}}}""");
}
