using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Hpack;
using static MiniGrpc.Conformance.Wire.Rfc7541.HpackTesting;

namespace MiniGrpc.Conformance.Wire.Rfc7541;

/// <summary>RFC 7541 section 6: the representations, and which of them the encoder chooses.</summary>
public class Section6_RepresentationTests
{
    [Theory]
    [InlineData("80")]
    [InlineData("82 80 82")]
    [Requirement("7541-6.1-2")]
    public void The_index_0_of_an_indexed_field_is_an_error(string block)
    {
        // RFC 7541 section 6.1: MUST be treated as a decoding error.
        Assert.Equal(HpackError.IndexZero, ErrorOf(block));
    }

    [Fact]
    public void An_empty_block_has_no_fields() => Assert.Empty(Decode(new HpackDecoder(), []));

    [Theory]
    [InlineData("40 01 61 01 31", true)]
    [InlineData("00 01 61 01 31", false)]
    [InlineData("10 01 61 01 31", false)]
    [Requirement("7541-3.2-1")]
    [Requirement("7541-6.2.1-1")]
    [Requirement("7541-6.2.2-1")]
    [Requirement("7541-6.2.3-1")]
    public void Only_a_literal_with_incremental_indexing_enters_the_table(string block, bool isInserted)
    {
        var decoder = new HpackDecoder();
        Assert.Equal([new("a", "1")], Decode(decoder, Hex(block)));
        Assert.Equal(isInserted ? [new("a", "1")] : [], EntriesOf(decoder.Table));
    }

    [Theory]
    [InlineData("44 02 2f 61")]
    [InlineData("04 02 2f 61")]
    [InlineData("14 02 2f 61")]
    [Requirement("7541-6.2.1-1")]
    [Requirement("7541-6.2.2-1")]
    [Requirement("7541-6.2.3-1")]
    public void Each_literal_may_take_its_name_from_the_static_table(string block)
    {
        Assert.Equal([new(":path", "/a")], Decode(new HpackDecoder(), Hex(block)));
    }

    [Theory]
    [InlineData("7e 01 32")] // index 62
    [InlineData("0f 2f 01 32")]
    [InlineData("1f 2f 01 32")]
    [Requirement("7541-6.2.1-1")]
    [Requirement("7541-6.2.2-1")]
    [Requirement("7541-6.2.3-1")]
    public void Each_literal_may_take_its_name_from_the_dynamic_table(string block)
    {
        var decoder = new HpackDecoder();
        Decode(decoder, Hex("40 01 61 01 31"));
        Assert.Equal([new("a", "2")], Decode(decoder, Hex(block)));
    }

    [Fact]
    [Requirement("7541-6.1-1")]
    public void An_index_of_127_and_more_continues_behind_its_prefix()
    {
        var decoder = new HpackDecoder();
        for (int i = 0; i < 80; i++)
        {
            Decode(decoder, [0x40, 1, (byte)'a', 1, (byte)i]);
        }

        // 62 + 64 = 126, 62 + 65 = 127, 62 + 66 = 128
        Assert.Equal([new("a", "\x0f"), new("a", "\x0e"), new("a", "\x0d")], Decode(decoder, Hex("fe ff 00 ff 01")));
    }

    [Theory]
    [InlineData(Indexing.Incremental, "40 01 61 01 31")]
    [InlineData(Indexing.Without, "00 01 61 01 31")]
    [InlineData(Indexing.Never, "10 01 61 01 31")]
    [Requirement("7541-6.2.1-1")]
    [Requirement("7541-6.2.2-1")]
    [Requirement("7541-6.2.3-1")]
    internal void A_new_field_is_written_as_the_literal_asked_for(Indexing indexing, string block)
    {
        var encoder = new HpackEncoder(useHuffman: false);
        Assert.Equal(Hex(block), EncodeBlock(encoder, ("a", "1", indexing)));
        Assert.Equal(indexing == Indexing.Incremental ? [new("a", "1")] : [], EntriesOf(encoder.Table));
    }

    [Theory]
    [InlineData(Indexing.Incremental, "be")]
    [InlineData(Indexing.Without, "be")]
    [InlineData(Indexing.Never, "1f 2f 01 31")]
    [Requirement("7541-6.2.3-2")]
    internal void A_field_in_the_table_is_written_as_its_index_unless_it_must_never_be(Indexing indexing, string block)
    {
        var encoder = new HpackEncoder(useHuffman: false);
        EncodeBlock(encoder, ("a", "1", Indexing.Incremental));
        // RFC 7541 section 6.2.3: a never-indexed field MUST be written as such a literal; its name may be an index.
        Assert.Equal(Hex(block), EncodeBlock(encoder, ("a", "1", indexing)));
        Assert.Equal([new("a", "1")], EntriesOf(encoder.Table));
    }

    [Fact]
    [Requirement("7541-6.2.3-2")]
    public void A_never_indexed_field_is_not_matched_with_the_static_table()
    {
        Assert.Equal("12" + "03474554", ToHex(EncodeBlock(new HpackEncoder(useHuffman: false), (":method", "GET", Indexing.Never))));
    }

    [Fact]
    public void The_encoder_prefers_a_static_name_to_a_dynamic_one()
    {
        var encoder = new HpackEncoder(useHuffman: false);
        EncodeBlock(encoder, (":path", "/a", Indexing.Incremental));
        Assert.Equal("04" + "022f62", ToHex(EncodeBlock(encoder, (":path", "/b", Indexing.Without))));
    }

    [Fact]
    public void The_encoder_finds_the_newest_entry_of_a_name()
    {
        var encoder = new HpackEncoder(useHuffman: false);
        EncodeBlock(encoder, ("a", "1", Indexing.Incremental), ("a", "2", Indexing.Incremental), ("b", "1", Indexing.Incremental));
        Assert.Equal("0f30" + "0133", ToHex(EncodeBlock(encoder, ("a", "3", Indexing.Without))));
    }

    [Fact]
    public void The_encoder_finds_every_entry_while_the_table_turns_over()
    {
        var encoder = new HpackEncoder(useHuffman: false);
        for (int i = 0; i < 1000; i++)
        {
            EncodeBlock(encoder, ($"name-{i % 300}", $"value-{i}", Indexing.Incremental));
            if (i % 50 != 49)
            {
                continue;
            }

            Field[] entries = EntriesOf(encoder.Table);
            for (int k = 0; k < entries.Length; k++)
            {
                (string name, string value) = (entries[k].Name, entries[k].Value);
                Assert.Equal(Integer(0x80, 7, 62 + k), ToHex(EncodeBlock(encoder, (name, value, Indexing.Without))));
                Assert.Equal(Integer(0, 4, 62 + k) + "0131", ToHex(EncodeBlock(encoder, (name, "1", Indexing.Without))));
            }
        }

        Assert.True(encoder.Table.Count > 64, "The table should be well filled.");
    }

    [Fact]
    public void Fields_of_equal_hash_are_told_apart()
    {
        (string one, string other) = FindEqualHashes();
        var encoder = new HpackEncoder(useHuffman: false);
        EncodeBlock(encoder, (one, one, Indexing.Incremental));
        string text = $"{other.Length:x2}" + ToHex(Octets(other));
        Assert.Equal("0f2f" + text, ToHex(EncodeBlock(encoder, (one, other, Indexing.Without))));
        Assert.Equal("00" + text + text, ToHex(EncodeBlock(encoder, (other, other, Indexing.Without))));
        Assert.Equal("00" + text + $"{one.Length:x2}" + ToHex(Octets(one)), ToHex(EncodeBlock(encoder, (other, one, Indexing.Without))));
    }

    [Fact]
    public void The_encoder_does_not_refer_to_evicted_entries()
    {
        var encoder = new HpackEncoder(68, useHuffman: false);
        EncodeBlock(encoder, ("a", "1", Indexing.Incremental), ("b", "2", Indexing.Incremental), ("c", "3", Indexing.Incremental));
        Assert.Equal("00016101" + "31", ToHex(EncodeBlock(encoder, ("a", "1", Indexing.Without))));
    }

    [Fact]
    public void Encoding_fields_that_insert_nothing_allocates_nothing()
    {
        var encoder = new HpackEncoder();
        var decoder = new HpackDecoder();
        var output = new OutputBuffer();
        var sink = new CountingSink();
        encoder.Encode(output, "x-trace"u8, "0123456789"u8, Indexing.Incremental);
        decoder.Decode(output.WrittenSpan, sink);
        EncodeAndDecodeOnce();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            EncodeAndDecodeOnce();
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(1 + (101 * 4), sink.Count);

        void EncodeAndDecodeOnce()
        {
            output.Clear();
            encoder.BeginBlock(output);
            encoder.Encode(output, ":method"u8, "POST"u8, Indexing.Incremental);
            encoder.Encode(output, "x-trace"u8, "0123456789"u8, Indexing.Incremental);
            encoder.Encode(output, "grpc-timeout"u8, "2500m"u8, Indexing.Without);
            encoder.Encode(output, "authorization"u8, "Bearer secret"u8, Indexing.Never);
            Assert.Null(decoder.Decode(output.WrittenSpan, sink));
        }
    }

    private static string Integer(byte flags, int prefixBits, int value)
    {
        var output = new OutputBuffer();
        PrefixedInteger.Write(output, flags, prefixBits, value);
        return ToHex(output.WrittenSpan);
    }

    /// <summary>Two texts with the same hash. Of a million hashes of 32 bits about a hundred pairs are equal.</summary>
    private static (string One, string Other) FindEqualHashes()
    {
        var seen = new Dictionary<uint, string>();
        for (int i = 0; i < 1_000_000; i++)
        {
            string text = $"x-{i}";
            if (!seen.TryAdd(OctetHash.Of(Octets(text)), text))
            {
                return (seen[OctetHash.Of(Octets(text))], text);
            }
        }

        throw new InvalidOperationException("No two texts have the same hash.");
    }

    private sealed class CountingSink : IFieldSink
    {
        public int Count { get; private set; }

        public void OnField(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value) => Count++;
    }
}
