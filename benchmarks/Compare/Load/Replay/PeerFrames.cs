using System.Buffers;
using System.Buffers.Binary;

namespace MiniGrpc.Benchmarks.Compare.Load.Replay;

/// <summary>
/// The server's frames (RFC 9113 section 4.1), of which mostly the header is looked at: length (24), type (8), flags (8), stream
/// (31). What needs an answer gets it: SETTINGS, PING, and DATA, which uses up the connection's window.
/// </summary>
/// <param name="output">Where answers go.</param>
internal sealed class PeerFrames(IBufferWriter<byte> output)
{
    private const int HeaderSize = 9;
    private const int DefaultWindow = 65_535;
    private const byte EndStream = 0x1;
    private const byte Ack = 0x1;
    private const int MaxConcurrentStreamsSetting = 3;

    // The largest window there is (RFC 9113 section 6.9.1); it is filled up again when half of it is gone.
    private const int ReceiveWindow = int.MaxValue;

    private long _unacknowledged = ReceiveWindow - DefaultWindow;

    private enum FrameType : byte
    {
        Data = 0,
        Headers = 1,
        ResetStream = 3,
        Settings = 4,
        Ping = 6,
        GoAway = 7,
        WindowUpdate = 8,
    }

    /// <summary>How much DATA may be sent on the connection. A stream's own window has room for any request that is replayed.</summary>
    public long SendWindow { get; set; } = DefaultWindow;

    /// <summary>How many streams the server allows; null until it has sent its SETTINGS.</summary>
    public long? MaxConcurrentStreams { get; private set; }

    /// <summary>Octets of DATA, on all streams.</summary>
    public long DataReceived { get; private set; }

    /// <summary>What a client begins with (RFC 9113 section 3.4): a text, SETTINGS without any, and all the window that there can be.</summary>
    public void WritePreface()
    {
        output.Write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8);
        WriteHeader(0, FrameType.Settings, 0);
        WriteCredit();
    }

    /// <summary>
    /// Takes the next frame off <paramref name="input"/>, unless it isn't whole yet. Gives the stream that it ends, or 0.
    /// </summary>
    public bool TryTake(ref ReadOnlySpan<byte> input, out int endedStream)
    {
        endedStream = 0;
        if (input.Length < HeaderSize)
        {
            return false;
        }

        int end = HeaderSize + (int)(BinaryPrimitives.ReadUInt32BigEndian(input) >> 8);
        if (input.Length < end)
        {
            return false;
        }

        var type = (FrameType)input[3];
        byte flags = input[4];
        ReadOnlySpan<byte> payload = input[HeaderSize..end];
        int stream = BinaryPrimitives.ReadInt32BigEndian(input[5..]) & int.MaxValue;
        input = input[end..];
        if (type is FrameType.Data or FrameType.Headers)
        {
            CountData(type == FrameType.Data ? payload.Length : 0);
            endedStream = (flags & EndStream) != 0 ? stream : 0;
        }
        else
        {
            TakeControl(type, flags, stream, payload);
        }

        return true;
    }

    private void TakeControl(FrameType type, byte flags, int stream, ReadOnlySpan<byte> payload)
    {
        switch (type)
        {
            case FrameType.Settings when (flags & Ack) == 0:
                Apply(payload);
                WriteHeader(0, FrameType.Settings, Ack);
                break;
            case FrameType.Ping when (flags & Ack) == 0:
                WriteHeader(payload.Length, FrameType.Ping, Ack);
                output.Write(payload);
                break;
            case FrameType.WindowUpdate when stream == 0:
                SendWindow += BinaryPrimitives.ReadUInt32BigEndian(payload);
                break;
            case FrameType.ResetStream:
                throw new InvalidDataException($"The server has reset stream {stream} with error {BinaryPrimitives.ReadUInt32BigEndian(payload)}.");
            case FrameType.GoAway:
                throw new InvalidDataException($"The server closes the connection with error {BinaryPrimitives.ReadUInt32BigEndian(payload[4..])}.");
        }
    }

    /// <summary>Entries of 6 octets: what (16), value (32).</summary>
    private void Apply(ReadOnlySpan<byte> settings)
    {
        MaxConcurrentStreams ??= uint.MaxValue;
        for (; !settings.IsEmpty; settings = settings[6..])
        {
            if (BinaryPrimitives.ReadUInt16BigEndian(settings) == MaxConcurrentStreamsSetting)
            {
                MaxConcurrentStreams = BinaryPrimitives.ReadUInt32BigEndian(settings[2..]);
            }
        }
    }

    private void CountData(int length)
    {
        DataReceived += length;
        _unacknowledged += length;
        if (_unacknowledged > ReceiveWindow / 2)
        {
            WriteCredit();
        }
    }

    private void WriteCredit()
    {
        WriteHeader(sizeof(int), FrameType.WindowUpdate, 0);
        BinaryPrimitives.WriteInt32BigEndian(output.GetSpan(sizeof(int)), (int)_unacknowledged);
        output.Advance(sizeof(int));
        _unacknowledged = 0;
    }

    /// <summary>A header for a frame of the connection.</summary>
    private void WriteHeader(int length, FrameType type, byte flags) => output.Write<byte>([0, 0, (byte)length, (byte)type, flags, 0, 0, 0, 0]);
}
