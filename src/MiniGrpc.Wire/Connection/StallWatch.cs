using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Wire.Connection;

/// <summary>
/// Finds a peer that takes nothing of what waits for it: its socket takes no octet, or its windows let no DATA out
/// (RFC 9113 section 10.5). Without it, a handful of connections could hold memory for ever.
/// </summary>
/// <remarks>
/// Threading: the gate guards its state. Its alarm is set while something is written or waits, and looks once in the time allowed;
/// what waits at two looks in a row without an octet having left between them has waited long enough.
/// </remarks>
internal sealed class StallWatch
{
    private const long NothingWaits = -1;

    private readonly Http2Connection _connection;
    private readonly TimeSpan _limit;
    private bool _armed;
    private long _writes = NothingWaits;
    private long _sentOctets = NothingWaits;

    public StallWatch(Http2Connection connection)
    {
        _connection = connection;
        _limit = connection.Options.Limits.Abuse.SendStallTimeout;
    }

    /// <summary>Under the gate: something is about to be written, or waits for a window.</summary>
    public void Arm()
    {
        if (_armed || _limit == Timeout.InfiniteTimeSpan)
        {
            return;
        }

        _armed = true;
        _writes = NothingWaits;
        _sentOctets = NothingWaits;
        _connection.Alarms.Set(Alarm.Stall, _limit);
    }

    /// <summary>Its alarm rings.</summary>
    public void Look()
    {
        bool stalled;
        using (Http2Connection.GateScope gate = _connection.Enter())
        {
            bool writing = (gate.Flush.Writes & 1) != 0;
            bool waiting = gate.Send.QueuedOctets > 0;
            stalled = (writing && gate.Flush.Writes == _writes) || (waiting && gate.Send.SentOctets == _sentOctets);
            _writes = writing ? gate.Flush.Writes : NothingWaits;
            _sentOctets = waiting ? gate.Send.SentOctets : NothingWaits;
            _armed = (writing || waiting) && !stalled;
            if (_armed)
            {
                _connection.Alarms.Set(Alarm.Stall, _limit);
            }
        }

        if (stalled)
        {
            _connection.Fail(AbuseBudgets.Exceeded(nameof(AbuseLimits.SendStallTimeout), $"the peer took nothing for {_limit.TotalSeconds:0.###} s"));
        }
    }
}
