using System.Buffers.Binary;
using MiniGrpc.Wire.Buffers;

namespace MiniGrpc.Wire.Http2.Frames;

/// <summary>
/// The nine octets that every frame starts with (RFC 9113 section 4.1).
/// <code>
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-----------------------------------------------+---------------+
/// |                  Length (24)                  |   Type (8)    |
/// +---------------+-------------------------------+---------------+
/// |   Flags (8)   |
/// +-+-------------+-----------------------------------------------+
/// |R|                     Stream Identifier (31)                  |
/// +-+-------------------------------------------------------------+
/// |                     Payload (Length octets) ...
/// </code>
/// </summary>
/// <param name="Length">The octets of payload behind these nine, 0 to 2^24-1. Anything above MAX_FRAME_SIZE is an error.</param>
/// <param name="Type">The kind of frame; unknown kinds keep their number.</param>
/// <param name="Flags">The flags; unknown ones keep their bit.</param>
/// <param name="StreamId">The stream, or 0 for the connection as a whole.</param>
internal readonly record struct FrameHeader(int Length, FrameType Type, FrameFlags Flags, int StreamId)
{
    /// <summary>The length of a frame header in octets.</summary>
    public const int Size = 9;

    /// <summary>The 31 bits of a stream identifier, a window increment and the like: all but the reserved bit R.</summary>
    internal const uint Mask31 = 0x7fff_ffff;

    /// <summary>Reads a header. Any nine octets are one; the reserved bit is ignored.</summary>
    public static FrameHeader Read(ReadOnlySpan<byte> nineOctets)
    {
        uint lengthAndType = BinaryPrimitives.ReadUInt32BigEndian(nineOctets);
        uint streamId = BinaryPrimitives.ReadUInt32BigEndian(nineOctets[5..]) & Mask31;
        return new FrameHeader((int)(lengthAndType >> 8), (FrameType)(byte)lengthAndType, (FrameFlags)nineOctets[4], (int)streamId);
    }

    /// <summary>Writes the header, with the reserved bit as 0.</summary>
    public void Write(Span<byte> nineOctets)
    {
        BinaryPrimitives.WriteUInt32BigEndian(nineOctets, ((uint)Length << 8) | (byte)Type);
        nineOctets[4] = (byte)Flags;
        BinaryPrimitives.WriteUInt32BigEndian(nineOctets[5..], (uint)StreamId & Mask31);
    }

    /// <summary>Appends the header to <paramref name="output"/>.</summary>
    public void Write(OutputBuffer output) => Write(output.Reserve(Size));

    /// <summary>Whether <paramref name="flag"/> is set.</summary>
    public bool Has(FrameFlags flag) => (Flags & flag) != 0;
}
