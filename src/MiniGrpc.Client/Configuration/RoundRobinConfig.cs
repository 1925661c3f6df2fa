namespace MiniGrpc.Client.Configuration;

/// <summary><c>round_robin</c>: a connection to every address, and each call goes to the next one.</summary>
/// <remarks>Immutable.</remarks>
public sealed class RoundRobinConfig : LoadBalancingConfig
{
    /// <summary>round_robin, which has nothing to be told.</summary>
    public RoundRobinConfig()
        : base(RoundRobinPolicyName)
    {
    }
}
