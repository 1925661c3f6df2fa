using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Wire.Connection;

/// <content>
/// What protects the connection from a peer that is slow, silent or greedy (RFC 9113 sections 6.5.3 and 10.5): the waits that have an
/// end, the answers that are not piled up, and the handlers that outlive their streams.
/// </content>
internal sealed partial class Http2Connection
{
    private BacklogWaiter? _backlogWaiter;
    private bool _backlogged;
    private bool _goAwaySent;
    private int _errorWasCounted;
    private int _abandonedCalls;

    /// <summary>Whether the peer takes fewer answers than it asks for: nothing more is read meanwhile.</summary>
    internal bool IsBacklogged => Volatile.Read(ref _backlogged);

    /// <summary>Whether it was decided, other than by the receive loop, that the connection ends.</summary>
    internal bool IsEnding => Volatile.Read(ref _end) is not null;

    /// <summary>Finds a peer that takes nothing.</summary>
    internal StallWatch Stall { get; }

    /// <summary>Finds a peer that is gone.</summary>
    internal KeepAlive KeepAlive { get; }

    /// <summary>Ends the connection in its time; null when it has no end.</summary>
    internal ConnectionLife? Life { get; }

    /// <summary>A handler goes on although its stream has ended (1), or has returned after that (-1).</summary>
    internal void AddAbandonedCall(int change) => Interlocked.Add(ref _abandonedCalls, change);

    /// <summary>Lets the inbound half of an idle connection go of what it needs no more; false when it is at work.</summary>
    internal bool TryTidyInbound() => _receiveLoop.TryTidy();

    /// <summary>On the receive loop: completes when the answers that wait have been taken to be sent.</summary>
    internal Task WaitForAnswersToLeaveAsync()
    {
        lock (Gate)
        {
            if (!_send.IsBacklogged || IsEnding)
            {
                return Task.CompletedTask;
            }

            _backlogWaiter ??= new BacklogWaiter();
            return _backlogWaiter.Left;
        }
    }

    /// <summary>Under the gate: messages that wait are watched, whether they could be sent or no window lets them out.</summary>
    private void WatchQueues()
    {
        if (_send.QueuedOctets > 0)
        {
            Stall.Arm();
        }
    }

    /// <summary>Under the gate: the flush loop has taken what was to be sent.</summary>
    internal void OnOutputTaken()
    {
        Stall.Arm();
        Volatile.Write(ref _backlogged, false);
        ReleaseBacklogWaiter();
    }

    /// <summary>
    /// Ends the connection for a peer that didn't do in time what it had to. GOAWAY says so if the peer still takes octets; a
    /// moment later the transport is torn down, which ends the receive loop. Any thread but the receive loop's.
    /// </summary>
    internal void Fail(ProtocolError error)
    {
        if (Interlocked.CompareExchange(ref _end, new ConnectionEnd($"the peer broke the protocol: {error}", error), null) is not null)
        {
            return;
        }

        CountOnce(error);
        using GateScope gate = Enter();
        Drain();
        gate.Send.IsGoingAway = true;
        WriteGoAway(gate.Send, error);
        gate.Flush.CompleteWhenEmpty();
        Alarms.SetIfClear(Alarm.Linger, Linger);
    }

    /// <summary>
    /// Ends the connection at once: the peer may be gone, or speak no HTTP/2. Any thread.
    /// </summary>
    /// <param name="limit">The option of the server or the channel that says how long it had.</param>
    /// <param name="allowed">How long that was; a channel's attempt may have spent some of it before.</param>
    /// <param name="what">What it did not do.</param>
    internal void GiveUp(string limit, TimeSpan allowed, string what)
    {
        var end = new ConnectionEnd($"{Transport.RemoteAddress} {what} within {allowed.TotalSeconds:0.###} s (limit {limit})");
        if (Abort(end))
        {
            WireMetrics.LimitPassed(_role, limit, Options.Logger);
        }
    }

    private void OnSettingsUnacknowledged()
    {
        const string Limit = nameof(AbuseLimits.SettingsTimeout);
        string reason = $"SETTINGS were not acknowledged within {Options.Limits.Abuse.SettingsTimeout.TotalSeconds:0.###} s (limit {Limit})";
        Fail(ProtocolError.Connection(ErrorCode.SettingsTimeout, "6.5.3", reason) with { Limit = Limit });
    }

    /// <summary>Counts the error that ends the connection.</summary>
    private void CountOnce(ProtocolError error)
    {
        if (Interlocked.Exchange(ref _errorWasCounted, 1) == 0)
        {
            WireMetrics.ProtocolError(_role, error, Options.Logger);
        }
    }

    /// <summary>Under the gate: tells the peer why the connection ends, once.</summary>
    private void WriteGoAway(SendSide send, ProtocolError error)
    {
        if (_goAwaySent)
        {
            return;
        }

        _goAwaySent = true;
        send.WriteGoAway(
            Math.Min(LastPeerStreamId, _lastAnnounced), error.Code, System.Text.Encoding.UTF8.GetBytes(error.DebugData ?? error.ToString()));
    }

    private void ReleaseBacklogWaiter()
    {
        BacklogWaiter? waiter = _backlogWaiter;
        _backlogWaiter = null;
        if (waiter is not null)
        {
            Options.Dispatcher.Post(waiter);
        }
    }
}
