namespace MiniGrpc.Conformance.Wire.Robustness;

/// <summary>Octets that are no header block, or no valid one, for both roles.</summary>
public static class Malformed
{
    /// <summary>Row 18: integers, indexes and table sizes.</summary>
    public static TheoryData<string, byte[]> Blocks => new()
    {
        { "index 0", [0x80] },
        { "index out of range", [0xff, 0xff, 0x7f] },
        { "integer without end", [0xff, .. Enumerable.Repeat((byte)0xff, 100)] },
        { "integer of zeros without end", [0xff, .. Enumerable.Repeat((byte)0x80, 100)] },
        { "integer past 2^32", [0xff, 0xff, 0xff, 0xff, 0xff, 0x7f] },
        { "integer cut off", [0xff, 0xff] },
        { "name index out of range", [0x0f, 0xff, 0x7f, 0x01, (byte)'a'] },
        { "string longer than the block", [0x00, 0x7f, 0xff, 0xff, 0x03, (byte)'a'] },
        { "table size above the limit", [0x3f, 0xe2, 0x1f] },
        { "table size behind a field", [0x82, 0x20] },
    };

    /// <summary>Row 19: Huffman strings. "a" has the code 00011.</summary>
    public static TheoryData<string, byte[]> HuffmanStrings => new()
    {
        { "EOS in the string", [0x00, 0x01, (byte)'x', 0x84, 0xff, 0xff, 0xff, 0xff] },
        { "EOS behind a character", [0x00, 0x01, (byte)'x', 0x85, 0x1f, 0xff, 0xff, 0xff, 0xff] },
        { "padding over 7 bits", [0x00, 0x01, (byte)'x', 0x82, 0x1f, 0xff] },
        { "padding alone", [0x00, 0x01, (byte)'x', 0x81, 0xff] },
        { "padding not all ones", [0x00, 0x01, (byte)'x', 0x81, 0x18] },
        { "padding with its last bit 0", [0x00, 0x01, (byte)'x', 0x81, 0x1e] },
    };

    /// <summary>Rows 22 and 23: fields that no message may have, on top of sound ones; written as name=value.</summary>
    public static TheoryData<string> Fields =>
    [
        "a=b\r\nc: d", "a=b\nc", "a=b\rc", "a=b\0", "a\n=b", "a\0=b", // row 22
        "Upper=x", "a b=x", "a:b=x", "=x", // row 23
        "connection=close", "keep-alive=1", "proxy-connection=x", "transfer-encoding=chunked", "upgrade=h2c",
        "te=gzip", "a= x", "a=x\t",
    ];
}
