namespace MiniGrpc.Client.Configuration;

/// <summary><c>pick_first</c>: the first address that can be connected to takes all calls (gRFC A62).</summary>
/// <remarks>Not thread-safe.</remarks>
public sealed class PickFirstConfig : LoadBalancingConfig
{
    /// <summary>pick_first, which tries the addresses in their order.</summary>
    public PickFirstConfig()
        : base(PickFirstPolicyName)
    {
    }

    /// <summary>Whether the addresses are shuffled first, so that many clients spread over them. Default false.</summary>
    public bool ShuffleAddressList
    {
        get;
        set
        {
            field = value;
            ConfigJson = value ? """{"shuffleAddressList":true}""" : "{}";
        }
    }

    /// <inheritdoc />
    internal override LoadBalancingConfig Copy() => new PickFirstConfig { ShuffleAddressList = ShuffleAddressList };
}
