using Grpc.Core;

using Microsoft.Extensions.Logging;

using MiniGrpc.Client.Balancing.Outliers;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Client.Resolving;

namespace MiniGrpc.Client.Balancing;

/// <summary>
/// Holds the load-balancing policy that the service config names. When the config names another one, that one is made ready while the
/// old one still serves, and takes over when it has connected, has failed, or the old one has nothing to lose.
/// </summary>
/// <remarks>On the channel's serializer.</remarks>
internal sealed class PolicySwitch : IDisposable
{
    private readonly IChannelControlHelper _channel;
    private readonly MiniChannelOptions _options;
    private readonly ILogger _logger;
    private readonly Dictionary<string, LoadBalancerFactory> _factories;
    private Slot? _current;
    private Slot? _pending;

    /// <param name="channel">What the policies work for: the channel, or another policy.</param>
    /// <param name="options">The channel's options.</param>
    /// <param name="logger">The channel's log.</param>
    public PolicySwitch(IChannelControlHelper channel, MiniChannelOptions options, ILogger logger)
    {
        _channel = channel;
        _options = options;
        _logger = logger;
        _factories = FactoriesOf(options);
    }

    /// <summary>New addresses, or none and the reason; <paramref name="wanted"/> is what the service config says of policies, the best one first.</summary>
    public void Update(ResolverResult result, LoadBalancingConfig[] wanted)
    {
        if (result.Failure is not null && _current is not null)
        {
            (_pending ?? _current).Update(new ChannelState([], null, result.Failure));
            return;
        }

        if (FindMistake(wanted) is { } mistake)
        {
            string why = $"The service config names {mistake}.";
            _logger.LogError("{Reason}", why); // calls that wait for ready hear of nothing
            Update(ResolverResult.ForFailure(new Status(StatusCode.Unavailable, why)), []);
            return;
        }

        LoadBalancingConfig? config = Find(wanted);
        string name = config?.PolicyName ?? LoadBalancingConfig.PickFirstPolicyName;
        Slot? latest = _pending ?? _current;
        if (latest?.Name != name)
        {
            _pending?.Dispose();
            latest = new Slot(this, _factories[name]);
            if (_current is null)
            {
                _current = latest;
            }
            else
            {
                _pending = latest;
            }
        }

        latest.Update(new ChannelState(result.Addresses, config, result.Failure));
    }

    /// <summary>Whether policies are wanted and none of them is there; what is wrong then, in the middle of a sentence.</summary>
    public string? FindMistake(LoadBalancingConfig[] wanted) => wanted.Length == 0 || Find(wanted) is not null
        ? null
        : $"no load-balancing policy that there is: {string.Join(", ", wanted.Select(one => one.PolicyName))}; there are {string.Join(", ", _factories.Keys)}";

    /// <summary>Somebody wants to be connected.</summary>
    public void RequestConnection() => _current?.RequestConnection();

    /// <inheritdoc />
    public void Dispose()
    {
        _pending?.Dispose();
        _current?.Dispose();
        _pending = null;
        _current = null;
    }

    /// <summary>The first policy that is there; a config may name newer ones before it.</summary>
    private LoadBalancingConfig? Find(LoadBalancingConfig[] wanted) => Array.Find(wanted, one => _factories.ContainsKey(one.PolicyName));

    private static Dictionary<string, LoadBalancerFactory> FactoriesOf(MiniChannelOptions options)
    {
        var factories = new Dictionary<string, LoadBalancerFactory>
        {
            [LoadBalancingConfig.PickFirstPolicyName] = new PickFirstFactory(),
            [LoadBalancingConfig.RoundRobinPolicyName] = new RoundRobinFactory(),
            [LoadBalancingConfig.OutlierDetectionPolicyName] = new OutlierDetectionFactory(options),
        };
        foreach (LoadBalancerFactory factory in options.LoadBalancerFactories)
        {
            factories[factory.Name] = new GuardedFactory(factory, options);
        }

        return factories;
    }

    /// <summary>What one that was let go of still reports changes nothing: it is neither the current one nor the next.</summary>
    private void OnStateUpdated(Slot slot)
    {
        if (_pending is not null && (slot == _pending
            ? slot.State != ConnectivityState.Connecting || _current!.State != ConnectivityState.Ready
            : slot == _current && slot.State != ConnectivityState.Ready))
        {
            Slot old = _current!;
            _current = _pending;
            _pending = null;
            old.Dispose();
        }

        if (_current is { Picker: { } picker } current)
        {
            _channel.UpdateState(current.State, picker);
        }
    }

    /// <summary>A policy and where it stands.</summary>
    private sealed class Slot : IChannelControlHelper, IDisposable
    {
        private readonly PolicySwitch _owner;
        private readonly LoadBalancer _balancer;
        private bool _disposed;

        public Slot(PolicySwitch owner, LoadBalancerFactory factory)
        {
            _owner = owner;
            Name = factory.Name;
            _balancer = factory.Create(new LoadBalancerOptions(this, owner._options, owner._logger));
        }

        public string Name { get; }

        public ConnectivityState State { get; private set; } = ConnectivityState.Connecting;

        public SubchannelPicker? Picker { get; private set; }

        public void Update(ChannelState state) => _balancer.UpdateChannelState(state);

        public void RequestConnection() => _balancer.RequestConnection();

        public Subchannel CreateSubchannel(BalancerAddress address) => _owner._channel.CreateSubchannel(address);

        public void RefreshResolver() => _owner._channel.RefreshResolver();

        public void UpdateState(ConnectivityState state, SubchannelPicker picker)
        {
            ArgumentNullException.ThrowIfNull(picker);
            State = state;
            Picker = picker;
            _owner.OnStateUpdated(this);
        }

        public void Post(Action work) => _owner._channel.Post(() =>
        {
            if (!_disposed)
            {
                work();
            }
        });

        public void Dispose()
        {
            _disposed = true;
            _balancer.Dispose();
        }
    }
}
