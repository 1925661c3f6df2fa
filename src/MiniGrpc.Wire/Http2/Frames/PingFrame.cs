using System.Buffers.Binary;
using MiniGrpc.Wire.Buffers;

namespace MiniGrpc.Wire.Http2.Frames;

/// <summary>
/// PING: a round trip, to see whether the peer lives and how far away it is (RFC 9113 section 6.7).
/// <code>
/// +---------------------------------------------------------------+
/// |                                                               |
/// |                      Opaque Data (64)                         |
/// |                                                               |
/// +---------------------------------------------------------------+
/// flags: ACK 0x01
/// </code>
/// </summary>
/// <remarks>
/// A PING without ACK is answered with the same eight octets and ACK set, ahead of other frames; a PING with ACK is
/// never answered.
/// </remarks>
internal readonly struct PingFrame
{
    private const int PayloadLength = 8;
    private const string Section = "6.7";

    private PingFrame(bool isAck, ulong opaqueData)
    {
        IsAck = isAck;
        OpaqueData = opaqueData;
    }

    /// <summary>Whether this is the answer to a PING of ours.</summary>
    public bool IsAck { get; }

    /// <summary>The eight octets, first one highest: whatever the sender likes to tell its PINGs apart.</summary>
    public ulong OpaqueData { get; }

    /// <summary>Reads a PING frame: on stream 0, with eight octets.</summary>
    public static ProtocolError? Parse(in FrameHeader header, ReadOnlySpan<byte> payload, out PingFrame frame)
    {
        frame = default;
        if (header.StreamId != 0)
        {
            return FrameRules.NeedsStreamZero("PING", Section, header.StreamId);
        }

        if (payload.Length != PayloadLength)
        {
            return FrameRules.WrongLength("PING", Section, payload.Length);
        }

        frame = new PingFrame(header.Has(FrameFlags.Ack), BinaryPrimitives.ReadUInt64BigEndian(payload));
        return null;
    }

    /// <summary>Writes the frame.</summary>
    public static void Write(OutputBuffer output, bool isAck, ulong opaqueData)
    {
        new FrameHeader(PayloadLength, FrameType.Ping, isAck ? FrameFlags.Ack : FrameFlags.None, 0).Write(output);
        BinaryPrimitives.WriteUInt64BigEndian(output.Reserve(PayloadLength), opaqueData);
    }
}
