using System.Buffers.Binary;

namespace MiniGrpc.Wire.Hpack;

/// <summary>
/// Reads string literals in the Huffman code: RFC 7541 section 5.2.
/// </summary>
/// <remarks>
/// A 64-bit window holds the bits to come, left-aligned. Its first octet selects a row of a table of 256, which decodes any
/// code of up to 8 bits in one step: letters, digits and most punctuation. A longer code is found through the groups of
/// codes of one length, which the canonical order of the code makes contiguous ranges of numbers. Both tables are derived
/// from <see cref="HuffmanCode"/> when the first string is decoded.
/// </remarks>
internal static class HuffmanDecoder
{
    private const int ShortCodeLength = 8;

    /// <summary>By the next 8 bits: length of the code (high octet) and symbol (low octet); 0 where the code is longer.</summary>
    private static readonly ushort[] s_shortCodes = BuildShortCodes();

    /// <summary>All symbols in the order of their codes.</summary>
    private static readonly ushort[] s_symbolsByCode = BuildSymbolsByCode();

    /// <summary>The codes of more than 8 bits, one group a length, shortest first.</summary>
    private static readonly CodeGroup[] s_longCodes = BuildLongCodes();

    /// <summary>The most octets that <paramref name="encodedLength"/> octets can decode to: the shortest code has 5 bits.</summary>
    public static int MaximumDecodedLength(int encodedLength) =>
        checked((int)((long)encodedLength * 8 / HuffmanCode.MinimumLength));

    /// <summary>Decodes all of <paramref name="source"/>.</summary>
    /// <param name="source">The octets of one string literal.</param>
    /// <param name="destination">Room for <see cref="MaximumDecodedLength"/> octets.</param>
    /// <param name="written">The number of octets decoded.</param>
    /// <returns>Null, or what is wrong with the literal.</returns>
    public static HpackError? Decode(ReadOnlySpan<byte> source, Span<byte> destination, out int written)
    {
        ReadOnlySpan<ushort> shortCodes = s_shortCodes;
        ulong window = 0;
        int available = 0; // bits of the window that come from the source
        int position = 0;
        written = 0;
        while (true)
        {
            if (available < HuffmanCode.MaximumLength)
            {
                Refill(source, ref position, ref window, ref available);
            }

            int symbol = shortCodes[(byte)(window >> 56)];
            int length = symbol >> 8;
            if (length == 0)
            {
                symbol = FindLongCode((uint)(window >> 32), out length);
            }

            if (length > available)
            {
                return CheckPadding(window, available);
            }

            if (symbol == HuffmanCode.EndOfString)
            {
                return HpackError.EndOfStringInString;
            }

            destination[written++] = (byte)symbol;
            window <<= length;
            available -= length;
        }
    }

    /// <summary>Tops the window up with whole octets. Behind the last octet of the source it holds zeros.</summary>
    private static void Refill(ReadOnlySpan<byte> source, ref int position, ref ulong window, ref int available)
    {
        if (source.Length - position >= sizeof(ulong))
        {
            // Bits that no longer count as a whole octet are set all the same: the next refill sets the same bits again.
            window |= BinaryPrimitives.ReadUInt64BigEndian(source[position..]) >> available;
            int octets = (64 - available) / 8;
            position += octets;
            available += 8 * octets;
            return;
        }

        while (available <= 56 && position < source.Length)
        {
            window |= (ulong)source[position++] << (56 - available);
            available += 8;
        }
    }

    /// <summary>What follows the last whole code is the beginning of EOS, ones only, and shorter than an octet.</summary>
    private static HpackError? CheckPadding(ulong window, int available)
    {
        if (available >= 8)
        {
            return HpackError.PaddingTooLong;
        }

        return (window | (ulong.MaxValue >> available)) == ulong.MaxValue ? null : HpackError.PaddingNotOnes;
    }

    private static int FindLongCode(uint bits, out int length)
    {
        ReadOnlySpan<CodeGroup> groups = s_longCodes;
        int last = 0;
        while (last + 1 < groups.Length && groups[last + 1].FirstCode <= bits)
        {
            last++;
        }

        CodeGroup group = groups[last];
        length = group.Length;
        return s_symbolsByCode[group.FirstRank + (int)((bits - group.FirstCode) >> (32 - length))];
    }

    private static ushort[] BuildShortCodes()
    {
        var table = new ushort[1 << ShortCodeLength];
        for (int symbol = 0; symbol < HuffmanCode.EndOfString; symbol++)
        {
            int length = HuffmanCode.LengthOf(symbol);
            if (length <= ShortCodeLength)
            {
                // Every octet that begins with the code, whatever bits follow.
                int freeBits = ShortCodeLength - length;
                table.AsSpan((int)HuffmanCode.CodeOf(symbol) << freeBits, 1 << freeBits).Fill((ushort)((length << 8) | symbol));
            }
        }

        return table;
    }

    private static ushort[] BuildSymbolsByCode()
    {
        var symbols = new ushort[HuffmanCode.SymbolCount];
        int rank = 0;
        for (int length = HuffmanCode.MinimumLength; length <= HuffmanCode.MaximumLength; length++)
        {
            for (int symbol = 0; symbol < HuffmanCode.SymbolCount; symbol++)
            {
                if (HuffmanCode.LengthOf(symbol) == length)
                {
                    symbols[rank++] = (ushort)symbol;
                }
            }
        }

        return symbols;
    }

    private static CodeGroup[] BuildLongCodes()
    {
        // A length that no code has gets the group of the next length.
        var groups = new CodeGroup[HuffmanCode.MaximumLength - ShortCodeLength];
        int previousLength = ShortCodeLength;
        for (int rank = 0; rank < HuffmanCode.SymbolCount; rank++)
        {
            int symbol = s_symbolsByCode[rank];
            int length = HuffmanCode.LengthOf(symbol);
            for (; previousLength < length; previousLength++)
            {
                groups[previousLength - ShortCodeLength] = new CodeGroup(HuffmanCode.CodeOf(symbol) << (32 - length), length, rank);
            }
        }

        return groups;
    }

    /// <summary>The codes of one length: the first of them, left-aligned in 32 bits, and its rank among all codes.</summary>
    private readonly record struct CodeGroup(uint FirstCode, int Length, int FirstRank);
}
