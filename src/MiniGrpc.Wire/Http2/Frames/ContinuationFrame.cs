using MiniGrpc.Wire.Buffers;

namespace MiniGrpc.Wire.Http2.Frames;

/// <summary>
/// CONTINUATION: the next piece of a header block that did not fit into the frame before (RFC 9113 section 6.10).
/// <code>
/// +---------------------------------------------------------------+
/// |               Field Block Fragment ...                        |
/// +---------------------------------------------------------------+
/// flags: END_HEADERS 0x04
/// </code>
/// </summary>
/// <remarks>
/// Follows HEADERS, PUSH_PROMISE or CONTINUATION of the same stream that had no END_HEADERS, with nothing in between;
/// that is judged by whoever saw the frame before.
/// </remarks>
internal readonly ref struct ContinuationFrame
{
    private ContinuationFrame(int streamId, ReadOnlySpan<byte> fragment, bool endHeaders)
    {
        StreamId = streamId;
        Fragment = fragment;
        EndHeaders = endHeaders;
    }

    /// <summary>The stream that the block belongs to; never 0.</summary>
    public int StreamId { get; }

    /// <summary>The next piece of the HPACK block.</summary>
    public ReadOnlySpan<byte> Fragment { get; }

    /// <summary>Whether the block ends here.</summary>
    public bool EndHeaders { get; }

    /// <summary>Reads a CONTINUATION frame: it names a stream; any payload will do.</summary>
    public static ProtocolError? Parse(in FrameHeader header, ReadOnlySpan<byte> payload, out ContinuationFrame frame)
    {
        frame = default;
        if (header.StreamId == 0)
        {
            return FrameRules.NeedsStream("CONTINUATION", "6.10");
        }

        frame = new ContinuationFrame(header.StreamId, payload, header.Has(FrameFlags.EndHeaders));
        return null;
    }

    /// <summary>Writes only the header, for a fragment that already stands behind it.</summary>
    public static void WriteHeader(Span<byte> nine, int streamId, int length, bool endHeaders) =>
        new FrameHeader(length, FrameType.Continuation, endHeaders ? FrameFlags.EndHeaders : FrameFlags.None, streamId).Write(nine);

    /// <summary>Writes the frame.</summary>
    public static void Write(OutputBuffer output, int streamId, ReadOnlySpan<byte> fragment, bool endHeaders)
    {
        WriteHeader(output.Reserve(FrameHeader.Size), streamId, fragment.Length, endHeaders);
        output.Write(fragment);
    }
}
