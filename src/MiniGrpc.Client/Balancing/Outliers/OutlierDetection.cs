using MiniGrpc.Client.Configuration;
using MiniGrpc.Client.Resolving;
using MiniGrpc.Wire.Calls;

namespace MiniGrpc.Client.Balancing.Outliers;

/// <summary>Makes <see cref="OutlierDetection"/>.</summary>
internal sealed class OutlierDetectionFactory(MiniChannelOptions channel) : LoadBalancerFactory
{
    /// <inheritdoc />
    public override string Name => LoadBalancingConfig.OutlierDetectionPolicyName;

    /// <inheritdoc />
    public override LoadBalancer Create(LoadBalancerOptions options) => new OutlierDetection(options, channel);
}

/// <summary>
/// The policy <c>outlier_detection_experimental</c> (gRFC A50): another policy does the balancing, and this one looks at how the calls end.
/// Servers whose calls fail more often than the config allows are ejected for a while: their subchannels show as failed, and keep their
/// connections.
/// <code>
/// channel --addresses--> outlier_detection --addresses--> round_robin --picker--> calls
///                          ^    |                             ^                     |
///                          |    +--ejects, takes back--> subchannels                |
///                          +----------------- how each call ended ------------------+
/// </code>
/// Calls are counted where they end, by the subchannel whose connection carried them, so the child's picker is used as it is. Subchannels that
/// don't <see cref="Subchannel.ChecksHealth"/> don't show that they are ejected; those of <c>pick_first</c> are such (gRFC A61), for it
/// has nowhere else to send calls to.
/// </summary>
internal sealed class OutlierDetection : LoadBalancer, IChannelControlHelper
{
    /// <summary>An interval of 0 is allowed, but what comes of looking without pause is nothing but load.</summary>
    private static readonly TimeSpan s_shortestInterval = TimeSpan.FromMilliseconds(1);

    private readonly IChannelControlHelper _controller;
    private readonly TimeProvider _time;
    private readonly long _origin;
    private readonly Deadline _timer;
    private readonly PolicySwitch _child;
    private readonly OutlierDetector _detector;
    private OutlierDetectionConfig _config = new();
    private TimeSpan? _intervalBegan;

    public OutlierDetection(LoadBalancerOptions options, MiniChannelOptions channel)
    {
        _controller = options.Controller;
        _time = options.TimeProvider;
        _origin = _time.GetTimestamp();
        _timer = new Deadline(_time, () => _controller.Post(OnTimer));
        _child = new PolicySwitch(this, channel, options.Logger);
        _detector = new OutlierDetector(options.Random, options.Logger);
    }

    private TimeSpan Now => _time.GetElapsedTime(_origin);

    /// <inheritdoc />
    public override void UpdateChannelState(ChannelState state)
    {
        if (state.Failure is { } failure)
        {
            _child.Update(ResolverResult.ForFailure(failure), [.. _config.ChildPolicies]);
            return;
        }

        _config = (OutlierDetectionConfig)state.LoadBalancingConfig!; // what isn't one is refused with the service config
        _detector.SetAddresses(state.Addresses);
        Schedule();
        _child.Update(ResolverResult.ForResult(state.Addresses), [.. _config.ChildPolicies]);
    }

    /// <inheritdoc />
    public override void RequestConnection() => _child.RequestConnection();

    /// <inheritdoc />
    public Subchannel CreateSubchannel(BalancerAddress address)
    {
        Subchannel subchannel = _controller.CreateSubchannel(address);
        if (_detector.Find(address) is { } tracked)
        {
            tracked.Add(subchannel, counts: _intervalBegan is not null);
            if (tracked.EjectedAt is not null)
            {
                Post(() => tracked.TellIfEjected(subchannel)); // when the child listens to it
            }
        }

        return subchannel;
    }

    /// <inheritdoc />
    public void UpdateState(ConnectivityState state, SubchannelPicker picker) => _controller.UpdateState(state, picker);

    /// <inheritdoc />
    public void RefreshResolver() => _controller.RefreshResolver();

    /// <inheritdoc />
    public void Post(Action work) => _controller.Post(work);

    /// <inheritdoc />
    protected override void Dispose(bool disposing)
    {
        _timer.Dispose();
        _child.Dispose();
    }

    /// <summary>
    /// By the config that has just come: an interval that has begun goes on, with its new length. Without an algorithm nothing is
    /// counted, and nobody is ejected.
    /// </summary>
    private void Schedule()
    {
        if (_config is { SuccessRateEjection: null, FailurePercentageEjection: null })
        {
            _timer.Stop();
            _intervalBegan = null;
            _detector.Stop();
            return;
        }

        if (_intervalBegan is null)
        {
            _intervalBegan = Now;
            _detector.Start();
        }

        TimeSpan left = _config.Interval - (Now - _intervalBegan.Value);
        _timer.Start(left > TimeSpan.Zero ? left : TimeSpan.Zero);
    }

    private void OnTimer()
    {
        if (!_timer.HasPassed)
        {
            return; // another config has come, and with it another moment
        }

        TimeSpan now = Now;
        _intervalBegan = now;
        _timer.Start(_config.Interval > s_shortestInterval ? _config.Interval : s_shortestInterval); // first: who sees an ejection may count on its end
        _detector.Sweep(_config, now);
    }
}
