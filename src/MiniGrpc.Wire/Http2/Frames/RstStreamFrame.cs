using System.Buffers.Binary;
using MiniGrpc.Wire.Buffers;

namespace MiniGrpc.Wire.Http2.Frames;

/// <summary>
/// RST_STREAM: ends a stream at once, in both directions (RFC 9113 section 6.4).
/// <code>
/// +---------------------------------------------------------------+
/// |                        Error Code (32)                        |
/// +---------------------------------------------------------------+
/// flags: none
/// </code>
/// </summary>
/// <remarks>
/// Never sent for an idle stream, and never in answer to a RST_STREAM (section 5.4.2).
/// </remarks>
internal readonly struct RstStreamFrame
{
    private const int PayloadLength = 4;
    private const string Section = "6.4";

    private RstStreamFrame(int streamId, ErrorCode errorCode)
    {
        StreamId = streamId;
        ErrorCode = errorCode;
    }

    /// <summary>The stream that ends; never 0.</summary>
    public int StreamId { get; }

    /// <summary>Why it ends; may be a code that RFC 9113 doesn't know.</summary>
    public ErrorCode ErrorCode { get; }

    /// <summary>Reads a RST_STREAM frame: it names a stream and has four octets.</summary>
    public static ProtocolError? Parse(in FrameHeader header, ReadOnlySpan<byte> payload, out RstStreamFrame frame)
    {
        frame = default;
        if (header.StreamId == 0)
        {
            return FrameRules.NeedsStream("RST_STREAM", Section);
        }

        if (payload.Length != PayloadLength)
        {
            return FrameRules.WrongLength("RST_STREAM", Section, payload.Length);
        }

        frame = new RstStreamFrame(header.StreamId, (ErrorCode)BinaryPrimitives.ReadUInt32BigEndian(payload));
        return null;
    }

    /// <summary>Writes the frame.</summary>
    public static void Write(OutputBuffer output, int streamId, ErrorCode errorCode)
    {
        new FrameHeader(PayloadLength, FrameType.RstStream, FrameFlags.None, streamId).Write(output);
        BinaryPrimitives.WriteUInt32BigEndian(output.Reserve(PayloadLength), (uint)errorCode);
    }
}
