using System.Buffers.Binary;
using MiniGrpc.Wire.Buffers;

namespace MiniGrpc.Wire.Http2.Frames;

/// <summary>
/// GOAWAY: no new streams, either because of an error or in order to shut down (RFC 9113 section 6.8).
/// <code>
/// +-+-------------------------------------------------------------+
/// |R|                  Last-Stream-ID (31)                        |
/// +-+-------------------------------------------------------------+
/// |                      Error Code (32)                          |
/// +---------------------------------------------------------------+
/// |                  Additional Debug Data ...                    |
/// +---------------------------------------------------------------+
/// flags: none
/// </code>
/// </summary>
/// <remarks>
/// Streams of the receiver above Last-Stream-ID were not and will not be processed, so it is safe to try them elsewhere.
/// A graceful shutdown sends 2^31-1 first, and the true number a round trip later.
/// </remarks>
internal readonly ref struct GoAwayFrame
{
    private const int FixedLength = 8;
    private const string Section = "6.8";

    private GoAwayFrame(int lastStreamId, ErrorCode errorCode, ReadOnlySpan<byte> debugData)
    {
        LastStreamId = lastStreamId;
        ErrorCode = errorCode;
        DebugData = debugData;
    }

    /// <summary>The highest stream of the receiver that its sender has acted on or may yet act on; 0 for none.</summary>
    public int LastStreamId { get; }

    /// <summary>Why; <see cref="ErrorCode.NoError"/> for a graceful shutdown.</summary>
    public ErrorCode ErrorCode { get; }

    /// <summary>Octets for people; no meaning, no encoding, not to be trusted.</summary>
    public ReadOnlySpan<byte> DebugData { get; }

    /// <summary>Reads a GOAWAY frame: on stream 0, with at least eight octets.</summary>
    public static ProtocolError? Parse(in FrameHeader header, ReadOnlySpan<byte> payload, out GoAwayFrame frame)
    {
        frame = default;
        if (header.StreamId != 0)
        {
            return FrameRules.NeedsStreamZero("GOAWAY", Section, header.StreamId);
        }

        if (payload.Length < FixedLength)
        {
            return FrameRules.WrongLength("GOAWAY", Section, payload.Length);
        }

        int lastStreamId = (int)(BinaryPrimitives.ReadUInt32BigEndian(payload) & FrameHeader.Mask31);
        var errorCode = (ErrorCode)BinaryPrimitives.ReadUInt32BigEndian(payload[4..]);
        frame = new GoAwayFrame(lastStreamId, errorCode, payload[FixedLength..]);
        return null;
    }

    /// <summary>Writes the frame.</summary>
    public static void Write(OutputBuffer output, int lastStreamId, ErrorCode errorCode, ReadOnlySpan<byte> debugData = default)
    {
        new FrameHeader(FixedLength + debugData.Length, FrameType.GoAway, FrameFlags.None, 0).Write(output);
        Span<byte> fields = output.Reserve(FixedLength);
        BinaryPrimitives.WriteUInt32BigEndian(fields, (uint)lastStreamId);
        BinaryPrimitives.WriteUInt32BigEndian(fields[4..], (uint)errorCode);
        output.Write(debugData);
    }
}
