using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Hpack;
using static MiniGrpc.Conformance.Wire.Rfc7541.HpackTesting;

namespace MiniGrpc.Conformance.Wire.Rfc7541;

/// <summary>RFC 7541 Appendix C: every example, decoded and encoded, with the dynamic table behind each block.</summary>
public class AppendixC_ExampleTests
{
    private const string OldDate = "Mon, 21 Oct 2013 20:13:21 GMT";
    private const string NewDate = "Mon, 21 Oct 2013 20:13:22 GMT";
    private const string Location = "https://www.example.com";
    private const string Cookie = "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";

    private static readonly Field[] s_firstRequest =
        [new(":method", "GET"), new(":scheme", "http"), new(":path", "/"), new(":authority", "www.example.com")];

    private static readonly Field[] s_secondRequest = [.. s_firstRequest, new("cache-control", "no-cache")];

    private static readonly Field[] s_thirdRequest =
    [
        new(":method", "GET"), new(":scheme", "https"), new(":path", "/index.html"), new(":authority", "www.example.com"),
        new("custom-key", "custom-value"),
    ];

    private static readonly Field[] s_thirdRequestTable =
        [new("custom-key", "custom-value"), new("cache-control", "no-cache"), new(":authority", "www.example.com")];

    private static readonly Field[] s_firstResponse =
        [new(":status", "302"), new("cache-control", "private"), new("date", OldDate), new("location", Location)];

    private static readonly Field[] s_secondResponse = [new(":status", "307"), .. s_firstResponse[1..]];

    private static readonly Field[] s_thirdResponse =
    [
        new(":status", "200"), new("cache-control", "private"), new("date", NewDate), new("location", Location),
        new("content-encoding", "gzip"), new("set-cookie", Cookie),
    ];

    private static readonly Field[] s_firstResponseTable =
        [new("location", Location), new("date", OldDate), new("cache-control", "private"), new(":status", "302")];

    private static readonly Field[] s_secondResponseTable = [new(":status", "307"), .. s_firstResponseTable[..3]];

    private static readonly Field[] s_thirdResponseTable =
        [new("set-cookie", Cookie), new("content-encoding", "gzip"), new("date", NewDate)];

    [Theory]
    [InlineData(10, 5, "0a")] // C.1.1
    [InlineData(1337, 5, "1f9a0a")] // C.1.2
    [InlineData(42, 8, "2a")] // C.1.3
    [Requirement("7541-5.1-1")]
    public void C_1_integers(int value, int prefixBits, string digits)
    {
        var output = new OutputBuffer();
        PrefixedInteger.Write(output, flags: 0, prefixBits, value);
        Assert.Equal(digits, ToHex(output.WrittenSpan));

        int position = 0;
        Assert.Null(PrefixedInteger.Read(Hex(digits), ref position, prefixBits, out int read));
        Assert.Equal(value, read);
    }

    [Theory]
    [InlineData("400a6375 73746f6d 2d6b6579 0d637573 746f6d2d 68656164 6572", "custom-key", "custom-header", Indexing.Incremental, 55)]
    [InlineData("040c 2f73 616d 706c 652f 7061 7468", ":path", "/sample/path", Indexing.Without, 0)]
    [InlineData("1008 7061 7373 776f 7264 0673 6563 7265 74", "password", "secret", Indexing.Never, 0)]
    [InlineData("82", ":method", "GET", Indexing.Incremental, 0)]
    internal void C_2_field_representations(string digits, string name, string value, Indexing indexing, int tableSize)
    {
        Field[] table = tableSize == 0 ? [] : [new(name, value)];
        Check(new HpackEncoder(useHuffman: false), new HpackDecoder(), digits, indexing, [new(name, value)], table, tableSize);
    }

    [Theory]
    [InlineData(
        false,
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "8286 84be 5808 6e6f 2d63 6163 6865",
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65")]
    [InlineData(
        true,
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf")]
    [Requirement("7541-2.1-1")]
    [Requirement("7541-2.1-2")]
    [Requirement("7541-3.2-1")]
    [Requirement("7541-B-1")]
    public void C_3_and_C_4_requests_without_and_with_huffman_coding(bool useHuffman, string first, string second, string third)
    {
        var encoder = new HpackEncoder(useHuffman: useHuffman);
        var decoder = new HpackDecoder();
        Check(encoder, decoder, first, Indexing.Incremental, s_firstRequest, s_thirdRequestTable[2..], 57);
        Check(encoder, decoder, second, Indexing.Incremental, s_secondRequest, s_thirdRequestTable[1..], 110);
        Check(encoder, decoder, third, Indexing.Incremental, s_thirdRequest, s_thirdRequestTable, 164);
    }

    [Theory]
    [InlineData(
        false,
        """
        4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133
        2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70
        6c65 2e63 6f6d
        """,
        "4803 3330 37c1 c0bf",
        """
        88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d
        54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049
        5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e
        3d31
        """)]
    [InlineData(
        true,
        """
        4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6
        2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3
        """,
        "4883 640e ffc1 c0bf",
        """
        88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab
        77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f
        9587 3160 65c0 03ed 4ee5 b106 3d50 07
        """)]
    [Requirement("7541-4.4-1")]
    [Requirement("7541-B-1")]
    public void C_5_and_C_6_responses_without_and_with_huffman_coding(bool useHuffman, string first, string second, string third)
    {
        // The examples take the table of 256 octets for granted. Our encoder announces it, so that goes ahead.
        var encoder = new HpackEncoder(256, useHuffman);
        Assert.Equal("3fe101", ToHex(EncodeBlock(encoder)));
        var decoder = new HpackDecoder(256);
        Check(encoder, decoder, first, Indexing.Incremental, s_firstResponse, s_firstResponseTable, 222);
        Check(encoder, decoder, second, Indexing.Incremental, s_secondResponse, s_secondResponseTable, 222);
        Check(encoder, decoder, third, Indexing.Incremental, s_thirdResponse, s_thirdResponseTable, 215);
    }

    private static void Check(
        HpackEncoder encoder, HpackDecoder decoder, string digits, Indexing indexing, Field[] fields, Field[] table, int tableSize)
    {
        byte[] block = Hex(digits.ReplaceLineEndings(""));
        Assert.Equal(fields, Decode(decoder, block));
        Assert.Equal(ToHex(block), ToHex(EncodeBlock(encoder, [.. fields.Select(field => (field.Name, field.Value, indexing))])));

        Assert.Equal(table, EntriesOf(decoder.Table));
        Assert.Equal(tableSize, decoder.Table.Size);
        AssertSameTables(encoder, decoder);
    }
}
