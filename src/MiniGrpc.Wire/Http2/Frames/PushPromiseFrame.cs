using System.Buffers.Binary;
using MiniGrpc.Wire.Buffers;

namespace MiniGrpc.Wire.Http2.Frames;

/// <summary>
/// PUSH_PROMISE: the server announces a stream that it will start by itself (RFC 9113 section 6.6).
/// <code>
/// +---------------+-----------------------------------------------+
/// | Pad Length? 8 |
/// +-+-------------+-----------------------------------------------+
/// |R|                Promised Stream ID (31)                      |
/// +-+-------------------------------------------------------------+
/// |               Field Block Fragment ...                        |
/// +---------------------------------------------------------------+
/// |               Padding ...                                     |
/// +---------------------------------------------------------------+
/// flags: END_HEADERS 0x04, PADDED 0x08
/// </code>
/// </summary>
/// <remarks>
/// gRPC has no use for push, so a MiniGrpc client turns it off and a MiniGrpc server never promises. The frame is
/// read to name what a peer did wrong, and written by tests that play such a peer.
/// </remarks>
internal readonly ref struct PushPromiseFrame
{
    private const int PromisedStreamIdLength = 4;
    private const string Section = "6.6";

    private PushPromiseFrame(int streamId, int promisedStreamId, ReadOnlySpan<byte> fragment, bool endHeaders)
    {
        StreamId = streamId;
        PromisedStreamId = promisedStreamId;
        Fragment = fragment;
        EndHeaders = endHeaders;
    }

    /// <summary>The client's stream that the promise belongs to; never 0.</summary>
    public int StreamId { get; }

    /// <summary>The stream that is reserved; even and never 0.</summary>
    public int PromisedStreamId { get; }

    /// <summary>The first piece of the HPACK block of the promised request.</summary>
    public ReadOnlySpan<byte> Fragment { get; }

    /// <summary>Whether the block ends here.</summary>
    public bool EndHeaders { get; }

    /// <summary>Reads a PUSH_PROMISE frame: it names a stream, promises one that a server may start, and the padding fits.</summary>
    public static ProtocolError? Parse(in FrameHeader header, ReadOnlySpan<byte> payload, out PushPromiseFrame frame)
    {
        const string Name = "PUSH_PROMISE";
        frame = default;
        if (header.StreamId == 0)
        {
            return FrameRules.NeedsStream(Name, Section);
        }

        if (FrameRules.RemovePadding(header, payload, PromisedStreamIdLength, Name, Section, out ReadOnlySpan<byte> content) is { } error)
        {
            return error;
        }

        int promised = (int)(BinaryPrimitives.ReadUInt32BigEndian(content) & FrameHeader.Mask31);
        if (promised == 0 || (promised & 1) != 0)
        {
            string reason = $"a PUSH_PROMISE frame for stream {promised}, which a server can't start";
            return ProtocolError.Connection(ErrorCode.ProtocolError, Section, reason);
        }

        frame = new PushPromiseFrame(header.StreamId, promised, content[PromisedStreamIdLength..], header.Has(FrameFlags.EndHeaders));
        return null;
    }

    /// <summary>Writes a frame without padding.</summary>
    public static void Write(OutputBuffer output, int streamId, int promisedStreamId, ReadOnlySpan<byte> fragment, bool endHeaders)
    {
        FrameFlags flags = endHeaders ? FrameFlags.EndHeaders : FrameFlags.None;
        new FrameHeader(PromisedStreamIdLength + fragment.Length, FrameType.PushPromise, flags, streamId).Write(output);
        BinaryPrimitives.WriteUInt32BigEndian(output.Reserve(PromisedStreamIdLength), (uint)promisedStreamId);
        output.Write(fragment);
    }
}
