using Microsoft.Extensions.Logging;

namespace MiniGrpc.Client.Balancing;

/// <summary>Makes policies of the user's, each behind a <see cref="GuardedBalancer"/>.</summary>
internal sealed class GuardedFactory(LoadBalancerFactory factory, MiniChannelOptions channel) : LoadBalancerFactory
{
    /// <inheritdoc />
    public override string Name => factory.Name;

    /// <inheritdoc />
    public override LoadBalancer Create(LoadBalancerOptions options) => new GuardedBalancer(factory, options, channel);
}

/// <summary>
/// A load-balancing policy of the user's, whatever it throws: after an exception its state is unknown, so it is disposed of, calls fail, and
/// another one is made with the next addresses, or with the same ones after a wait, 1 second at first, then 1.6 times as long each time, up to
/// 120 seconds.
/// </summary>
/// <remarks>On the channel's serializer, as every policy.</remarks>
internal sealed class GuardedBalancer(LoadBalancerFactory factory, LoadBalancerOptions options, MiniChannelOptions channel) : LoadBalancer
{
    private readonly IChannelControlHelper _controller = options.Controller;
    private readonly Backoff _backoff = Backoff.OfConnecting(channel);
    private ChannelState? _state;
    private Guest? _guest;
    private SerialTimer? _retry;

    /// <inheritdoc />
    public override void UpdateChannelState(ChannelState state)
    {
        if (state.Failure is null || _state is null)
        {
            _state = state; // a failure doesn't take away the addresses that there are
        }

        _retry?.Stop();
        Guest? guest = _guest;
        if (guest is null)
        {
            Begin();
        }
        else
        {
            guest.Run(() => guest.Balancer!.UpdateChannelState(state));
        }
    }

    /// <inheritdoc />
    public override void RequestConnection() => _guest?.Run(_guest.Balancer!.RequestConnection);

    /// <inheritdoc />
    protected override void Dispose(bool disposing)
    {
        _retry?.Stop();
        Discard();
    }

    private void Begin()
    {
        var guest = new Guest(this);
        _guest = guest;
        guest.Run(() =>
        {
            guest.Balancer = factory.Create(new LoadBalancerOptions(guest, channel, options.Logger)) ?? throw new InvalidOperationException("its factory has made none");
            guest.Balancer.UpdateChannelState(_state!);
        });
    }

    private void Fail(Exception e)
    {
        Discard();
        TimeSpan wait = _backoff.Next();
        options.Logger.LogError(e, "The load-balancing policy {Policy} failed; another one is made in {Wait} at the latest", factory.Name, wait);
        _retry ??= new SerialTimer(channel.TimeProvider, _controller.Post, Begin);
        _retry.Start(wait);
        _controller.UpdateState(ConnectivityState.TransientFailure, new FixedPicker(PickResult.ForFailure(
            LocalStatus.Of(e, Grpc.Core.StatusCode.Internal, $"The load-balancing policy {factory.Name} failed"))));
    }

    /// <summary>Disposes of the user's policy and of all subchannels that it has made.</summary>
    private void Discard()
    {
        Guest? guest = _guest;
        _guest = null;
        try
        {
            guest?.Balancer?.Dispose();
        }
        catch (Exception e)
        {
            options.Logger.LogError(e, "The load-balancing policy {Policy} failed as it was disposed of", factory.Name);
        }

        guest?.Subchannels.ForEach(subchannel => subchannel.Dispose());
    }

    /// <summary>One object of the user's policy, and what it may ask of the channel for as long as it has not failed.</summary>
    private sealed class Guest(GuardedBalancer owner) : IChannelControlHelper
    {
        public LoadBalancer? Balancer { get; set; }

        /// <summary>Those that it has made and not shut down.</summary>
        public List<Subchannel> Subchannels { get; } = [];

        private IChannelControlHelper Controller => owner._controller;

        private bool IsIn => owner._guest == this;

        /// <summary>Runs code of the policy; what it throws is its end.</summary>
        public void Run(Action code)
        {
            try
            {
                code();
            }
            catch (Exception e)
            {
                OnFailed(e);
            }
        }

        public Subchannel CreateSubchannel(BalancerAddress address)
        {
            Subchannel subchannel = Controller.CreateSubchannel(address);
            subchannel.OnListenerFailed(OnFailed);
            Subchannels.RemoveAll(one => one.State == ConnectivityState.Shutdown);
            Subchannels.Add(subchannel);
            return subchannel;
        }

        public void UpdateState(ConnectivityState state, SubchannelPicker picker)
        {
            ArgumentNullException.ThrowIfNull(picker);
            if (!IsIn)
            {
                return;
            }

            if (state == ConnectivityState.Ready)
            {
                owner._backoff.Reset();
            }

            Controller.UpdateState(state, picker);
        }

        public void RefreshResolver() => Controller.RefreshResolver();

        public void Post(Action work)
        {
            ArgumentNullException.ThrowIfNull(work);
            Controller.Post(() =>
            {
                if (IsIn)
                {
                    Run(work);
                }
            });
        }

        private void OnFailed(Exception e)
        {
            if (IsIn)
            {
                owner.Fail(e);
            }
        }
    }
}
