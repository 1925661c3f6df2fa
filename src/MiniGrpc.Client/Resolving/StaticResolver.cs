using MiniGrpc.Client.Balancing;

namespace MiniGrpc.Client.Resolving;

/// <summary>Addresses that are known from the start and don't change.</summary>
internal sealed class StaticResolver(IReadOnlyList<BalancerAddress> addresses) : Resolver
{
    /// <inheritdoc />
    public override void Start(Action<ResolverResult> listener) => listener(ResolverResult.ForResult(addresses));
}

/// <summary>
/// Resolves every target of the scheme <c>static</c> to addresses that the program knows:
/// <code>
/// options.ResolverFactories.Add(new StaticResolverFactory(target => [new BalancerAddress(endPoint)]));
/// var channel = MiniChannel.ForAddress("static:///greeters", options);
/// </code>
/// </summary>
/// <param name="addressesOf">Answers the addresses of a target.</param>
public sealed class StaticResolverFactory(Func<Uri, IEnumerable<BalancerAddress>> addressesOf) : ResolverFactory
{
    /// <inheritdoc />
    public override string Scheme => "static";

    /// <inheritdoc />
    public override Resolver Create(ResolverOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new StaticResolver([.. addressesOf(options.Target)]);
    }
}
