namespace MiniGrpc.Client.Configuration;

/// <summary>
/// A load balancing policy and what it is told. The policies of gRPC have classes of their own, <see cref="PickFirstConfig"/> and
/// <see cref="RoundRobinConfig"/>; any other is its name and the JSON of its config.
/// </summary>
/// <remarks>Not thread-safe.</remarks>
public class LoadBalancingConfig
{
    /// <summary>The policy that takes the first address that can be connected to.</summary>
    public const string PickFirstPolicyName = "pick_first";

    /// <summary>The policy that connects to all addresses and takes them in turn.</summary>
    public const string RoundRobinPolicyName = "round_robin";

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
    public string ConfigJson { get; private protected set; }
}
