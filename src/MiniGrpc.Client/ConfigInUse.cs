using System.Collections.Concurrent;

using Grpc.Core;

using MiniGrpc.Client.Balancing.HealthChecking;
using MiniGrpc.Client.Configuration;

namespace MiniGrpc.Client;

/// <summary>The service config that a channel goes by, as it was when the channel took it, and what has been worked out from it.</summary>
/// <remarks>Thread-safe. A new config makes a new object; calls under way keep theirs.</remarks>
internal sealed class ConfigInUse
{
    private readonly ConcurrentDictionary<IMethod, MethodPlan> _plans = new(ReferenceEqualityComparer.Instance);
    private readonly MethodConfigTable _methods;
    private readonly (int? MaxTokens, double? TokenRatio) _throttling;

    /// <summary>Takes what <paramref name="config"/> says now. What was counted for <paramref name="previous"/> counts on if its rules are the same.</summary>
    /// <exception cref="InvalidOperationException">The config breaks a rule; the message says which and where.</exception>
    public ConfigInUse(ServiceConfig? config, int maxAttempts, ConfigInUse? previous = null)
    {
        Source = config;
        Policies = [.. (config?.LoadBalancingConfigs ?? []).Select(policy => policy.Copy())];
        HealthCheckServiceName = config?.HealthCheckServiceName;
        _methods = config is null ? MethodConfigTable.Empty : new MethodConfigTable(config, maxAttempts);
        RetryThrottlingPolicy? throttling = config?.RetryThrottling;
        _throttling = (throttling?.MaxTokens, throttling?.TokenRatio);
        if (throttling is not null)
        {
            Throttle = previous is not null && previous._throttling == _throttling ? previous.Throttle : new RetryThrottle(throttling);
        }
    }

    /// <summary>What it was made from; null for none.</summary>
    public ServiceConfig? Source { get; }

    /// <summary>The load-balancing policies to choose from, the best one first.</summary>
    public LoadBalancingConfig[] Policies { get; }

    /// <summary>The service whose health servers are asked for; null for none.</summary>
    public string? HealthCheckServiceName { get; }

    /// <summary>Keeps repeated calls from adding to an overload; null for never.</summary>
    public RetryThrottle? Throttle { get; }

    /// <summary>What all calls of a method have in common.</summary>
    public MethodPlan PlanOf(IMethod method, MiniChannel channel) => _plans.TryGetValue(method, out MethodPlan? plan)
        ? plan
        : _plans.GetOrAdd(method, new MethodPlan(channel.CreateRequestBlock(method), ParametersOf(method), channel.Options));

    /// <summary>Health checks are the channel's own calls: what the config says of the service's methods, of all for example, is not meant for them.</summary>
    private MethodParameters ParametersOf(IMethod method) => method == HealthMessages.Watch ? MethodParameters.None : _methods.Find(method.FullName);
}
