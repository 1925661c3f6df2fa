using System.Buffers.Binary;

namespace MiniGrpc.Wire.Grpc;

/// <summary>
/// The five octets in front of every message in the DATA frames of a call (gRPC over HTTP/2,
/// Length-Prefixed-Message). Frame boundaries mean nothing here: a frame may hold many messages, or a piece of one.
/// <code>
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +---------------+-----------------------------------------------+
/// |Compressed-Flag|        Message-Length (32 bits) ...           |
/// +---------------+-----------------------------------------------+
/// |...            |        Message (Message-Length octets) ...
/// +---------------+------------------------------------------------
/// </code>
/// </summary>
/// <param name="Flag">0: the message stands as it is. 1: it is compressed as <c>grpc-encoding</c> says. Nothing else is defined.</param>
/// <param name="Length">How many octets of message follow, as they stand on the wire: the compressed length if compressed.</param>
internal readonly record struct MessagePrefix(byte Flag, uint Length)
{
    /// <summary>The octets that the prefix takes.</summary>
    public const int Size = 5;

    /// <summary>Whether the message has to be decompressed.</summary>
    public bool IsCompressed => Flag == 1;

    /// <summary>The octets that prefix and message take together.</summary>
    public long TotalLength => Size + (long)Length;

    /// <summary>Reads the prefix from the first five octets of <paramref name="five"/>.</summary>
    public static MessagePrefix Read(ReadOnlySpan<byte> five) => new(five[0], BinaryPrimitives.ReadUInt32BigEndian(five[1..]));

    /// <summary>Writes the prefix into the first five octets of <paramref name="five"/>.</summary>
    public static void Write(Span<byte> five, bool compressed, int length)
    {
        BinaryPrimitives.WriteUInt32BigEndian(five[1..], (uint)length);
        five[0] = compressed ? (byte)1 : (byte)0;
    }
}
