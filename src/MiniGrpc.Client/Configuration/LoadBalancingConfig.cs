namespace MiniGrpc.Client.Configuration;

/// <summary>
/// A load balancing policy and what it is told. The policies of gRPC have classes of their own, <see cref="PickFirstConfig"/>,
/// <see cref="RoundRobinConfig"/> and <see cref="OutlierDetectionConfig"/>; any other is its name and the JSON of its config.
/// </summary>
/// <remarks>Not thread-safe.</remarks>
public class LoadBalancingConfig
{
    /// <summary>The policy that takes the first address that can be connected to.</summary>
    public const string PickFirstPolicyName = "pick_first";

    /// <summary>The policy that connects to all addresses and takes them in turn.</summary>
    public const string RoundRobinPolicyName = "round_robin";

    /// <summary>The policy that leaves servers out whose calls fail more often than is allowed, and lets another one do the balancing.</summary>
    public const string OutlierDetectionPolicyName = "outlier_detection_experimental";

    /// <summary>A policy by its name.</summary>
    /// <param name="policyName">The name, as in <c>loadBalancingConfig</c>; case counts. Not empty.</param>
    /// <param name="configJson">What the policy is told, a JSON object. The policy reads it; it isn't looked at before. Default an empty one.</param>
    public LoadBalancingConfig(string policyName, string configJson = "{}")
    {
        ArgumentNullException.ThrowIfNull(policyName);
        ArgumentNullException.ThrowIfNull(configJson);
        PolicyName = policyName;
        ConfigJson = configJson;
    }

    /// <summary>The policy's name.</summary>
    public string PolicyName { get; }

    /// <summary>What the policy is told: the text of a JSON object.</summary>
    public string ConfigJson
    {
        get => ToJson() ?? field;
        private protected set;
    }

    /// <summary>The first rule that one of <paramref name="policies"/> breaks; null when all is well.</summary>
    internal static string? FindMistake(IList<LoadBalancingConfig> policies, string place)
    {
        for (int i = 0; i < policies.Count; i++)
        {
            string? mistake = policies[i] is { PolicyName.Length: > 0 } policy
                ? policy.FindMistake($"{place}[{i}].{policy.PolicyName}")
                : $"{place}[{i}]: the name of the policy is missing";
            if (mistake is not null)
            {
                return mistake;
            }
        }

        return null;
    }

    /// <summary>The first rule that is broken; null when all is well.</summary>
    internal virtual string? FindMistake(string place) =>
        PolicyName == OutlierDetectionPolicyName ? $"{place}: is made in code as an {nameof(OutlierDetectionConfig)}" : null;

    /// <summary>What it says now, for those who go on with it while the original may change.</summary>
    internal virtual LoadBalancingConfig Copy() => this;

    /// <summary>What the policy is told, of a config that is put together when somebody asks; null for one that keeps its text.</summary>
    private protected virtual string? ToJson() => null;
}
