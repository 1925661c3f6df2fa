using MiniGrpc.Wire.Buffers;

namespace MiniGrpc.Wire.Http2.Frames;

/// <summary>
/// DATA: octets of a request or response body (RFC 9113 section 6.1).
/// <code>
/// +---------------+-----------------------------------------------+
/// | Pad Length? 8 |                 Data ...                      |
/// +---------------+-----------------------------------------------+
/// |                    Padding ...                                |
/// +---------------------------------------------------------------+
/// flags: END_STREAM 0x01, PADDED 0x08
/// </code>
/// </summary>
/// <remarks>
/// The only frame under flow control, and all of its payload counts: data, padding and the pad length octet.
/// gRPC messages are cut into DATA frames anywhere, so nothing may be concluded from where a frame ends.
/// </remarks>
internal readonly ref struct DataFrame
{
    private const string Section = "6.1";

    private DataFrame(int streamId, ReadOnlySpan<byte> data, int flowControlledLength, bool endStream)
    {
        StreamId = streamId;
        Data = data;
        FlowControlledLength = flowControlledLength;
        EndStream = endStream;
    }

    /// <summary>The stream that the data belongs to; never 0.</summary>
    public int StreamId { get; }

    /// <summary>The data without padding.</summary>
    public ReadOnlySpan<byte> Data { get; }

    /// <summary>What the frame takes from the windows of stream and connection: the whole payload (section 6.9.1).</summary>
    public int FlowControlledLength { get; }

    /// <summary>Whether the sender sends nothing more on this stream.</summary>
    public bool EndStream { get; }

    /// <summary>Reads a DATA frame: it names a stream, and its padding fits.</summary>
    public static ProtocolError? Parse(in FrameHeader header, ReadOnlySpan<byte> payload, out DataFrame frame)
    {
        frame = default;
        if (header.StreamId == 0)
        {
            return FrameRules.NeedsStream("DATA", Section);
        }

        if (FrameRules.RemovePadding(header, payload, 0, "DATA", Section, out ReadOnlySpan<byte> data) is { } error)
        {
            return error;
        }

        frame = new DataFrame(header.StreamId, data, payload.Length, header.Has(FrameFlags.EndStream));
        return null;
    }

    /// <summary>Writes only the header, for data that is put behind it by somebody else.</summary>
    public static void WriteHeader(Span<byte> nine, int streamId, int length, bool endStream) =>
        new FrameHeader(length, FrameType.Data, endStream ? FrameFlags.EndStream : FrameFlags.None, streamId).Write(nine);

    /// <summary>Writes a frame without padding.</summary>
    public static void Write(OutputBuffer output, int streamId, ReadOnlySpan<byte> data, bool endStream)
    {
        WriteHeader(output.Reserve(FrameHeader.Size), streamId, data.Length, endStream);
        output.Write(data);
    }

    /// <summary>Writes a padded frame: the pad length octet, the data, and 0 to 255 octets of padding.</summary>
    public static void Write(OutputBuffer output, int streamId, ReadOnlySpan<byte> data, bool endStream, byte padLength)
    {
        FrameFlags flags = FrameFlags.Padded | (endStream ? FrameFlags.EndStream : FrameFlags.None);
        new FrameHeader(1 + data.Length + padLength, FrameType.Data, flags, streamId).Write(output);
        output.WriteByte(padLength);
        output.Write(data);
        output.Reserve(padLength).Clear();
    }
}
