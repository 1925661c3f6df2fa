using MiniGrpc.Wire.Hpack;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Wire.Http2;

/// <summary>
/// The inbound half of a connection: octets in, reports to an <see cref="IReceiveSink"/> out. It cuts the octets into frames
/// (RFC 9113 section 4.1), keeps the HPACK decoder and the stream table, and judges every frame by the state of its
/// connection and stream.
/// </summary>
/// <remarks>
/// Threading: owned by the receive loop. A synchronous step without I/O; what it was given is either consumed or asked for
/// again with more behind it.
/// </remarks>
internal sealed partial class ReceiveSide
{
    private readonly Role _role;
    private readonly ReceiveLimits _limits;
    private readonly IReceiveSink _sink;
    private readonly HpackDecoder _hpack;
    private readonly HeaderBlock _block;
    private readonly StreamStack _retired;
    private readonly AbuseBudgets _budgets;

    // What only a connection with calls needs; made for the first one, and again after Tidy.
    private InboundFields? _inbound;
    private RepeatedBlocks? _repeated;
    private HeaderList? _scratch;

    private Http2Stream? _closedByPeer;
    private bool _settingsReceived;
    private bool _settingsAcknowledged;
    private PathProbe _path = new();
    private long _now;

    /// <summary>Creates the inbound half. <paramref name="retired"/> tells it of streams that the outbound half has closed.</summary>
    public ReceiveSide(Role role, ReceiveLimits limits, IReceiveSink sink, StreamStack retired)
    {
        _role = role;
        _limits = limits;
        _sink = sink;
        _retired = retired;
        _hpack = new HpackDecoder(limits.HeaderTableSize);

        // A list a little over the limit costs its call, one far over it the connection. Huffman coding makes a block shorter
        // than its list, so a block of that length is far over as well.
        // A list of the allowed size always fits the frames that it may come in.
        _block = new HeaderBlock(
            Math.Max(InboundFields.FarOver(limits.MaxHeaderListSize), limits.MaxFrameSize),
            Math.Max(limits.Abuse.HeaderBlockFrames, 1 + (limits.MaxHeaderListSize / limits.MaxFrameSize)));
        _budgets = new AbuseBudgets(limits.Abuse);
        Window = new ConnectionReceiveWindow(limits.ConnectionWindow, limits.Abuse.ReceiveQueue);
    }

    /// <summary>The open streams.</summary>
    public StreamTable Streams { get; } = new();

    /// <summary>The connection's inbound window.</summary>
    public ConnectionReceiveWindow Window { get; }

    /// <summary>The connection error that ended the inbound half; null while all is well.</summary>
    public ProtocolError? Error { get; private set; }

    /// <summary>
    /// Takes whole frames off the start of <paramref name="octets"/> and returns how many octets they were. Stops at an
    /// incomplete frame, at a connection error, or when too many answers to the frames before wait to be sent.
    /// <paramref name="now"/> is in milliseconds of a clock that doesn't go back.
    /// </summary>
    public int Receive(ReadOnlySpan<byte> octets, long now)
    {
        _now = now;
        int consumed = 0;
        while (Error is null && octets.Length - consumed >= FrameHeader.Size && !_sink.IsBacklogged)
        {
            FrameHeader header = FrameHeader.Read(octets[consumed..]);
            if (header.Length > _limits.MaxFrameSize)
            {
                Error = ProtocolError.Connection(
                    ErrorCode.FrameSizeError,
                    "4.2",
                    $"a {header.Type} frame of {header.Length} octets is longer than SETTINGS_MAX_FRAME_SIZE ({_limits.MaxFrameSize})");
                break;
            }

            int length = FrameHeader.Size + header.Length;
            if (octets.Length - consumed < length)
            {
                break;
            }

            // Before each frame, not once for all: what a late frame leads to must not depend on how the octets came in.
            CollectRetired();
            Error = OnFrame(header, octets.Slice(consumed + FrameHeader.Size, header.Length));
            consumed += length;
        }

        CollectRetired();
        if (Window.TakeDue() is > 0 and int due)
        {
            _sink.OnConnectionCredit(due, withPing: Window.Size < Window.LargestSize && _path.TryBegin(_now));
        }

        return consumed;
    }

    /// <summary>Our SETTINGS go out. Before anything is received, or on the receive loop.</summary>
    public void OnSettingsSent(long now) => _path.OnSettingsSent(now);

    /// <summary>Gives the memory back that is kept from one frame to the next: nothing more will be received.</summary>
    public void Close()
    {
        _scratch?.Release();
        _block.End();
    }

    /// <summary>Lets go of what is needed no more, or only by a connection with calls.</summary>
    public void Tidy()
    {
        CollectRetired();
        _inbound = null;
        _repeated = null;
        _scratch?.Release();
        _scratch = null;
    }

    /// <summary>Takes the streams that the outbound half has closed out of the table, and lets go of those that ended by the frame before.</summary>
    public void CollectRetired()
    {
        if (_closedByPeer is not null)
        {
            Http2Stream closed = _closedByPeer;
            _closedByPeer = null;
            closed.OnForgotten();
        }

        for (Http2Stream? stream = _retired.TakeAll(); stream is not null;)
        {
            Http2Stream? next = stream.NextInStack;
            stream.NextInStack = null;
            Streams.Remove(stream);
            if (stream.WasResetByUs)
            {
                _budgets.OnResetByUs(_role);
            }
            else
            {
                _budgets.OnStreamEnded();
            }

            stream.OnForgotten();
            stream = next;
        }
    }

    private ProtocolError? OnFrame(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (!_settingsReceived && (header.Type != FrameType.Settings || header.Has(FrameFlags.Ack)))
        {
            return ProtocolError.Connection(
                ErrorCode.ProtocolError, "3.4", $"the first frame is {header.Type}, it must be SETTINGS");
        }

        if (_block.StreamId != 0 && (header.Type != FrameType.Continuation || header.StreamId != _block.StreamId))
        {
            return ProtocolError.Connection(
                ErrorCode.ProtocolError,
                "6.10",
                $"a {header.Type} frame on stream {header.StreamId} interrupts the field block of stream {_block.StreamId}");
        }

        return header.Type switch
        {
            FrameType.Data => OnData(header, payload),
            FrameType.Headers => OnHeaders(header, payload),
            FrameType.Priority => PriorityFrame.Parse(header, payload, out _) is { } error ? JudgeMalformed(error, header) : _budgets.OnUselessFrame(header.Type, _now),
            FrameType.RstStream => OnRstStream(header, payload),
            FrameType.Settings => OnSettings(header, payload),
            FrameType.PushPromise => OnPushPromise(),
            FrameType.Ping => OnPing(header, payload),
            FrameType.GoAway => OnGoAway(header, payload),
            FrameType.WindowUpdate => OnWindowUpdate(header, payload),
            FrameType.Continuation => OnContinuation(header, payload),
            _ => _budgets.OnUselessFrame(header.Type, _now), // unknown types are ignored, whatever they say (section 5.5)
        };
    }

    private ProtocolError? OnSettings(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (SettingsFrame.Parse(header, payload, out SettingsFrame frame) is { } error)
        {
            return error;
        }

        if (frame.IsAck)
        {
            ProtocolError? unasked = null;
            if (_settingsAcknowledged)
            {
                unasked = _budgets.OnUselessFrame(FrameType.Settings, _now);
            }
            else
            {
                _path.OnSettingsAcknowledged(_now);
            }

            _settingsAcknowledged = true;
            _sink.OnSettingsAcknowledged();
            return unasked;
        }

        _settingsReceived = true;
        return _budgets.OnSettings(frame.Count, _now) ?? _sink.OnSettings(frame);
    }

    private static ProtocolError OnPushPromise() => ProtocolError.Connection(
        ErrorCode.ProtocolError, "8.4", "PUSH_PROMISE, but server push is disabled and a client may not push");

    private ProtocolError? OnPing(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (PingFrame.Parse(header, payload, out PingFrame frame) is { } error)
        {
            return error;
        }

        if (frame.IsAck && _path.IsAnswer(frame.OpaqueData))
        {
            OnPathMeasured();
            return null;
        }

        return (frame.IsAck ? _budgets.OnUselessFrame(FrameType.Ping, _now) : null) ?? _sink.OnPing(frame, _now);
    }

    private void OnPathMeasured()
    {
        int size = Window.Size;
        if (_path.OnAnswer(_now, _limits.LargestStreamWindow + Window.Growth))
        {
            int more = int.Min(size, Window.LargestSize - size);
            Window.Grow(more);
            _sink.OnConnectionCredit(more, withPing: false);
        }
    }

    private ProtocolError? OnGoAway(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (GoAwayFrame.Parse(header, payload, out GoAwayFrame frame) is { } error)
        {
            return error;
        }

        _sink.OnGoAway(frame);
        return _budgets.OnUselessFrame(FrameType.GoAway, _now); // useful once
    }

    /// <summary>
    /// Judges an error in a frame that may come in any state of its stream. Only an open stream can be reset: no RST_STREAM may be
    /// sent on an idle one (section 6.4) or after the end (section 5.1), and any stream error may end the connection instead (section 5.4.1).
    /// </summary>
    private ProtocolError? JudgeMalformed(ProtocolError error, in FrameHeader header) =>
        error.Scope == ErrorScope.Stream && TryFind(header.StreamId, out Http2Stream? stream)
            ? Judge(error, stream)
            : error with { Scope = ErrorScope.Connection, StreamId = 0 };

    /// <summary>
    /// A stream error is reported and the connection goes on, unless there are too many of them; a connection error goes up and
    /// ends it. Streams refused for a limit that the peer can't know yet count for less.
    /// </summary>
    private ProtocolError? Judge(ProtocolError? error, Http2Stream? stream = null)
    {
        if (error is null || error.Scope == ErrorScope.Connection)
        {
            return error;
        }

        _sink.OnStreamError(stream, stream is null ? error : error with { StreamId = stream.Id });
        return error.Code == ErrorCode.RefusedStream && !_settingsAcknowledged
            ? _budgets.OnUselessFrame(FrameType.Headers, _now)
            : _budgets.OnStreamReset(_now);
    }
}
