using Grpc.Core;

using Microsoft.Extensions.Logging;

using MiniGrpc.Client.Configuration;

namespace MiniGrpc.Client.Balancing;

/// <summary>
/// A load-balancing policy: gets the addresses, makes subchannels of them, and says by a picker which one each call goes to.
/// </summary>
/// <remarks>All of its members, and what its subchannels report, are called one after the other, never two at once. They must not block.</remarks>
public abstract class LoadBalancer : IDisposable
{
    /// <summary>The addresses, or the policy's configuration, have changed; or looking them up has failed.</summary>
    public abstract void UpdateChannelState(ChannelState state);

    /// <summary>Somebody wants the channel to be connected while the policy is idle.</summary>
    public abstract void RequestConnection();

    /// <summary>The policy is no longer used: it shuts its subchannels down.</summary>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <inheritdoc cref="Dispose()"/>
    protected abstract void Dispose(bool disposing);
}

/// <summary>What a policy has to work with.</summary>
public sealed class ChannelState
{
    internal ChannelState(IReadOnlyList<BalancerAddress> addresses, LoadBalancingConfig? config, Status? failure)
    {
        Addresses = addresses;
        LoadBalancingConfig = config;
        Failure = failure;
    }

    /// <summary>The addresses; none if looking them up has failed, or there are none.</summary>
    public IReadOnlyList<BalancerAddress> Addresses { get; }

    /// <summary>The policy's part of the service config; null if there is none.</summary>
    public LoadBalancingConfig? LoadBalancingConfig { get; }

    /// <summary>Why the addresses could not be looked up; null if they could. A policy that has some keeps them.</summary>
    public Status? Failure { get; }

    /// <summary>What calls fail with when there are no addresses.</summary>
    internal static Status NoAddresses { get; } = new(StatusCode.Unavailable, "The resolver found no addresses.");
}

/// <summary>Makes load balancers of one policy; given to a channel in <see cref="MiniChannelOptions.LoadBalancerFactories"/>.</summary>
public abstract class LoadBalancerFactory
{
    /// <summary>The policy's name, by which a service config chooses it.</summary>
    public abstract string Name { get; }

    /// <summary>Makes a load balancer for one channel.</summary>
    public abstract LoadBalancer Create(LoadBalancerOptions options);
}

/// <summary>What a new load balancer is given.</summary>
public sealed class LoadBalancerOptions
{
    internal LoadBalancerOptions(IChannelControlHelper controller, MiniChannelOptions channel, ILogger logger)
    {
        Controller = controller;
        Logger = logger;
        TimeProvider = channel.TimeProvider;
        Random = channel.Random;
    }

    /// <summary>What it can ask of the channel.</summary>
    public IChannelControlHelper Controller { get; }

    /// <summary>The channel's log.</summary>
    public ILogger Logger { get; }

    /// <summary>The channel's clock.</summary>
    public TimeProvider TimeProvider { get; }

    /// <summary>Chance, as the channel has it: tests may know what comes.</summary>
    internal Random Random { get; }
}

/// <summary>What a load balancer can ask of its channel.</summary>
public interface IChannelControlHelper
{
    /// <summary>Makes a subchannel. It is idle: nothing is connected until <see cref="Subchannel.RequestConnection"/>.</summary>
    Subchannel CreateSubchannel(BalancerAddress address);

    /// <summary>
    /// Reports the policy's state, which is the channel's, and where calls go from now on. Until a policy has reported for the first time, the
    /// one before it serves; without one the channel is <see cref="ConnectivityState.Connecting"/>, and calls wait until they are cancelled,
    /// their deadlines pass, or the channel is disposed of, as with every implementation of gRPC.
    /// </summary>
    void UpdateState(ConnectivityState state, SubchannelPicker picker);

    /// <summary>Asks for the addresses to be looked up again: some of them may be out of date.</summary>
    void RefreshResolver();

    /// <summary>
    /// Runs <paramref name="work"/> later, never at the same time as the policy's members. May be called on any thread, a timer's for example.
    /// </summary>
    void Post(Action work);
}
