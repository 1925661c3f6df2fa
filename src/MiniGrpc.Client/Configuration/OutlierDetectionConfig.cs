using System.Globalization;

namespace MiniGrpc.Client.Configuration;

/// <summary>
/// <c>outlier_detection_experimental</c> (gRFC A50): another policy balances the calls, and servers whose calls fail more often than is
/// allowed are left out for a while. With neither <see cref="SuccessRateEjection"/> nor <see cref="FailurePercentageEjection"/> nothing is
/// counted.
/// </summary>
/// <remarks>Not thread-safe.</remarks>
public sealed class OutlierDetectionConfig : LoadBalancingConfig
{
    /// <summary>The policy as gRFC A50 has it, with no algorithm yet and no policy to do the balancing.</summary>
    public OutlierDetectionConfig()
        : base(OutlierDetectionPolicyName)
    {
    }

    /// <summary>How often the servers' calls are evaluated. Default 10 seconds; not negative, and less than 1 ms counts as 1 ms.</summary>
    public TimeSpan Interval { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long a server is left out the first time; the n-th time in a row it is n times as long. Default 30 seconds; not negative. It is
    /// taken back at the end of the first interval after that.
    /// </summary>
    public TimeSpan BaseEjectionTime { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>The longest time that a server is left out. Default 300 seconds; not negative. A longer <see cref="BaseEjectionTime"/> counts instead.</summary>
    public TimeSpan MaxEjectionTime { get; set; } = TimeSpan.FromSeconds(300);

    /// <summary>How many servers may be left out at once, in percent: while there are as many, no more are. Default 10, which is one at least; 0 to 100.</summary>
    public int MaxEjectionPercent { get; set; } = 10;

    /// <summary>Leaves out servers whose calls succeed less often than those of the others. Default null: off.</summary>
    public SuccessRateEjection? SuccessRateEjection { get; set; }

    /// <summary>Leaves out servers of whose calls too many fail. Default null: off.</summary>
    public FailurePercentageEjection? FailurePercentageEjection { get; set; }

    /// <summary>
    /// The policies that may do the balancing: the first one that the client knows does. Required. With <c>pick_first</c> calls are
    /// counted, but it stays with its server.
    /// </summary>
    public IList<LoadBalancingConfig> ChildPolicies { get; } = [];

    /// <inheritdoc />
    internal override string? FindMistake(string place) =>
        Rules.Duration(Interval, $"{place}.interval")
        ?? Rules.Duration(BaseEjectionTime, $"{place}.baseEjectionTime")
        ?? Rules.Duration(MaxEjectionTime, $"{place}.maxEjectionTime")
        ?? Rules.Percentage(MaxEjectionPercent, $"{place}.maxEjectionPercent")
        ?? SuccessRateEjection?.FindMistake($"{place}.successRateEjection")
        ?? FailurePercentageEjection?.FindMistake($"{place}.failurePercentageEjection")
        ?? (ChildPolicies.Count == 0 ? Rules.Missing($"{place}.childPolicy") : null)
        ?? FindMistakeInChildren($"{place}.childPolicy");

    /// <inheritdoc />
    internal override LoadBalancingConfig Copy()
    {
        var copy = new OutlierDetectionConfig
        {
            Interval = Interval,
            BaseEjectionTime = BaseEjectionTime,
            MaxEjectionTime = MaxEjectionTime,
            MaxEjectionPercent = MaxEjectionPercent,
            SuccessRateEjection = SuccessRateEjection?.Copy(),
            FailurePercentageEjection = FailurePercentageEjection?.Copy(),
        };
        foreach (LoadBalancingConfig child in ChildPolicies)
        {
            copy.ChildPolicies.Add(child.Copy());
        }

        return copy;
    }

    /// <inheritdoc />
    private protected override string ToJson()
    {
        var fields = new List<string>
        {
            $"\"interval\":{Seconds(Interval)}",
            $"\"baseEjectionTime\":{Seconds(BaseEjectionTime)}",
            $"\"maxEjectionTime\":{Seconds(MaxEjectionTime)}",
            string.Create(CultureInfo.InvariantCulture, $"\"maxEjectionPercent\":{MaxEjectionPercent}"),
        };
        if (SuccessRateEjection is not null)
        {
            fields.Add($"\"successRateEjection\":{SuccessRateEjection.ToJson()}");
        }

        if (FailurePercentageEjection is not null)
        {
            fields.Add($"\"failurePercentageEjection\":{FailurePercentageEjection.ToJson()}");
        }

        fields.Add($"\"childPolicy\":[{string.Join(',', ChildPolicies.Select(child => $"{{{Quote(child.PolicyName)}:{child.ConfigJson}}}"))}]");
        return $"{{{string.Join(',', fields)}}}";
    }

    private static string Seconds(TimeSpan time) =>
        string.Create(CultureInfo.InvariantCulture, $"\"{(decimal)time.Ticks / TimeSpan.TicksPerSecond}s\"");

    /// <summary>A JSON string (RFC 8259 section 7). The names of policies have nothing to escape, unless somebody chose odd ones.</summary>
    private static string Quote(string text) => $"\"{string.Concat(text.Select(c => c switch
    {
        '"' or '\\' => $"\\{c}",
        < ' ' => string.Create(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
        _ => c.ToString(),
    }))}\"";

    private string? FindMistakeInChildren(string place)
    {
        for (int i = 0; i < ChildPolicies.Count; i++)
        {
            if (ChildPolicies[i] is OutlierDetectionConfig)
            {
                return $"{place}[{i}]: is {OutlierDetectionPolicyName} in itself, which would count every call twice";
            }
        }

        return FindMistake(ChildPolicies, place);
    }
}
