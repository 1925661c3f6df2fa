using Grpc.Core;

using MiniGrpc.Client.Configuration;

namespace MiniGrpc.Client.Balancing;

/// <summary>Makes <see cref="RoundRobin"/>.</summary>
internal sealed class RoundRobinFactory : LoadBalancerFactory
{
    /// <inheritdoc />
    public override string Name => LoadBalancingConfig.RoundRobinPolicyName;

    /// <inheritdoc />
    public override LoadBalancer Create(LoadBalancerOptions options) => new RoundRobin(options);
}

/// <summary>
/// The policy <c>round_robin</c>: connects to every address, and calls go to those that are connected in turn. One that fails is left out
/// until it has answered again.
/// </summary>
internal sealed class RoundRobin(LoadBalancerOptions options) : LoadBalancer
{
    private readonly IChannelControlHelper _controller = options.Controller;
    private readonly Turn _turn = new(options.Random);
    private List<Member> _members = [];
    private Status _lastFailure;

    /// <inheritdoc />
    public override void UpdateChannelState(ChannelState state)
    {
        if (state.Failure is { } failure)
        {
            if (_members.Count == 0)
            {
                _lastFailure = failure;
                Publish();
            }

            return;
        }

        List<Member> old = _members;
        _members = [.. state.Addresses.Distinct().Select(address => old.Find(member => member.Subchannel.Address.Equals(address)) ?? CreateMember(address))];
        foreach (Member member in old.Except(_members))
        {
            member.Subchannel.Dispose();
        }

        _lastFailure = _members.Count == 0 ? ChannelState.NoAddresses : _lastFailure;
        Publish();
    }

    /// <inheritdoc />
    public override void RequestConnection()
    {
        // It is never idle: every subchannel that loses its connection makes another.
    }

    /// <inheritdoc />
    protected override void Dispose(bool disposing) => _members.ForEach(member => member.Subchannel.Dispose());

    private Member CreateMember(BalancerAddress address)
    {
        var member = new Member(_controller.CreateSubchannel(address));
        member.Subchannel.ChecksHealth = true;
        member.Subchannel.OnStateChanged(state => OnStateChanged(member, state));
        member.Subchannel.RequestConnection();
        return member;
    }

    private void OnStateChanged(Member member, SubchannelState state)
    {
        if (!_members.Contains(member))
        {
            return; // it was disposed of, and a report of before arrives
        }

        switch (state.State)
        {
            case ConnectivityState.Idle:
                member.Subchannel.RequestConnection();
                break;
            case ConnectivityState.TransientFailure:
                _lastFailure = state.Status;
                break;
        }

        if (state.State == ConnectivityState.TransientFailure || (member.State == ConnectivityState.Ready && state.State != ConnectivityState.Ready))
        {
            _controller.RefreshResolver(); // there may be others by now
        }

        // What has failed counts as failed until it has answered: calls should not wait again and again for attempts that fail.
        if (member.State != ConnectivityState.TransientFailure || state.State == ConnectivityState.Ready)
        {
            member.State = state.State;
        }

        Publish();
    }

    private void Publish()
    {
        Subchannel[] ready = [.. _members.Where(member => member.State == ConnectivityState.Ready).Select(member => member.Subchannel)];
        if (ready.Length > 0)
        {
            _controller.UpdateState(ConnectivityState.Ready, new RoundRobinPicker(ready, _turn));
        }
        else if (_members.Exists(member => member.State != ConnectivityState.TransientFailure))
        {
            _controller.UpdateState(ConnectivityState.Connecting, FixedPicker.Queue);
        }
        else
        {
            _controller.UpdateState(ConnectivityState.TransientFailure, new FixedPicker(PickResult.ForFailure(_lastFailure)));
        }
    }

    /// <summary>One address and its state.</summary>
    private sealed class Member(Subchannel subchannel)
    {
        public Subchannel Subchannel { get; } = subchannel;

        public ConnectivityState State { get; set; } = ConnectivityState.Connecting;
    }

    /// <summary>Whose turn it is. Begins anywhere, so that many clients that start together don't all begin with the same server.</summary>
    private sealed class Turn(Random random)
    {
#pragma warning disable CA5394 // spreading load needs no secret
        private uint _next = (uint)random.Next();
#pragma warning restore CA5394

        public int Take(int count) => (int)(Interlocked.Increment(ref _next) % (uint)count);
    }

    private sealed class RoundRobinPicker(Subchannel[] ready, Turn turn) : SubchannelPicker
    {
        /// <inheritdoc />
        internal override string CallsWaitFor => "a free stream";

        /// <inheritdoc />
        internal override bool TreatsCallsAlike => true;

        /// <inheritdoc />
        public override PickResult Pick(in PickContext context) => PickResult.ForSubchannel(ready[turn.Take(ready.Length)]);

        /// <inheritdoc />
        internal override Subchannel? NextAfter(Subchannel subchannel) =>
            ready.Length == 1 ? null : ready[(Array.IndexOf(ready, subchannel) + 1) % ready.Length];
    }
}
