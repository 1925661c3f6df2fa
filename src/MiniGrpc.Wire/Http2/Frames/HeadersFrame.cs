using MiniGrpc.Wire.Buffers;

namespace MiniGrpc.Wire.Http2.Frames;

/// <summary>
/// HEADERS: the first piece of a header block, which opens a stream, answers it, or ends it with trailers
/// (RFC 9113 section 6.2).
/// <code>
/// +---------------+-----------------------------------------------+
/// | Pad Length? 8 |
/// +-+-------------+-----------------------------------------------+
/// |E|                 Stream Dependency? (31)                     |   these five octets are there when PRIORITY is set;
/// +-+-------------+-----------------------------------------------+   deprecated, and skipped without a look
/// |  Weight? (8)  |
/// +---------------+-----------------------------------------------+
/// |               Field Block Fragment ...                        |
/// +---------------------------------------------------------------+
/// |               Padding ...                                     |
/// +---------------------------------------------------------------+
/// flags: END_STREAM 0x01, END_HEADERS 0x04, PADDED 0x08, PRIORITY 0x20
/// </code>
/// </summary>
/// <remarks>
/// Without END_HEADERS the block goes on in CONTINUATION frames, and nothing else may come between (section 4.3).
/// END_STREAM stands here even then: CONTINUATION has no such flag.
/// </remarks>
internal readonly ref struct HeadersFrame
{
    private const string Section = "6.2";

    private HeadersFrame(int streamId, ReadOnlySpan<byte> fragment, FrameHeader header)
    {
        StreamId = streamId;
        Fragment = fragment;
        EndStream = header.Has(FrameFlags.EndStream);
        EndHeaders = header.Has(FrameFlags.EndHeaders);
    }

    /// <summary>The stream that the block belongs to; never 0.</summary>
    public int StreamId { get; }

    /// <summary>The first piece of the HPACK block; may be cut anywhere.</summary>
    public ReadOnlySpan<byte> Fragment { get; }

    /// <summary>Whether the stream's sender sends nothing more behind this block.</summary>
    public bool EndStream { get; }

    /// <summary>Whether the block ends here.</summary>
    public bool EndHeaders { get; }

    /// <summary>Reads a HEADERS frame: it names a stream, and padding and priority fit.</summary>
    public static ProtocolError? Parse(in FrameHeader header, ReadOnlySpan<byte> payload, out HeadersFrame frame)
    {
        frame = default;
        if (header.StreamId == 0)
        {
            return FrameRules.NeedsStream("HEADERS", Section);
        }

        int priorityLength = header.Has(FrameFlags.Priority) ? PriorityFrame.PayloadLength : 0;
        if (FrameRules.RemovePadding(header, payload, priorityLength, "HEADERS", Section, out ReadOnlySpan<byte> content) is { } error)
        {
            return error;
        }

        frame = new HeadersFrame(header.StreamId, content[priorityLength..], header);
        return null;
    }

    /// <summary>Leaves room for a frame header; the header block is then encoded behind it, and <see cref="End"/> follows.</summary>
    /// <returns>The offset to hand to <see cref="End"/>.</returns>
    public static int Begin(OutputBuffer output)
    {
        int offset = output.Length;
        output.Reserve(FrameHeader.Size);
        return offset;
    }

    /// <summary>
    /// Writes the header in front of the block that was encoded since <see cref="Begin"/>. A block longer than
    /// <paramref name="maxFrameSize"/> becomes HEADERS and as many CONTINUATION frames as it takes.
    /// </summary>
    public static void End(OutputBuffer output, int offset, int streamId, bool endStream, int maxFrameSize)
    {
        int blockLength = output.Length - offset - FrameHeader.Size;
        FrameFlags flags = endStream ? FrameFlags.EndStream : FrameFlags.None;
        if (blockLength <= maxFrameSize)
        {
            flags |= FrameFlags.EndHeaders;
        }
        else
        {
            SplitIntoContinuations(output, offset + FrameHeader.Size, blockLength, streamId, maxFrameSize);
            blockLength = maxFrameSize;
        }

        new FrameHeader(blockLength, FrameType.Headers, flags, streamId).Write(output.WrittenSpan[offset..]);
    }

    /// <summary>
    /// Makes room for a CONTINUATION header in front of every fragment but the first. Starting from the last one, fragment i
    /// moves up by i headers; each lands behind everything that has yet to move.
    /// </summary>
    private static void SplitIntoContinuations(OutputBuffer output, int start, int blockLength, int streamId, int maxFrameSize)
    {
        int last = (blockLength - 1) / maxFrameSize;
        output.Reserve(last * FrameHeader.Size);
        Span<byte> block = output.WrittenSpan[start..];
        for (int i = last; i > 0; i--)
        {
            Span<byte> fragment = block.Slice(i * maxFrameSize, i == last ? blockLength - (last * maxFrameSize) : maxFrameSize);
            int target = (i * maxFrameSize) + (i * FrameHeader.Size);
            fragment.CopyTo(block[target..]);
            ContinuationFrame.WriteHeader(block[(target - FrameHeader.Size)..], streamId, fragment.Length, endHeaders: i == last);
        }
    }
}
