using System.Text;
using MiniGrpc.Conformance.Wire.Rfc7541;
using MiniGrpc.Conformance.Wire.Rfc9113;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Hpack;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>A <see cref="SendSide"/> on a bench: what it would send is taken from it as frames.</summary>
internal sealed class SendBench
{
    private readonly HpackDecoder _hpack = new();

    public SendBench(Role role, int connectionWindow = 65_535, int streamWindow = 65_535, AbuseLimits? limits = null)
    {
        Side = new SendSide(role, limits ?? new AbuseLimits());
        Settings((SettingId.InitialWindowSize, (uint)streamWindow));
        if (connectionWindow > 65_535)
        {
            Assert.Null(Side.OnWindowUpdate(null, connectionWindow - 65_535));
        }

        Take();
    }

    public SendSide Side { get; }

    /// <summary>Applies SETTINGS of the peer; answers the change of the streams' windows.</summary>
    public int Settings(params (SettingId Id, uint Value)[] entries)
    {
        (FrameHeader header, byte[] payload) = FrameBytes.Single(FrameBytes.Written(o => SettingsFrame.Write(o, entries)));
        Assert.Null(SettingsFrame.Parse(header, payload, out SettingsFrame frame));
        Assert.Null(Side.ApplySettings(frame, out int delta));
        return delta;
    }

    /// <summary>Opens a stream of a client.</summary>
    public PlainStream Open(bool endStream = false)
    {
        var stream = new PlainStream();
        Assert.Equal(OpenResult.Opened, Side.TryOpen(stream, null, Fields(":method=POST"), endStream));
        return stream;
    }

    /// <summary>Takes in a stream of a server that has sent its header list.</summary>
    public PlainStream Accept(int id, StreamState state = StreamState.HalfClosedRemote)
    {
        PlainStream stream = PlainStream.OfServer(id, state);
        Side.Accept(stream);
        Assert.Equal(SendResult.Accepted, Side.WriteHeaders(stream, null, Fields(":status=200"), endStream: false));
        return stream;
    }

    /// <summary>Hands over <paramref name="octets"/> as a message.</summary>
    public SendResult Write(Http2Stream stream, ReadOnlySpan<byte> octets, bool endStream = false)
    {
        var message = new OutputBuffer();
        message.Write(octets);
        SendResult result = Side.WriteData(stream, message, endStream);
        Assert.Equal(0, message.Length);
        return result;
    }

    public SendResult Write(Http2Stream stream, int length, bool endStream = false) => Write(stream, new byte[length], endStream);

    /// <summary>What one run of the flush loop would send.</summary>
    public List<(FrameHeader Header, byte[] Payload)> Take()
    {
        Side.Produce();
        byte[] octets = Side.Output.WrittenSpan.ToArray();
        Side.Output.Clear();
        return FrameBytes.Split(octets);
    }

    /// <summary>All that would be sent until there is no more.</summary>
    public List<(FrameHeader Header, byte[] Payload)> TakeAll()
    {
        var all = new List<(FrameHeader, byte[])>();
        while (Take() is { Count: > 0 } frames)
        {
            all.AddRange(frames);
        }

        return all;
    }

    /// <summary>The fields of a block, as one text.</summary>
    public string Decode(byte[] block) => string.Join(';', HpackTesting.Decode(_hpack, block).Select(field => $"{field.Name}={field.Value}"));

    public static HeaderList Fields(params ReadOnlySpan<string> fields)
    {
        var list = new HeaderList();
        foreach (string field in fields)
        {
            int equals = field.IndexOf('=', StringComparison.Ordinal);
            list.Add(Encoding.Latin1.GetBytes(field[..equals]), Encoding.Latin1.GetBytes(field[(equals + 1)..]), Indexing.Incremental);
        }

        return list;
    }
}
