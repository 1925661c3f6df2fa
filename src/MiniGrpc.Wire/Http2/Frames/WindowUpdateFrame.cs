using System.Buffers.Binary;
using MiniGrpc.Wire.Buffers;

namespace MiniGrpc.Wire.Http2.Frames;

/// <summary>
/// WINDOW_UPDATE: credit for more DATA, on one stream or on the connection as a whole (RFC 9113 section 6.9).
/// <code>
/// +-+-------------------------------------------------------------+
/// |R|              Window Size Increment (31)                     |
/// +-+-------------------------------------------------------------+
/// flags: none
/// </code>
/// </summary>
/// <remarks>
/// DATA takes from both windows, so both have to be credited. An increment of 0 is an error: of the stream when the
/// frame names one, else of the connection.
/// </remarks>
internal readonly struct WindowUpdateFrame
{
    private const int PayloadLength = 4;
    private const string Section = "6.9";

    private WindowUpdateFrame(int streamId, int increment)
    {
        StreamId = streamId;
        Increment = increment;
    }

    /// <summary>The stream that is credited, or 0 for the connection.</summary>
    public int StreamId { get; }

    /// <summary>How many octets more may be sent; 1 to 2^31-1.</summary>
    public int Increment { get; }

    /// <summary>Reads a WINDOW_UPDATE frame: four octets, and an increment that is not 0.</summary>
    public static ProtocolError? Parse(in FrameHeader header, ReadOnlySpan<byte> payload, out WindowUpdateFrame frame)
    {
        frame = default;
        if (payload.Length != PayloadLength)
        {
            return FrameRules.WrongLength("WINDOW_UPDATE", Section, payload.Length);
        }

        int increment = (int)(BinaryPrimitives.ReadUInt32BigEndian(payload) & FrameHeader.Mask31);
        if (increment == 0)
        {
            const string Reason = "a WINDOW_UPDATE frame with an increment of 0";
            return header.StreamId == 0
                ? ProtocolError.Connection(ErrorCode.ProtocolError, Section, Reason)
                : ProtocolError.Stream(header.StreamId, ErrorCode.ProtocolError, Section, Reason);
        }

        frame = new WindowUpdateFrame(header.StreamId, increment);
        return null;
    }

    /// <summary>Writes the frame; <paramref name="streamId"/> 0 credits the connection.</summary>
    public static void Write(OutputBuffer output, int streamId, int increment)
    {
        new FrameHeader(PayloadLength, FrameType.WindowUpdate, FrameFlags.None, streamId).Write(output);
        BinaryPrimitives.WriteUInt32BigEndian(output.Reserve(PayloadLength), (uint)increment);
    }
}
