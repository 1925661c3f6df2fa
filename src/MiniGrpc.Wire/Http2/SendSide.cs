using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Wire.Http2;

/// <summary>
/// The outbound half of a connection: everything that is sent passes through here, in the order in which it is to leave.
/// Header blocks and control frames go straight to <see cref="Output"/>; message octets go there when they fit, or wait in
/// their stream's queue until <see cref="Produce"/> pulls them (RFC 9113 sections 4.3, 5.2 and 6.9).
/// </summary>
/// <remarks>
/// Threading: the caller holds the send gate. Allocating a stream identifier, encoding the header block and appending it
/// happen in one call, so blocks leave in the order of identifiers (section 5.1.1) and of the encoder's table (section 4.3).
/// Nothing in here waits, and no user code runs.
/// </remarks>
internal sealed partial class SendSide
{
    /// <summary>
    /// How far DATA fills the output buffer. Small, so that a PING, a RST_STREAM or another stream's reply never waits
    /// behind more than this; large enough that a bulk stream pays one system call for four frames. Beyond these there is room for the
    /// end of a message of 64 KiB: it would cost a system call, a packet and waking the peer up once more for a few octets (measured: a
    /// third of the throughput of such messages).
    /// </summary>
    internal const int OutputCapacity = (64 + 1) * 1024;

    /// <summary>What a stream may send before it is the next one's turn: the frame size that every peer accepts.</summary>
    internal const int Quantum = 16 * 1024;

    /// <summary>A writer waits while more than this is queued on its stream, and less when there are many.</summary>
    internal const int StreamQueueCap = 64 * 1024;

    /// <summary>What the streams of a connection share: a writer that had 64 KiB accepted of a thousand streams would wait long for its next turn.</summary>
    private const int SharedQueueCap = 1024 * 1024;

    /// <summary>
    /// So little that a thousand streams with as much and a message each stay below <see cref="AbuseLimits.SendQueue"/>: writers that found
    /// that reached would send less in a turn than the others (with 4 KiB, messages of 1,000 octets: less than half).
    /// </summary>
    private const int SmallestQueueCap = 2 * 1024;

    private readonly Role _role;
    private readonly AbuseLimits _limits;
    private readonly HeaderBlockEncoder _blocks = new();
    private SendWindow _connectionWindow = new(65_535);
    private WriteScheduler _ready;
    private PingPolicing _pings;

    /// <summary>Creates the outbound half for <paramref name="role"/>.</summary>
    public SendSide(Role role, AbuseLimits limits)
    {
        _role = role;
        _limits = limits;
        _pings = new PingPolicing(limits);
        PeerSettings = new Settings(ofServer: role == Role.Client);
    }

    /// <summary>What leaves next.</summary>
    public OutputBuffer Output { get; private set; } = new();

    /// <summary>Message octets that wait on all streams.</summary>
    public int QueuedOctets { get; private set; }

    /// <summary>DATA octets that have left the queues since the start; tells whether the peer takes anything.</summary>
    public long SentOctets { get; private set; }

    /// <summary>The peer's settings as we have acknowledged them.</summary>
    public Settings PeerSettings { get; }

    /// <summary>Whether the connection has ended: nothing is accepted any more.</summary>
    public bool IsClosed { get; private set; }

    /// <summary>Whether anything waits in <see cref="Output"/> or could be pulled into it.</summary>
    public bool HasWork => Output.Length > 0 || (!_ready.IsEmpty && _connectionWindow.Available > 0);

    /// <summary>How much may be queued on a stream before its writer waits: less when the connection as a whole is behind.</summary>
    private int QueueCap => QueuedOctets > _limits.SendQueue
        ? 0
        : Math.Clamp(SharedQueueCap / Math.Max(1, OpenStreams), SmallestQueueCap, StreamQueueCap);

    /// <summary>Takes what leaves next, and puts <paramref name="empty"/> in its place.</summary>
    public OutputBuffer TakeOutput(OutputBuffer empty)
    {
        OutputBuffer output = Output;
        Output = empty;
        _unsentAnswers = 0;
        return output;
    }

    /// <summary>Sends a stream's first header list, or trailers when <paramref name="endStream"/> is set and nothing is queued.</summary>
    public SendResult WriteHeaders(Http2Stream stream, PreparedFields? prepared, HeaderList? fields, bool endStream)
    {
        if (IsClosed || !Apply(stream, endStream ? StreamInput.SendHeadersEndStream : StreamInput.SendHeaders))
        {
            return SendResult.Closed;
        }

        EncodeBlock(stream, prepared, fields, endStream);
        if (endStream)
        {
            OnEndStreamSent(stream);
        }

        return SendResult.Accepted;
    }

    /// <summary>
    /// Accepts a message (prefix and payload). It is copied to the output buffer at once when windows and room allow,
    /// else its memory moves to the stream's queue; either way <paramref name="message"/> is empty afterwards.
    /// </summary>
    public SendResult WriteData(Http2Stream stream, OutputBuffer message, bool endStream)
    {
        if (IsClosed || stream.EndQueued || !Apply(stream, StreamInput.SendData))
        {
            message.Clear();
            return SendResult.Closed;
        }

        int length = message.Length;
        if (stream.SendQueue.Length == 0 && FitsNow(stream, length))
        {
            AppendData(stream, message.WrittenSpan, endStream);
            message.Clear();
            return SendResult.Accepted;
        }

        QueuedOctets += length;
        stream.SendQueue.Append(message);
        stream.EndQueued = endStream;
        Schedule(stream);
        if (stream.SendQueue.Length <= QueueCap)
        {
            return SendResult.Accepted;
        }

        stream.WriterWaits = true;
        return SendResult.AcceptedFull;
    }

    /// <summary>Ends our half after what is queued, without trailers: how a client half-closes.</summary>
    public SendResult EndStream(Http2Stream stream)
    {
        if (IsClosed || stream.EndQueued || !Apply(stream, StreamInput.SendData))
        {
            return SendResult.Closed;
        }

        if (stream.SendQueue.Length > 0)
        {
            stream.EndQueued = true;
        }
        else
        {
            AppendData(stream, [], endStream: true);
        }

        return SendResult.Accepted;
    }

    /// <summary>Ends our half after what is queued with trailers. <paramref name="fields"/> is ours from here on.</summary>
    public SendResult WriteTrailers(Http2Stream stream, PreparedFields? prepared, HeaderList? fields)
    {
        if (IsClosed || stream.EndQueued || stream.SendQueue.Length == 0)
        {
            SendResult result = stream.EndQueued ? SendResult.Closed : WriteHeaders(stream, prepared, fields, endStream: true);
            fields?.Release();
            return result;
        }

        stream.EndQueued = true;
        stream.QueuedTrailersPrepared = prepared;
        stream.QueuedTrailers = fields;
        return SendResult.Accepted;
    }

    /// <summary>Closes a stream at once with RST_STREAM (section 6.4). Answers whether this call closed it.</summary>
    public bool Reset(Http2Stream stream, ErrorCode code)
    {
        if (IsClosed)
        {
            return false;
        }

        // Before the state changes: the receive loop may judge a frame of this stream at any moment.
        stream.WasResetByUs = true;
        if (!Apply(stream, StreamInput.SendRstStream, out bool closedNow) || !closedNow)
        {
            return false;
        }

        DropQueue(stream);
        RstStreamFrame.Write(Output, stream.Id, code);
        _unsentAnswers += ControlFrameSize;
        Retire(stream);
        return true;
    }

    /// <summary>Forgets what a stream that the peer has closed still wanted to send.</summary>
    public void DropQueue(Http2Stream stream)
    {
        QueuedOctets -= stream.SendQueue.Length;
        stream.SendQueue.Clear();
        stream.QueuedTrailers?.Release();
        stream.QueuedTrailers = null;
        stream.EndQueued = true;
        if (stream.WriterWaits)
        {
            stream.WriterWaits = false;
            stream.OnSendCapacity();
        }
    }

    /// <summary>Ends everything: the connection is gone.</summary>
    public void Close()
    {
        IsClosed = true;
        while (_ready.Dequeue() is not null)
        {
        }

        Output.Release();
    }

    private void EncodeBlock(Http2Stream stream, PreparedFields? prepared, HeaderList? fields, bool endStream)
    {
        int offset = HeadersFrame.Begin(Output);
        _blocks.Encode(Output, prepared, fields);
        HeadersFrame.End(Output, offset, stream.Id, endStream, (int)PeerSettings.MaxFrameSize);
        _pings.OnContentSent();
    }

    /// <summary>
    /// Our half is closed. A server that has answered before the request was read to its end asks the client to stop
    /// sending: RST_STREAM with NO_ERROR after the complete response (section 8.1).
    /// </summary>
    private void OnEndStreamSent(Http2Stream stream)
    {
        stream.EndQueued = true;
        StreamState state = stream.State.Current;
        if (state == StreamState.HalfClosedLocal && _role == Role.Server)
        {
            Reset(stream, ErrorCode.NoError);
        }
    }

    private bool Apply(Http2Stream stream, StreamInput input) => Apply(stream, input, out _);

    private bool Apply(Http2Stream stream, StreamInput input, out bool closedNow)
    {
        StreamTransition transition = stream.State.Apply(input);
        closedNow = transition.IsAllowed && transition.BecameClosed;
        if (closedNow && input != StreamInput.SendRstStream)
        {
            Retire(stream);
        }

        return transition.IsAllowed;
    }
}
