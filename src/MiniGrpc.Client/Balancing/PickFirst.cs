using Grpc.Core;

using MiniGrpc.Client.Configuration;

namespace MiniGrpc.Client.Balancing;

/// <summary>Makes <see cref="PickFirst"/>.</summary>
internal sealed class PickFirstFactory : LoadBalancerFactory
{
    /// <inheritdoc />
    public override string Name => LoadBalancingConfig.PickFirstPolicyName;

    /// <inheritdoc />
    public override LoadBalancer Create(LoadBalancerOptions options) => new PickFirst(options);
}

/// <summary>
/// The policy <c>pick_first</c>: tries the addresses in order and stays with the first that answers. IPv6 and IPv4 take turns, and the
/// next one is tried when 250 ms have passed without an answer (gRFC A61, "happy eyeballs", RFC 8305), so that an address that swallows
/// everything doesn't cost its whole timeout. The config <c>shuffleAddressList</c> changes the order by chance (gRFC A62).
/// </summary>
/// <remarks>
/// When all have failed once, the channel has failed; from then on each is tried again after its own wait, and the channel stays failed
/// until one has answered: calls should not wait again and again for attempts that fail.
/// </remarks>
internal sealed class PickFirst(LoadBalancerOptions options) : LoadBalancer
{
    /// <summary>RFC 8305 section 5, "Connection Attempt Delay".</summary>
    internal static readonly TimeSpan AttemptDelay = TimeSpan.FromMilliseconds(250);

    private readonly IChannelControlHelper _controller = options.Controller;
    private List<BalancerAddress> _addresses = [];
    private List<Candidate> _candidates = [];
    private Candidate? _selected;
    private SerialTimer? _attempt;
    private Status _lastFailure;
    private ConnectivityState _state = ConnectivityState.Connecting;
    private int _trying;
    private int _failuresSincePass;
    private bool _inFirstPass;

    /// <inheritdoc />
    public override void UpdateChannelState(ChannelState state)
    {
        if (state.Failure is { } failure)
        {
            if (_addresses.Count == 0)
            {
                Report(ConnectivityState.TransientFailure, PickResult.ForFailure(failure));
            }

            return;
        }

        if (_addresses.Count == 0 && _state == ConnectivityState.TransientFailure)
        {
            _state = ConnectivityState.Connecting; // it failed for want of addresses, not of servers that answer (gRFC A62)
        }

        _addresses = AddressOrder.Of(state.Addresses, state.LoadBalancingConfig is PickFirstConfig { ShuffleAddressList: true } ? options.Random : null);
        if (_addresses.Count == 0)
        {
            Abandon(_candidates);
            _candidates = [];
            _selected = null;
            _attempt?.Stop();
            Report(ConnectivityState.TransientFailure, PickResult.ForFailure(ChannelState.NoAddresses));
            return;
        }

        if (_selected is not null && _addresses.Contains(_selected.Subchannel.Address))
        {
            return; // what works is kept
        }

        _selected = null;
        if (_state != ConnectivityState.Idle)
        {
            StartPass();
        }
    }

    /// <inheritdoc />
    public override void RequestConnection()
    {
        if (_state == ConnectivityState.Idle)
        {
            StartPass();
        }
    }

    /// <inheritdoc />
    protected override void Dispose(bool disposing)
    {
        _attempt?.Stop();
        Abandon(_candidates);
        _candidates = []; // what they still report has no consequences
        _selected = null;
    }

    private static void Abandon(IEnumerable<Candidate> candidates)
    {
        foreach (Candidate candidate in candidates)
        {
            candidate.Subchannel.Dispose();
        }
    }

    /// <summary>Tries the addresses from the first one on. Subchannels of before are kept with their waits.</summary>
    private void StartPass()
    {
        List<Candidate> old = _candidates;
        _candidates = [.. _addresses.Select(address => old.Find(candidate => candidate.Subchannel.Address.Equals(address)) ?? CreateCandidate(address))];
        Abandon(old.Except(_candidates));
        _candidates.ForEach(candidate => candidate.HasFailed = candidate.Subchannel.State == ConnectivityState.TransientFailure);
        _inFirstPass = true;
        _trying = 0;
        if (_state != ConnectivityState.TransientFailure)
        {
            Report(ConnectivityState.Connecting, PickResult.ForQueue());
        }

        TryNext();
    }

    private Candidate CreateCandidate(BalancerAddress address)
    {
        var candidate = new Candidate(_controller.CreateSubchannel(address));
        candidate.Subchannel.OnStateChanged(state => OnStateChanged(candidate, state));
        return candidate;
    }

    private void TryNext()
    {
        _attempt?.Stop();
        while (_trying < _candidates.Count && _candidates[_trying].HasFailed)
        {
            _trying++;
        }

        if (_trying < _candidates.Count)
        {
            _candidates[_trying].Subchannel.RequestConnection();
            if (_trying < _candidates.Count - 1)
            {
                _attempt ??= new SerialTimer(options.TimeProvider, _controller.Post, OnAttemptDelayOver);
                _attempt.Start(AttemptDelay);
            }
        }
        else if (_candidates.TrueForAll(candidate => candidate.HasFailed))
        {
            EndPass();
        }
    }

    private void OnAttemptDelayOver()
    {
        _trying++;
        TryNext();
    }

    private void EndPass()
    {
        _inFirstPass = false;
        _failuresSincePass = 0;
        ReportFailure();
        _controller.RefreshResolver();
        foreach (Candidate candidate in _candidates)
        {
            candidate.Subchannel.RequestConnection(); // those whose wait is over; the others when it is
        }
    }

    private void OnStateChanged(Candidate candidate, SubchannelState state)
    {
        if (!_candidates.Contains(candidate))
        {
            return; // it was disposed of, and a report of before arrives
        }

        switch (state.State)
        {
            case ConnectivityState.Ready:
                Select(candidate);
                break;
            case ConnectivityState.TransientFailure:
                _lastFailure = state.Status;
                candidate.HasFailed = true;
                OnFailed(candidate);
                break;
            case ConnectivityState.Idle when candidate == _selected:
                _selected = null;
                Report(ConnectivityState.Idle, new IdlePicker(() => _controller.Post(RequestConnection)));
                _controller.RefreshResolver();
                break;
            case ConnectivityState.Idle when !_inFirstPass:
                candidate.Subchannel.RequestConnection();
                break;
        }
    }

    private void Select(Candidate candidate)
    {
        _attempt?.Stop();
        _selected = candidate;
        List<Candidate> others = _candidates;
        _candidates = [candidate];
        Abandon(others.Where(other => other != candidate));
        Report(ConnectivityState.Ready, PickResult.ForSubchannel(candidate.Subchannel));
    }

    private void OnFailed(Candidate candidate)
    {
        if (candidate == _selected)
        {
            // It was connected and of no use; the others may be better.
            _selected = null;
            ReportFailure();
            StartPass();
        }
        else if (_inFirstPass)
        {
            bool isLatest = _trying < _candidates.Count && _candidates[_trying] == candidate;
            if (isLatest || _trying >= _candidates.Count)
            {
                TryNext();
            }
        }
        else
        {
            ReportFailure();
            if (++_failuresSincePass % _candidates.Count == 0)
            {
                _controller.RefreshResolver();
            }
        }
    }

    private void ReportFailure() => Report(ConnectivityState.TransientFailure, PickResult.ForFailure(_lastFailure));

    private void Report(ConnectivityState state, PickResult result) => Report(state, new FixedPicker(result));

    private void Report(ConnectivityState state, SubchannelPicker picker)
    {
        _state = state;
        _controller.UpdateState(state, picker);
    }

    /// <summary>An address that is tried.</summary>
    private sealed class Candidate(Subchannel subchannel)
    {
        public Subchannel Subchannel { get; } = subchannel;

        /// <summary>Whether it has failed since the pass began.</summary>
        public bool HasFailed { get; set; }
    }
}
