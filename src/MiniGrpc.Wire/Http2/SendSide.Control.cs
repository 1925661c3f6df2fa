using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Wire.Http2;

/// <content>
/// What concerns the connection rather than one stream's content: opening and retiring streams, windows, SETTINGS, PING,
/// GOAWAY. Threading: the caller holds the send gate.
/// </content>
internal sealed partial class SendSide
{
    /// <summary>The WINDOW_UPDATE frames that a peer may send before we have sent it anything.</summary>
    private const int FirstWindowUpdates = 1000;

    /// <summary>About the length of a frame that answers another, its header included.</summary>
    private const int ControlFrameSize = FrameHeader.Size + 8;

    private int _nextStreamId = 1;
    private Http2Stream? _opened;
    private bool _mayOpen;
    private int _unsentAnswers;
    private long _windowUpdatesAllowed = FirstWindowUpdates;

    /// <summary>Whether more answers wait to be sent than a sound peer would let wait (section 10.5).</summary>
    public bool IsBacklogged => _unsentAnswers > _limits.UnsentAnswers;

    /// <summary>Streams that our half has closed last, for the receive loop to take out of its table.</summary>
    public StreamStack Retired { get; } = new();

    /// <summary>Streams that have been opened, by whichever end, and not closed.</summary>
    public int OpenStreams { get; private set; }

    /// <summary>Whether no new stream may be opened: GOAWAY came in or went out, or the connection has ended.</summary>
    public bool IsGoingAway { get; set; }

    /// <summary>The identifier of the stream opened last; 0 for none.</summary>
    public int LastOpenedId => _nextStreamId == 1 ? 0 : _nextStreamId - 2;

    /// <summary>Whether all identifiers have been used. They can't be reused: a new connection is needed (section 5.1.1).</summary>
    public bool IsUsedUp => _nextStreamId < 0;

    /// <summary>Whether a stream could be opened now.</summary>
    public OpenResult CanOpen
    {
        get
        {
            if (IsClosed || IsGoingAway || IsUsedUp)
            {
                return OpenResult.GoingAway;
            }

            return OpenStreams < PeerSettings.MaxConcurrentStreams ? OpenResult.Opened : OpenResult.AtLimit;
        }
    }

    /// <summary>
    /// Opens a stream: allocates its identifier and sends its header block, or says why not. The receive loop finds the
    /// stream by <see cref="TakeOpened"/>.
    /// </summary>
    public OpenResult TryOpen(Http2Stream stream, PreparedFields? prepared, HeaderList? fields, bool endStream)
    {
        OpenResult result = CanOpen;
        if (result != OpenResult.Opened)
        {
            return result;
        }

        if (IsTooLarge(prepared, fields))
        {
            return OpenResult.TooLarge;
        }

        stream.Id = _nextStreamId;
        _nextStreamId = unchecked(_nextStreamId + 2);
        stream.SendWindow = new SendWindow((int)PeerSettings.InitialWindowSize);
        stream.NextOpened = _opened;
        _opened = stream;
        OpenStreams++;
        _windowUpdatesAllowed += _limits.WindowUpdatesPerDataFrame;
        WriteHeaders(stream, prepared, fields, endStream);
        return OpenResult.Opened;
    }

    /// <summary>Whether, since the last call, a stream has ended or the limit was raised, so that a client waiting to open one may try.</summary>
    public bool TakeMayOpen()
    {
        bool mayOpen = _mayOpen && _role == Role.Client;
        _mayOpen = false;
        return mayOpen;
    }

    /// <summary>Whether a header list is larger than the peer's SETTINGS_MAX_HEADER_LIST_SIZE, and so not worth sending.</summary>
    public bool IsTooLarge(PreparedFields? prepared, HeaderList? fields) =>
        (uint)((prepared?.Fields.Size ?? 0) + (fields?.Size ?? 0)) > PeerSettings.MaxHeaderListSize;

    /// <summary>Hands over the streams opened since the last call, linked by <see cref="Http2Stream.NextOpened"/>.</summary>
    public Http2Stream? TakeOpened()
    {
        Http2Stream? opened = _opened;
        _opened = null;
        return opened;
    }

    /// <summary>Takes in a stream that the peer has opened.</summary>
    public void Accept(Http2Stream stream)
    {
        stream.SendWindow = new SendWindow((int)PeerSettings.InitialWindowSize);
        OpenStreams++;
        _windowUpdatesAllowed += _limits.WindowUpdatesPerDataFrame;
    }

    /// <summary>A frame of the peer closed <paramref name="stream"/>: it no longer counts, and what it wanted to send is dropped.</summary>
    public void OnClosedByPeer(Http2Stream stream)
    {
        OpenStreams--;
        _mayOpen = true;
        DropQueue(stream);
    }

    /// <summary>Starts the connection: our SETTINGS, and a connection window larger than the 65,535 octets it starts with.</summary>
    public void WriteStart(ReadOnlySpan<(SettingId Id, uint Value)> settings, int connectionWindow)
    {
        if (IsClosed)
        {
            return; // a client whose preface comes when a shutdown has given it up
        }

        if (_role == Role.Client)
        {
            Output.Write(ConnectionPreface.Octets);
        }

        SettingsFrame.Write(Output, settings);
        if (connectionWindow > 65_535)
        {
            WindowUpdateFrame.Write(Output, 0, connectionWindow - 65_535);
        }
    }

    /// <summary>
    /// Applies the peer's SETTINGS and acknowledges them in one step (section 6.5.3). <paramref name="windowDelta"/> is what
    /// the send window of each open stream is to be adjusted by (section 6.9.2).
    /// </summary>
    public ProtocolError? ApplySettings(in SettingsFrame frame, out int windowDelta)
    {
        long before = PeerSettings.InitialWindowSize;
        windowDelta = 0;
        for (int i = 0; i < frame.Count; i++)
        {
            (ushort identifier, uint value) = frame[i];
            var id = (SettingId)identifier;
            if (PeerSettings.Apply(id, value) is { } error)
            {
                return error;
            }

            if (id == SettingId.HeaderTableSize)
            {
                _blocks.SetPeerMaxTableSize(value);
            }
        }

        _mayOpen = true;
        windowDelta = (int)(PeerSettings.InitialWindowSize - before);
        if (!IsClosed)
        {
            SettingsFrame.WriteAck(Output);
            _unsentAnswers += ControlFrameSize;
        }

        return null;
    }

    /// <summary>Adjusts a stream's send window after the peer's INITIAL_WINDOW_SIZE has changed; it may become negative.</summary>
    public ProtocolError? AdjustWindow(Http2Stream stream, int delta)
    {
        if (!stream.SendWindow.TryAdjust(delta))
        {
            return ProtocolError.Connection(
                ErrorCode.FlowControlError, "6.9.2", "SETTINGS_INITIAL_WINDOW_SIZE moves a stream's window past 2^31-1");
        }

        if (stream.SendQueue.Length > 0)
        {
            Schedule(stream);
        }

        return null;
    }

    /// <summary>Credits what a WINDOW_UPDATE grants to <paramref name="stream"/>, or to the connection when it is null.</summary>
    public ProtocolError? OnWindowUpdate(Http2Stream? stream, int increment)
    {
        const string Section = "6.9.1";
        const string Reason = "WINDOW_UPDATE moves the window past 2^31-1 octets";
        if (CountWindowUpdate() is { } tooMany)
        {
            return tooMany;
        }

        if (stream is null)
        {
            return _connectionWindow.TryIncrease(increment)
                ? null
                : ProtocolError.Connection(ErrorCode.FlowControlError, Section, Reason);
        }

        if (!stream.SendWindow.TryIncrease(increment))
        {
            return ProtocolError.Stream(stream.Id, ErrorCode.FlowControlError, Section, Reason);
        }

        if (stream.SendQueue.Length > 0)
        {
            Schedule(stream);
        }

        return null;
    }

    /// <summary>Counts a WINDOW_UPDATE, whatever it is for: there are some for each DATA frame.</summary>
    public ProtocolError? CountWindowUpdate() => --_windowUpdatesAllowed < 0
        ? AbuseBudgets.Exceeded(nameof(AbuseLimits.WindowUpdatesPerDataFrame), "more WINDOW_UPDATE frames than there was DATA to credit")
        : null;

    /// <summary>Grants the peer <paramref name="increment"/> more octets on a stream, or on the connection when the id is 0.</summary>
    public void WriteWindowUpdate(int streamId, int increment)
    {
        if (!IsClosed)
        {
            WindowUpdateFrame.Write(Output, streamId, increment);
        }
    }

    /// <summary>Closes a stream that has no object any more, or never had one.</summary>
    public void WriteReset(int streamId, ErrorCode code)
    {
        if (!IsClosed)
        {
            RstStreamFrame.Write(Output, streamId, code);
            _unsentAnswers += ControlFrameSize;
        }
    }

    /// <summary>Sends a PING (section 6.7).</summary>
    public void WritePing(ulong opaqueData)
    {
        if (!IsClosed)
        {
            PingFrame.Write(Output, isAck: false, opaqueData);
        }
    }

    /// <summary>Answers a PING, unless a client sends too many (section 6.7).</summary>
    public ProtocolError? AnswerPing(ulong opaqueData, long now)
    {
        if (IsClosed)
        {
            return null;
        }

        PingFrame.Write(Output, isAck: true, opaqueData);
        _unsentAnswers += ControlFrameSize;
        return _role == Role.Server ? _pings.OnPing(now, hasCalls: OpenStreams > 0) : null;
    }

    /// <summary>Answers a request with a header list that ends the stream, before any handler has seen it.</summary>
    public void WriteRefusal(Http2Stream stream, PreparedFields prepared, HeaderList? fields)
    {
        int before = Output.Length;
        WriteHeaders(stream, prepared, fields, endStream: true);
        _unsentAnswers += Output.Length - before;
    }

    /// <summary>Announces that the connection will end (section 6.8).</summary>
    public void WriteGoAway(int lastStreamId, ErrorCode code, ReadOnlySpan<byte> debugData)
    {
        if (!IsClosed)
        {
            GoAwayFrame.Write(Output, lastStreamId, code, debugData);
        }
    }

    private void Retire(Http2Stream stream)
    {
        // Before the octets that end the stream can reach the peer: a fast peer may open the next one at once.
        Retired.Push(stream);
        OpenStreams--;
        _mayOpen = true;
    }
}
