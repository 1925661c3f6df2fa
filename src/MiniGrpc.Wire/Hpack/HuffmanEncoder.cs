using System.Buffers.Binary;

namespace MiniGrpc.Wire.Hpack;

/// <summary>
/// Writes string literals in the Huffman code: RFC 7541 section 5.2.
/// </summary>
/// <remarks>
/// The codes follow each other without a gap, most significant bit first; the last octet is filled up with ones.
/// <code>
///   'w'     'w'     'w'     '.'
/// 1111000 1111000 1111000 010111   and so on: octets f1 e3 c2 ..
/// </code>
/// </remarks>
internal static class HuffmanEncoder
{
    /// <summary>The number of octets that <paramref name="text"/> takes in the Huffman code.</summary>
    public static int EncodedLength(ReadOnlySpan<byte> text)
    {
        long bits = 0;
        foreach (byte symbol in text)
        {
            bits += HuffmanCode.LengthOf(symbol);
        }

        return checked((int)((bits + 7) / 8));
    }

    /// <summary>Writes <paramref name="text"/>; <paramref name="destination"/> has exactly its encoded length.</summary>
    public static void Encode(ReadOnlySpan<byte> text, Span<byte> destination)
    {
        ulong pending = 0; // the lowest pendingBits bits wait to be written
        int pendingBits = 0;
        int written = 0;
        foreach (byte symbol in text)
        {
            int length = HuffmanCode.LengthOf(symbol);
            pending = (pending << length) | HuffmanCode.CodeOf(symbol);
            pendingBits += length;

            // At most 31 bits stay behind, so the next code of up to 30 bits always fits into the 64.
            if (pendingBits >= 32)
            {
                pendingBits -= 32;
                BinaryPrimitives.WriteUInt32BigEndian(destination[written..], (uint)(pending >> pendingBits));
                written += 4;
            }
        }

        WriteLastOctets(pending, pendingBits, destination[written..]);
    }

    private static void WriteLastOctets(ulong pending, int pendingBits, Span<byte> destination)
    {
        int paddingBits = -pendingBits & 7;
        pending = (pending << paddingBits) | ((1UL << paddingBits) - 1);
        pendingBits += paddingBits;
        for (int i = 0; pendingBits > 0; i++)
        {
            pendingBits -= 8;
            destination[i] = (byte)(pending >> pendingBits);
        }
    }
}
