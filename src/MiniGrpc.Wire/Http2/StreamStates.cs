using static MiniGrpc.Wire.Http2.StreamTransition;

namespace MiniGrpc.Wire.Http2;

/// <summary>
/// The life of a stream as a table: state × input → next state or error (RFC 9113 section 5.1).
/// <code>
///                          +--------+
///                  send PP |        | recv PP
///                 ,--------+  idle  +--------.
///                /         |        |         \
///               v          +--------+          v
///        +----------+          |           +----------+
///        |          |          | send H /  |          |
/// ,------+ reserved |          | recv H    | reserved +------.
/// |      | (local)  |          |           | (remote) |      |
/// |      +---+------+          v           +------+---+      |
/// |          |             +--------+             |          |
/// |          |     recv ES |        | send ES     |          |
/// |   send H |     ,-------+  open  +-------.     | recv H   |
/// |          |    /        |        |        \    |          |
/// |          v   v         +---+----+         v   v          |
/// |      +----------+          |           +----------+      |
/// |      |   half-  |          |           |   half-  |      |
/// |      |  closed  |          | send R /  |  closed  |      |
/// |      | (remote) |          | recv R    | (local)  |      |
/// |      +----+-----+          |           +-----+----+      |
/// |           | send ES /      |       recv ES / |           |
/// |           | send R /       v        send R / |           |
/// |           | recv R     +--------+   recv R   |           |
/// | send R /  `----------->|        |&lt;-----------'  send R / |
/// | recv R                 | closed |               recv R   |
/// `----------------------->|        |&lt;-----------------------'
///                          +--------+
///
/// H: HEADERS   PP: PUSH_PROMISE (of this stream)   ES: END_STREAM   R: RST_STREAM
/// </code>
/// </summary>
/// <remarks>
/// The state says who may still send, not what: that a response starts with HEADERS, or that trailers end the stream, is
/// judged where messages are put together (section 8.1).
/// </remarks>
internal static class StreamStates
{
    // The columns: the states of the figure, by their first letters.
    private const byte Idl = (byte)StreamState.Idle;
    private const byte RsL = (byte)StreamState.ReservedLocal;
    private const byte RsR = (byte)StreamState.ReservedRemote;
    private const byte Opn = (byte)StreamState.Open;
    private const byte HcL = (byte)StreamState.HalfClosedLocal;
    private const byte HcR = (byte)StreamState.HalfClosedRemote;
    private const byte Cls = (byte)StreamState.Closed;

    // The errors: two of the connection, one of the stream, one of our own.
    private const byte CPE = ConnectionProtocolError;
    private const byte CSC = ConnectionStreamClosed;
    private const byte SSC = StreamStreamClosed;
    private const byte BUG = LocalMistake;

    private const int StateCount = 7;

    /// <summary>A row an input, a column a state.</summary>
    private static ReadOnlySpan<byte> Table =>
    [
        // Idl  RsL  RsR  Opn  HcL  HcR  Cls
        //
        // What we send. In Closed even RST_STREAM is too late: the peer closed the stream first, or it was reset already.
        // HEADERS in Open and HalfClosedRemote: the response, or trailers. WINDOW_UPDATE in HalfClosedRemote is of no use, since
        // the peer sends no more, but it may well be sent: its reader may not have seen END_STREAM yet.
        Opn, HcR, BUG, Opn, BUG, HcR, BUG, // SendHeaders
        HcL, Cls, BUG, HcL, BUG, Cls, BUG, // SendHeadersEndStream
        BUG, BUG, BUG, Opn, BUG, HcR, BUG, // SendData
        BUG, BUG, BUG, HcL, BUG, Cls, BUG, // SendDataEndStream
        RsL, BUG, BUG, BUG, BUG, BUG, BUG, // SendPushPromise
        BUG, Cls, Cls, Cls, Cls, Cls, BUG, // SendRstStream
        BUG, BUG, RsR, Opn, HcL, HcR, BUG, // SendWindowUpdate

        // What the peer sends. HEADERS in Open and HalfClosedLocal: interim responses, the response, or trailers. In HalfClosedRemote
        // the peer itself has said that it would send no more. In Closed it had time enough to know, except after a
        // RST_STREAM of ours: frames that were under way then are let through before this table is asked.
        Opn, CPE, HcL, Opn, HcL, SSC, CSC, // ReceiveHeaders
        HcR, CPE, Cls, HcR, Cls, SSC, CSC, // ReceiveHeadersEndStream
        CPE, CPE, CPE, Opn, HcL, SSC, CSC, // ReceiveData
        CPE, CPE, CPE, HcR, Cls, SSC, CSC, // ReceiveDataEndStream
        RsR, CPE, CPE, CPE, CPE, CPE, CPE, // ReceivePushPromise: only an idle stream can be promised (section 6.6)

        // RST_STREAM and WINDOW_UPDATE cross with our END_STREAM or RST_STREAM, and a peer whose own half has ended still credits
        // ours: allowed everywhere but where nothing was ever sent. ReservedRemote: nothing of ours that could be credited.
        CPE, Cls, Cls, Cls, Cls, Cls, Cls, // ReceiveRstStream
        CPE, RsL, CPE, Opn, HcL, HcR, Cls, // ReceiveWindowUpdate

        // PRIORITY may come in every state and changes none (section 6.3).
        Idl, RsL, RsR, Opn, HcL, HcR, Cls, // ReceivePriority
    ];

    /// <summary>What <paramref name="input"/> does to a stream in <paramref name="state"/>.</summary>
    public static StreamTransition Next(StreamState state, StreamInput input) =>
        new(state, input, Table[((int)input * StateCount) + (int)state]);
}
