using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Wire.Connection;

/// <content>
/// How a connection ends in good order (RFC 9113 section 6.8). A server announces it in two steps: the first GOAWAY names
/// the highest identifier, so that streams already under way are still served; the second, sent when the answer to a PING
/// shows that the client has seen the first, names the last one that was. When the last stream has ended, it is the client
/// that closes; the server does it after a moment. Every step has a timer behind it: no peer can hold a shutdown up.
/// </content>
internal sealed partial class Http2Connection
{
    /// <summary>Marks our own PING of a shutdown, so that its answer is known.</summary>
    private const ulong ShutdownPing = 0x6d69_6e69_6279_6521;

    /// <summary>
    /// Server: a client that has come this far is asked to go on with another connection, since identifiers can't be reused
    /// (RFC 9113 section 5.1.1). The half million streams that are left last for the calls that it opens until it has heard.
    /// </summary>
    private const int DrainFromStreamId = int.MaxValue - (1 << 20);

    private ShutdownStep _shutdown;
    private int _lastAnnounced = int.MaxValue;

    private enum ShutdownStep : byte
    {
        /// <summary>Streams come and go.</summary>
        None,

        /// <summary>The first GOAWAY is out; streams opened before the peer saw it are still taken.</summary>
        Announced,

        /// <summary>No new streams; when the last one ends, so does the connection.</summary>
        Draining,

        /// <summary>The last one has ended: a client closes, a server leaves that to the client for a moment.</summary>
        Drained,
    }

    /// <summary>How long a client may take to answer the PING of a shutdown: longer than any round trip.</summary>
    private static TimeSpan AnnouncementPatience => TimeSpan.FromSeconds(5);

    /// <summary>The time in which a last GOAWAY may leave, and the peer may close first.</summary>
    private static TimeSpan Linger => TimeSpan.FromSeconds(1);

    /// <summary>Server: asks the client to open no more streams and lets those that are open finish.</summary>
    public void BeginShutdown()
    {
        using GateScope gate = Enter();
        if (_shutdown != ShutdownStep.None || _send.IsClosed)
        {
            return;
        }

        gate.Send.IsGoingAway = true;
        _shutdown = ShutdownStep.Announced;
        Alarms.Set(Alarm.Shutdown, AnnouncementPatience);
        if (_started)
        {
            AnnounceShutdown(gate.Send);
        }
    }

    /// <summary>Client: opens no more streams; the connection ends with the last of those that are open.</summary>
    public void StopOpening()
    {
        using GateScope gate = Enter();
        if (!_send.IsClosed)
        {
            gate.Send.IsGoingAway = true;
            Drain();
        }
    }

    /// <summary>
    /// Client: opens no more streams, and the connection ends at once if there are none: in good order if the peer lets it, but soon in any
    /// case. What is still to be sent may have no way out.
    /// </summary>
    public void StopSoon()
    {
        StopOpening();
        Alarms.SetIfClear(Alarm.Linger, Linger);
    }

    /// <summary>Ends the connection with its last call, in the way of its role.</summary>
    internal void Retire()
    {
        if (_role == Role.Client)
        {
            StopOpening();
        }
        else
        {
            BeginShutdown();
        }
    }

    /// <summary>Our direction has ended: the peer has a moment to end its own.</summary>
    internal void OnOutputCompleted() => Alarms.SetIfClear(Alarm.Linger, Linger);

    private void AnnounceShutdown(SendSide send)
    {
        send.WriteGoAway(int.MaxValue, ErrorCode.NoError, Life?.Reason);
        send.WritePing(ShutdownPing);
    }

    private void OnShutdownUnanswered()
    {
        using GateScope gate = Enter();
        BeginDraining(gate.Send);
    }

    /// <summary>Under the gate: the client knows, or had its time to know.</summary>
    private void BeginDraining(SendSide send)
    {
        if (_shutdown != ShutdownStep.Announced)
        {
            return;
        }

        _shutdown = ShutdownStep.Draining;
        if (_started)
        {
            _lastAnnounced = LastPeerStreamId;
            send.WriteGoAway(_lastAnnounced, ErrorCode.NoError, Life?.Reason);
        }
    }

    /// <summary>Under the gate: from here on there are no new streams, if that was not so already.</summary>
    private void Drain()
    {
        if (_shutdown < ShutdownStep.Draining)
        {
            _shutdown = ShutdownStep.Draining;
        }
    }

    /// <summary>Under the gate: a connection that takes no new streams, or has no identifiers for them, ends with its last one.</summary>
    private void CompleteIfDrained()
    {
        bool drains = _shutdown == ShutdownStep.Draining || (_send.IsUsedUp && _shutdown != ShutdownStep.Drained);
        if (!drains || _send.OpenStreams > 0)
        {
            return;
        }

        _shutdown = ShutdownStep.Drained;
        if (_role == Role.Server)
        {
            // A client that was about to start a call here finds GOAWAY, and takes the call elsewhere. If it found an end, the call
            // would be lost: a broken connection doesn't say what was processed.
            Alarms.Set(Alarm.Drained, Linger);
            return;
        }

        // A client has nothing more to ask: it says so, too, before it closes (section 6.8). It has taken no stream of the server.
        if (_end is null)
        {
            _send.WriteGoAway(0, ErrorCode.NoError, []);
        }

        _flush.CompleteWhenEmpty();
    }

    /// <summary>The client had its time to close a connection that takes no more calls.</summary>
    private void OnClientStays()
    {
        using GateScope gate = Enter();
        gate.Flush.CompleteWhenEmpty();
    }
}
