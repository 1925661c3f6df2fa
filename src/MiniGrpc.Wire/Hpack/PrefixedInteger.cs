using System.Runtime.CompilerServices;
using MiniGrpc.Wire.Buffers;

namespace MiniGrpc.Wire.Hpack;

/// <summary>
/// An integer that begins within an octet: RFC 7541 section 5.1.
/// </summary>
/// <remarks>
/// A value below the prefix's maximum (all ones) stands in the prefix itself. Otherwise the prefix is all ones, and the
/// value less that maximum follows in groups of 7 bits, lowest first; a high bit of 1 announces a further octet.
/// <code>
///   0   1   2   3   4   5   6   7
/// +---+---+---+---+---+---+---+---+
/// | flags     | 1   1   1   1   1 |   a prefix of 5 bits, full
/// +---+---------------------------+
/// | 1 |    lowest 7 bits          |
/// +---+---------------------------+
///                ...
/// +---+---------------------------+
/// | 0 |    highest 7 bits         |
/// +---+---------------------------+
/// </code>
/// </remarks>
internal static class PrefixedInteger
{
    /// <summary>
    /// Five groups of 7 bits hold any value up to 2^31-1. The form allows endless octets of zeros behind it
    /// (<c>80 80 80 ..</c>); reading on would let a peer burn time for nothing.
    /// </summary>
    private const int MaximumContinuationOctets = 5;

    /// <summary>Reads the integer that begins in the octet at <paramref name="position"/> and moves behind it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)] // the prefix is a constant of each caller, and one octet is the rule
    public static HpackError? Read(ReadOnlySpan<byte> block, ref int position, int prefixBits, out int value)
    {
        if ((uint)position >= (uint)block.Length)
        {
            value = 0;
            return HpackError.IntegerTruncated;
        }

        int maximum = (1 << prefixBits) - 1;
        value = block[position++] & maximum;
        return value < maximum ? null : ReadContinuation(block, ref position, ref value);
    }

    /// <summary>Writes <paramref name="value"/>; <paramref name="flags"/> are the bits in front of the prefix.</summary>
    public static void Write(OutputBuffer output, byte flags, int prefixBits, int value)
    {
        int maximum = (1 << prefixBits) - 1;
        if (value < maximum)
        {
            output.WriteByte((byte)(flags | value));
            return;
        }

        output.WriteByte((byte)(flags | maximum));
        uint rest = (uint)(value - maximum);
        for (; rest >= 0x80; rest >>= 7)
        {
            output.WriteByte((byte)(rest | 0x80));
        }

        output.WriteByte((byte)rest);
    }

    private static HpackError? ReadContinuation(ReadOnlySpan<byte> block, ref int position, ref int value)
    {
        long sum = value;
        for (int i = 0; i < MaximumContinuationOctets; i++)
        {
            if (position >= block.Length)
            {
                return HpackError.IntegerTruncated;
            }

            byte octet = block[position++];
            sum += (long)(octet & 0x7f) << (7 * i);
            if (octet < 0x80)
            {
                value = (int)sum;
                return sum > int.MaxValue ? HpackError.IntegerTooLarge : null;
            }
        }

        return HpackError.IntegerTooLarge;
    }
}
