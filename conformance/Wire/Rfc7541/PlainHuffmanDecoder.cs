using MiniGrpc.Wire.Hpack;

namespace MiniGrpc.Conformance.Wire.Rfc7541;

/// <summary>
/// Decodes Huffman strings as plainly as possible: bit by bit, and after each bit it asks whether the bits since the last
/// symbol are one of the 257 rows of Appendix B. What the fast decoder is held against.
/// </summary>
internal static class PlainHuffmanDecoder
{
    private static readonly Dictionary<(int Length, uint Code), int> s_rows =
        Enumerable.Range(0, HuffmanCode.SymbolCount).ToDictionary(symbol => (HuffmanCode.LengthOf(symbol), HuffmanCode.CodeOf(symbol)));

    public static HpackError? Decode(ReadOnlySpan<byte> source, out byte[] decoded)
    {
        var symbols = new List<byte>();
        uint code = 0;
        int length = 0;
        bool hasEndOfString = false;
        for (int bit = 0; bit < 8 * source.Length && !hasEndOfString; bit++)
        {
            int value = source[bit / 8] >> (7 - (bit % 8)) & 1;
            code = (code << 1) | (uint)value;
            length++;
            if (s_rows.TryGetValue((length, code), out int symbol))
            {
                hasEndOfString = symbol == HuffmanCode.EndOfString;
                if (!hasEndOfString)
                {
                    symbols.Add((byte)symbol);
                }

                code = 0;
                length = 0;
            }
        }

        decoded = [.. symbols];
        if (hasEndOfString)
        {
            return HpackError.EndOfStringInString;
        }

        if (length > 7)
        {
            return HpackError.PaddingTooLong;
        }

        return code == (1u << length) - 1 ? null : HpackError.PaddingNotOnes;
    }
}
