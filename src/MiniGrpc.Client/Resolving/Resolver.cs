using Grpc.Core;

using Microsoft.Extensions.Logging;

using MiniGrpc.Client.Balancing;
using MiniGrpc.Client.Configuration;

namespace MiniGrpc.Client.Resolving;

/// <summary>Finds the addresses of a channel's target, and says when they have changed.</summary>
/// <remarks>Its members are called one after the other, never two at once, and must not block. It may report from any thread.</remarks>
public abstract class Resolver : IDisposable
{
    /// <summary>Begins to look, and tells <paramref name="listener"/> whatever is found, as often as it changes. Called once.</summary>
    public abstract void Start(Action<ResolverResult> listener);

    /// <summary>A connection has failed or was lost: the addresses may be out of date. A resolver that is told of changes need not do anything.</summary>
    public virtual void Refresh()
    {
    }

    /// <summary>The channel is closed: nothing more is to be looked for.</summary>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <inheritdoc cref="Dispose()"/>
    protected virtual void Dispose(bool disposing)
    {
    }
}

/// <summary>What a resolver has found.</summary>
public sealed class ResolverResult
{
    private ResolverResult(IReadOnlyList<BalancerAddress> addresses, ServiceConfig? serviceConfig, Status? failure)
    {
        Addresses = addresses;
        ServiceConfig = serviceConfig;
        Failure = failure;
    }

    /// <summary>The addresses.</summary>
    public IReadOnlyList<BalancerAddress> Addresses { get; }

    /// <summary>The service config that goes with them; null for that of <see cref="MiniChannelOptions.ServiceConfig"/>.</summary>
    public ServiceConfig? ServiceConfig { get; }

    /// <summary>Why nothing was found; null if something was.</summary>
    public Status? Failure { get; }

    /// <summary>Addresses were found.</summary>
    /// <exception cref="ArgumentException">The service config is wrong; the message says where.</exception>
    public static ResolverResult ForResult(IReadOnlyList<BalancerAddress> addresses, ServiceConfig? serviceConfig = null)
    {
        ArgumentNullException.ThrowIfNull(addresses);
        if (serviceConfig?.FindMistake() is { } mistake)
        {
            throw new ArgumentException($"The service config is wrong: {mistake}.", nameof(serviceConfig));
        }

        return new ResolverResult([.. addresses], serviceConfig, null);
    }

    /// <summary>It could not be found out. The channel goes on with what it had, and calls fail with <paramref name="failure"/> if that was nothing.</summary>
    /// <exception cref="ArgumentException">The status is OK.</exception>
    public static ResolverResult ForFailure(Status failure) => failure.StatusCode == StatusCode.OK
        ? throw new ArgumentException("A failure can't have the status OK.", nameof(failure))
        : new ResolverResult([], null, failure);
}

/// <summary>Makes resolvers for targets of one scheme; given to a channel in <see cref="MiniChannelOptions.ResolverFactories"/>.</summary>
public abstract class ResolverFactory
{
    /// <summary>The scheme, in lower case: <c>my</c> for <c>my:///anything</c>.</summary>
    public abstract string Scheme { get; }

    /// <summary>Makes the resolver of one channel.</summary>
    public abstract Resolver Create(ResolverOptions options);
}

/// <summary>What a new resolver is given.</summary>
public sealed class ResolverOptions
{
    internal ResolverOptions(Uri target, MiniChannelOptions channel, ILogger logger)
    {
        Target = target;
        TimeProvider = channel.TimeProvider;
        Logger = logger;
    }

    /// <summary>What is to be resolved: the text that the channel was made for.</summary>
    public Uri Target { get; }

    /// <summary>The channel's clock.</summary>
    public TimeProvider TimeProvider { get; }

    /// <summary>The channel's log.</summary>
    public ILogger Logger { get; }
}
