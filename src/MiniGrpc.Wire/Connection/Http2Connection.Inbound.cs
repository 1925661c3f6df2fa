using Microsoft.Extensions.Logging;

using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Wire.Connection;

/// <content>What the receive loop hears, and what it makes the outbound half do. Everything here runs on the receive loop.</content>
internal sealed partial class Http2Connection : IReceiveSink
{
    /// <summary>What the peer said in GOAWAY, for the status of calls that are cut off after it.</summary>
    public string? GoAwayReason { get; private set; }

    /// <summary>Whether the peer has asked to go on with another connection, and has nothing to complain of (GOAWAY with NO_ERROR).</summary>
    public bool WasAskedToGo { get; private set; }

    /// <summary>Whether the peer has ended the connection for keepalive PINGs that it finds too many (gRFC A8).</summary>
    public bool WasAskedToPingLess { get; private set; }

    /// <summary>The connection's inbound window, which readers give credit back to.</summary>
    public ConnectionReceiveWindow ReceiveWindow => _receive.Window;

    /// <summary>The identifier of the last stream that the peer has opened and we have taken.</summary>
    private int LastPeerStreamId => _role == Role.Server ? _receive.Streams.HighestId : 0;

    Http2Stream? IReceiveSink.OpenStream(int id)
    {
        if (id > DrainFromStreamId)
        {
            BeginShutdown();
        }

        // A handler counts until it returns: a client that resets its streams can't have more of them running than it may open. A few more are
        // let through, since a lawful client takes a stream for closed while its handler is just about to notice.
        int open = _receive.Streams.Count;
        int limit = Options.Limits.MaxConcurrentStreams;
        bool full = open >= limit || open + Volatile.Read(ref _abandonedCalls) >= limit + (limit / 10);

        // While a shutdown is only announced the peer may not know of it yet: what it opened is served. Decided under the gate, so
        // that the GOAWAY of a shutdown that goes on meanwhile names every stream that is served.
        using GateScope gate = Enter();
        Http2Stream? stream = full || _shutdown >= ShutdownStep.Draining ? null : _owner.OpenStream(this);
        if (stream is not null)
        {
            gate.Send.Accept(stream);
        }

        return stream;
    }

    Http2Stream? IReceiveSink.TakeOpened()
    {
        lock (Gate)
        {
            return _send.TakeOpened();
        }
    }

    void IReceiveSink.OnClosed(Http2Stream stream)
    {
        using GateScope gate = Enter();
        gate.Send.OnClosedByPeer(stream);
    }

    bool IReceiveSink.IsBacklogged => IsBacklogged;

    void IReceiveSink.OnStreamError(Http2Stream? stream, ProtocolError error)
    {
        WireMetrics.ProtocolError(_role, error, Options.Logger);
        Causes.Note((int)error.Code, error.Section, error);
        using (GateScope gate = Enter())
        {
            if (stream is null)
            {
                gate.Send.WriteReset(error.StreamId, error.Code);
            }
            else
            {
                gate.Send.Reset(stream, error.Code);
            }
        }

        // Told even when there was nothing left to reset: the frame in error may be the one that closed the stream.
        stream?.OnStreamError(error);
    }

    ProtocolError? IReceiveSink.OnSettings(in SettingsFrame frame)
    {
        ProtocolError? error;
        using (GateScope gate = Enter())
        {
            _receive.CollectOpened(); // under the gate: a stream opened a moment later starts with the new window
            error = gate.Send.ApplySettings(frame, out int windowDelta);
            if (error is null && windowDelta != 0)
            {
                foreach (Http2Stream stream in _receive.Streams)
                {
                    error ??= gate.Send.AdjustWindow(stream, windowDelta);
                }
            }
        }

        if (error is null && !_ready)
        {
            _readyAt = Now;
            Volatile.Write(ref _ready, true);
            _owner.OnReady(this);
        }

        return error;
    }

    void IReceiveSink.OnSettingsAcknowledged()
    {
        // Ours only ever raise a limit or state one that holds from the first frame: nothing but the clock waits for the answer.
        Alarms.Clear(Alarm.Settings);
    }

    ProtocolError? IReceiveSink.OnPing(in PingFrame frame, long now)
    {
        using GateScope gate = Enter();
        if (!frame.IsAck)
        {
            return gate.Send.AnswerPing(frame.OpaqueData, now);
        }

        if (frame.OpaqueData == ShutdownPing)
        {
            BeginDraining(gate.Send);
        }

        return null;
    }

    void IReceiveSink.OnGoAway(in GoAwayFrame frame)
    {
        string debug = frame.DebugData.IsEmpty ? "" : $" {PrintableText.Quote(frame.DebugData, FrameFormatter.ShownDebugOctets)}";
        GoAwayReason = $"GOAWAY {ErrorCodes.Name(frame.ErrorCode)}{debug}";
        WasAskedToGo = frame.ErrorCode == ErrorCode.NoError;
        WasAskedToPingLess = frame.ErrorCode == ErrorCode.EnhanceYourCalm && frame.DebugData.SequenceEqual(PingPolicing.TooManyPings);
        Options.Logger.LogDebug("{Peer} sent {GoAway}", Transport.RemoteAddress, GoAwayReason);
        if (_role == Role.Server)
        {
            return; // the client says how many of our streams it will see; we open none, and those it has opened go on
        }

        using (GateScope gate = Enter())
        {
            gate.Send.IsGoingAway = true; // from here on no stream is opened that the peer won't see
        }

        _receive.CollectOpened();
        List<Http2Stream>? refused = null;
        using (GateScope gate = Enter())
        {
            Drain();
            foreach (Http2Stream stream in _receive.Streams)
            {
                // Not processed, and never will be (section 6.8).
                if (stream.Id > frame.LastStreamId && stream.State.Apply(StreamInput.ReceiveRstStream).BecameClosed)
                {
                    (refused ??= []).Add(stream);
                    gate.Send.OnClosedByPeer(stream);
                }
            }
        }

        foreach (Http2Stream stream in refused ?? [])
        {
            _receive.Streams.Remove(stream);
            stream.OnUnprocessed($"{Transport.RemoteAddress} did not process the call: it sent {GoAwayReason}");
        }

        _owner.OnGoAway(this);
    }

    ProtocolError? IReceiveSink.OnWindowUpdate(Http2Stream? stream, int increment)
    {
        using GateScope gate = Enter();
        return gate.Send.OnWindowUpdate(stream, increment);
    }

    ProtocolError? IReceiveSink.OnLateWindowUpdate()
    {
        using GateScope gate = Enter();
        return gate.Send.CountWindowUpdate();
    }

    void IReceiveSink.OnConnectionCredit(int increment, bool withPing)
    {
        using GateScope gate = Enter();
        gate.Send.WriteWindowUpdate(0, increment);
        if (withPing)
        {
            gate.Send.WritePing(PathProbe.OpaqueData);
        }
    }
}
