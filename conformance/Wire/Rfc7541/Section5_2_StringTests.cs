using CsCheck;
using MiniGrpc.Wire.Hpack;
using static MiniGrpc.Conformance.Wire.Rfc7541.HpackTesting;

namespace MiniGrpc.Conformance.Wire.Rfc7541;

/// <summary>RFC 7541 section 5.2 and Appendix B: string literals and their Huffman code.</summary>
public class Section5_2_StringTests
{
    [Fact]
    [Requirement("7541-B-1")]
    public void The_code_is_canonical_and_complete()
    {
        uint next = 0;
        int previousLength = 0;
        int shortest = int.MaxValue;
        foreach (int symbol in Enumerable.Range(0, HuffmanCode.SymbolCount).OrderBy(HuffmanCode.LengthOf).ThenBy(symbol => symbol))
        {
            int length = HuffmanCode.LengthOf(symbol);
            next <<= length - previousLength;
            Assert.Equal(next, HuffmanCode.CodeOf(symbol));
            next++;
            previousLength = length;
            shortest = int.Min(shortest, length);
        }

        Assert.Equal(HuffmanCode.MinimumLength, shortest);
        Assert.Equal(HuffmanCode.MaximumLength, previousLength);
        Assert.Equal(1u << HuffmanCode.MaximumLength, next); // no code is left over
    }

    [Fact]
    [Requirement("7541-B-1")]
    public void Some_rows_are_those_of_Appendix_B()
    {
        (int Symbol, uint Code, int Length)[] rows =
        [
            (0, 0x1ff8, 13), (9, 0xffffea, 24), (10, 0x3ffffffc, 30), (13, 0x3ffffffd, 30), (22, 0x3ffffffe, 30), (' ', 0x14, 6),
            ('!', 0x3f8, 10), ('0', 0x0, 5), ('A', 0x21, 6), ('Z', 0xfd, 8), ('\\', 0x7fff0, 19), ('a', 0x3, 5), ('z', 0x7b, 7),
            ('~', 0x1ffd, 13), (127, 0xffffffc, 28), (128, 0xfffe6, 20), (159, 0xffffef, 24), (199, 0x1ffffec, 25),
            (208, 0x7fff2, 19), (249, 0xffffffe, 28), (255, 0x3ffffee, 26), (256, 0x3fffffff, 30),
        ];
        foreach ((int symbol, uint code, int length) in rows)
        {
            Assert.Equal((symbol, code, length), (symbol, HuffmanCode.CodeOf(symbol), HuffmanCode.LengthOf(symbol)));
        }
    }

    [Fact]
    public void Every_pair_of_octets_comes_back()
    {
        for (int first = 0; first < 256; first++)
        {
            CheckHuffmanRoundTrip([(byte)first]);
            for (int second = 0; second < 256; second++)
            {
                CheckHuffmanRoundTrip([(byte)first, (byte)second]);
            }
        }
    }

    [Fact]
    public void Any_string_comes_back()
    {
        Gen.OneOf(Gen.Byte.Array[0, 300], Gen.Byte[0x20, 0x7e].Array[0, 300])
            .Sample(CheckHuffmanRoundTrip, iter: 1000, threads: 1);
    }

    [Fact]
    public void The_fast_decoder_agrees_with_the_plain_one_on_every_input_of_up_to_two_octets()
    {
        CheckAgreement([]);
        for (int first = 0; first < 256; first++)
        {
            CheckAgreement([(byte)first]);
            for (int second = 0; second < 256; second++)
            {
                CheckAgreement([(byte)first, (byte)second]);
            }
        }
    }

    [Fact]
    public void The_fast_decoder_agrees_with_the_plain_one_on_any_octets()
    {
        // Octets of ones lead to the long codes, EOS and the padding.
        Gen<byte> manyOnes = Gen.OneOf(Gen.Byte, Gen.Const((byte)0xff), Gen.OneOf<byte>(0xfe, 0x7f, 0xfc, 0x3f));
        Gen.OneOf(Gen.Byte.Array[0, 40], manyOnes.Array[0, 40]).Sample(CheckAgreement, iter: 2000, threads: 1);
    }

    [Fact]
    public void The_fast_decoder_agrees_with_the_plain_one_on_every_truncation_and_every_flipped_bit()
    {
        byte[] text = [.. "grpc-timeout: 250m \\ {"u8, 0, 10, 127, 128, 199, 249, 255, .. "application/grpc"u8];
        byte[] encoded = Huffman(text);
        for (int length = 0; length <= encoded.Length; length++)
        {
            CheckAgreement(encoded[..length]);
        }

        for (int bit = 0; bit < 8 * encoded.Length; bit++)
        {
            byte[] flipped = [.. encoded];
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            CheckAgreement(flipped);
        }
    }

    [Fact]
    [Requirement("7541-5.2-4")]
    public void EOS_in_a_string_is_an_error_at_any_place()
    {
        // '0' is 00000, so that 0 to 7 of them move EOS to every bit offset.
        for (int zeros = 0; zeros < 24; zeros++)
        {
            string bits = new string('0', 5 * zeros) + new string('1', 30);
            // RFC 7541 section 5.2: a string containing the EOS symbol MUST be treated as a decoding error.
            Assert.Equal(HpackError.EndOfStringInString, HuffmanError(bits));
            Assert.Equal(HpackError.EndOfStringInString, HuffmanError(bits + "00000"));
        }
    }

    [Theory]
    [InlineData("00011 111", null)] // 'a' and 3 bits
    [InlineData("00011 00011 111111", null)]
    [InlineData("00011 00011 00011 1", null)]
    [InlineData("00011 00011 00011 00011 00011 1111111", null)] // 7 bits, the most
    [InlineData("", null)]
    [InlineData("11111111", "long")]
    [InlineData("00011 111 11111111", "long")]
    [InlineData("00011 00011 00011 1 11111111 11111111", "long")]
    [InlineData("00011 000", "ones")]
    [InlineData("00011 110", "ones")]
    [InlineData("00011 011", "ones")]
    [InlineData("00011 00011 111110", "ones")]
    [InlineData("00011 00011 00011 00011 00011 1111110", "ones")]
    [InlineData("11111111 11000000", "ones")] // NUL and 000
    [InlineData("11111111 11111110", "long")] // half of a longer code
    [Requirement("7541-5.2-2")]
    [Requirement("7541-5.2-3")]
    public void Padding_is_ones_and_at_most_7_of_them(string bits, string? fault)
    {
        // RFC 7541 section 5.2: other padding MUST be treated as a decoding error.
        HpackError? expected = fault switch { "long" => HpackError.PaddingTooLong, "ones" => HpackError.PaddingNotOnes, _ => null };
        Assert.Equal(expected, HuffmanError(bits.Replace(" ", "", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("00 81 ff 00")] // name: padding of 8 bits
    [InlineData("00 01 61 81 ff")] // value
    [InlineData("40 01 61 81 ff")]
    [InlineData("10 01 61 81 ff")]
    public void A_bad_huffman_string_in_a_block_is_an_error(string block)
    {
        Assert.Equal(HpackError.PaddingTooLong, ErrorOf(block));
    }

    [Theory]
    [InlineData("00 02 61")] // name
    [InlineData("00 82 1f")]
    [InlineData("00 01 61 01")] // value
    [InlineData("00 01 61 81")]
    [InlineData("40 01 61 05 31 32 33 34")]
    [InlineData("00 7f 80 ff ff ff 07 61")] // 2147483647
    [Requirement("7541-7.4-2")]
    public void A_string_longer_than_the_block_is_an_error(string block)
    {
        Assert.Equal(HpackError.StringTruncated, ErrorOf(block));
    }

    [Fact]
    public void An_empty_string_may_be_plain_or_huffman_encoded()
    {
        Assert.Equal([new("a", ""), new("a", ""), new("", "b")], Decode(new HpackDecoder(), Hex("00 01 61 00 00 01 61 80 00 80 01 62")));
    }

    [Fact]
    [Requirement("7541-5.2-1")]
    public void Name_and_value_may_each_be_plain_or_huffman_encoded()
    {
        const string Plain = "03 61 62 63";
        string huffman = "82" + ToHex(Huffman("abc"u8)); // 5, 6 and 5 bits
        foreach (string name in new[] { Plain, huffman })
        {
            foreach (string value in new[] { Plain, huffman })
            {
                Assert.Equal([new("abc", "abc")], Decode(new HpackDecoder(), Hex("00" + name + value)));
            }
        }
    }

    [Fact]
    public void Huffman_strings_of_the_shortest_codes_fill_the_scratch_space_and_no_more()
    {
        // 5 octets become 8: the largest growth there is, in the name, the value and several fields of a block.
        string text = new('0', 8000);
        var fields = new (string, string, Indexing)[] { (text, text, Indexing.Without), (text + "0", text, Indexing.Without) };
        byte[] block = EncodeBlock(new HpackEncoder(), fields);
        Assert.Equal([new(text, text), new(text + "0", text)], Decode(new HpackDecoder(), block));
    }

    [Fact]
    [Requirement("7541-5.2-1")]
    public void The_encoder_uses_the_huffman_code_unless_it_is_longer()
    {
        byte[] block = EncodeBlock(new HpackEncoder(), ("~~", "www", Indexing.Without));
        // "~~" takes 26 bits, so it stays plain; "www" takes 21 bits, so 3 octets, as many as plain.
        Assert.Equal("00" + "027e7e" + "83" + ToHex(Huffman("www"u8)), ToHex(block));
        Assert.Equal("00" + "00" + "00", ToHex(EncodeBlock(new HpackEncoder(), ("", "", Indexing.Without))));
    }

    private static byte[] Huffman(ReadOnlySpan<byte> text)
    {
        byte[] encoded = new byte[HuffmanEncoder.EncodedLength(text)];
        HuffmanEncoder.Encode(text, encoded);
        return encoded;
    }

    private static HpackError? HuffmanError(string bits)
    {
        bits = bits.PadRight((bits.Length + 7) / 8 * 8, '1');
        byte[] octets = [.. bits.Chunk(8).Select(octet => Convert.ToByte(new string(octet), 2))];
        CheckAgreement(octets);
        return HuffmanDecoder.Decode(octets, new byte[HuffmanDecoder.MaximumDecodedLength(octets.Length)], out _);
    }

    private static void CheckHuffmanRoundTrip(byte[] text)
    {
        byte[] encoded = Huffman(text);
        byte[] decoded = new byte[HuffmanDecoder.MaximumDecodedLength(encoded.Length)];
        Assert.Null(HuffmanDecoder.Decode(encoded, decoded, out int written));
        Assert.True(text.AsSpan().SequenceEqual(decoded.AsSpan(0, written)), $"{ToHex(text)} came back as something else");
    }

    private static void CheckAgreement(byte[] source)
    {
        HpackError? expected = PlainHuffmanDecoder.Decode(source, out byte[] plain);
        byte[] fast = new byte[HuffmanDecoder.MaximumDecodedLength(source.Length)];
        HpackError? actual = HuffmanDecoder.Decode(source, fast, out int written);
        Assert.True(expected == actual, $"{ToHex(source)}: expected {expected}, not {actual}");
        Assert.True(plain.AsSpan().SequenceEqual(fast.AsSpan(0, written)), $"{ToHex(source)} decoded differently");
    }
}
