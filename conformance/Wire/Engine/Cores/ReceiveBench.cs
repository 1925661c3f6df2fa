using System.Text;
using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Hpack;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>
/// A <see cref="ReceiveSide"/> on a bench: frames are written to it by hand, and everything that it reports stands in
/// <see cref="Log"/>, one line each, in order.
/// </summary>
internal sealed class ReceiveBench : IReceiveSink
{
    private readonly StreamStack _retired = new();
    private readonly HpackEncoder _hpack = new();
    private Http2Stream? _opened;

    public ReceiveBench(Role role, ReceiveLimits? limits = null, bool started = true)
    {
        Side = new ReceiveSide(role, limits ?? new ReceiveLimits(), this, _retired);
        if (started)
        {
            Feed(Frames(o => SettingsFrame.Write(o, [])));
            Log.Clear();
        }
    }

    public ReceiveSide Side { get; }

    public List<string> Log { get; } = [];

    /// <summary>Every stream there ever was, by identifier.</summary>
    public Dictionary<int, PlainStream> All { get; } = [];

    /// <summary>The clock, in milliseconds.</summary>
    public long Now { get; set; }

    /// <summary>Whether too many answers wait to be sent.</summary>
    public bool IsBacklogged { get; set; }

    /// <summary>Whether streams of the peer are refused.</summary>
    public bool Refuses { get; set; }

    /// <summary>The octets of frames.</summary>
    public static byte[] Frames(Action<OutputBuffer> write)
    {
        var output = new OutputBuffer();
        write(output);
        return output.WrittenSpan.ToArray();
    }

    /// <summary>A HEADERS frame; fields are written as name=value.</summary>
    public byte[] Headers(int id, bool endStream, params ReadOnlySpan<string> fields)
    {
        byte[] block = Block(fields);
        return Frames(o =>
        {
            int offset = HeadersFrame.Begin(o);
            o.Write(block);
            HeadersFrame.End(o, offset, id, endStream, 16_384);
        });
    }

    /// <summary>The HEADERS frame of a well-formed request.</summary>
    public byte[] Request(int id, bool endStream = false, params ReadOnlySpan<string> more) =>
        Headers(id, endStream, [":method=POST", ":scheme=http", ":path=/a/B", .. more]);

    /// <summary>A header block from the one encoder of this connection.</summary>
    public byte[] Block(params ReadOnlySpan<string> fields)
    {
        var output = new OutputBuffer();
        _hpack.BeginBlock(output);
        foreach (string field in fields)
        {
            int equals = field.IndexOf('=', StringComparison.Ordinal);
            _hpack.Encode(
                output, Encoding.Latin1.GetBytes(field[..equals]), Encoding.Latin1.GetBytes(field[(equals + 1)..]), Indexing.Incremental);
        }

        return output.WrittenSpan.ToArray();
    }

    /// <summary>Feeds octets that must all be consumed, and returns the connection error if there is one.</summary>
    public ProtocolError? Feed(byte[] octets)
    {
        int consumed = Side.Receive(octets, Now);
        Assert.True(Side.Error is not null || consumed == octets.Length, $"{consumed} octets of {octets.Length} were consumed");
        return Side.Error;
    }

    /// <summary>Feeds octets in pieces, as a transport would deliver them: what was not consumed comes again.</summary>
    public void FeedInPieces(byte[] octets, params IEnumerable<int> cuts)
    {
        int consumed = 0;
        foreach (int cut in cuts.Append(octets.Length))
        {
            consumed += Side.Receive(octets.AsSpan(consumed..cut), Now);
        }
    }

    /// <summary>Opens a stream as a client does: from the other half, which the receive loop hears of when it asks.</summary>
    public PlainStream Open(int id, bool endStream = false)
    {
        var stream = new PlainStream(Log) { Id = id, NextOpened = _opened };
        stream.State.Apply(endStream ? StreamInput.SendHeadersEndStream : StreamInput.SendHeaders);
        All[id] = stream;
        _opened = stream;
        return stream;
    }

    /// <summary>Closes a stream from the other half.</summary>
    public void Reset(Http2Stream stream)
    {
        stream.WasResetByUs = true;
        if (stream.State.Apply(StreamInput.SendRstStream).BecameClosed)
        {
            _retired.Push(stream);
        }
    }

    Http2Stream? IReceiveSink.OpenStream(int id) => Refuses ? null : All[id] = new PlainStream(Log);

    Http2Stream? IReceiveSink.TakeOpened()
    {
        Http2Stream? opened = _opened;
        _opened = null;
        return opened;
    }

    void IReceiveSink.OnClosed(Http2Stream stream) => Log.Add($"{stream.Id}: closed");

    void IReceiveSink.OnStreamError(Http2Stream? stream, ProtocolError error)
    {
        Log.Add($"{error.StreamId}: stream error {error.Code} {error.Section}");
        if (stream is not null)
        {
            Reset(stream);
        }
    }

    ProtocolError? IReceiveSink.OnSettings(in SettingsFrame frame)
    {
        string entries = "";
        for (int i = 0; i < frame.Count; i++)
        {
            entries += $" {(SettingId)frame[i].Identifier}={frame[i].Value}";
        }

        Log.Add("settings" + entries);
        return null;
    }

    void IReceiveSink.OnSettingsAcknowledged() => Log.Add("settings acknowledged");

    ProtocolError? IReceiveSink.OnPing(in PingFrame frame, long now)
    {
        Log.Add($"ping {frame.OpaqueData}{(frame.IsAck ? " ACK" : "")}");
        return null;
    }

    void IReceiveSink.OnGoAway(in GoAwayFrame frame) => Log.Add($"goaway {frame.LastStreamId} {frame.ErrorCode}");

    ProtocolError? IReceiveSink.OnWindowUpdate(Http2Stream? stream, int increment)
    {
        Log.Add($"{stream?.Id ?? 0}: window +{increment}");
        return null;
    }

    ProtocolError? IReceiveSink.OnLateWindowUpdate()
    {
        Log.Add("late window");
        return null;
    }

    void IReceiveSink.OnConnectionCredit(int increment, bool withPing) => Log.Add($"credit {increment}{(withPing ? " and a PING" : "")}");
}
