using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Hpack;
using static MiniGrpc.Conformance.Wire.Rfc7541.HpackTesting;

namespace MiniGrpc.Conformance.Wire.Rfc7541;

/// <summary>RFC 7541 section 4 and 6.3: the size of the dynamic table, and what changes it.</summary>
public partial class Section4_DynamicTableTests
{
    private static readonly string s_twoEntries = "40 01 61 01 31" + "40 01 62 01 32"; // a: 1 and b: 2, of 34 each

    [Fact]
    [Requirement("7541-4.1-1")]
    public void An_entry_counts_its_octets_and_32()
    {
        var decoder = new HpackDecoder();
        Decode(decoder, Hex("40 03 61 62 63 02 31 32"));
        Assert.Equal(37, decoder.Table.Size);
    }

    [Fact]
    [Requirement("7541-4.1-1")]
    public void The_size_counts_decoded_octets_even_if_they_arrived_huffman_encoded()
    {
        var decoder = new HpackDecoder();
        Decode(decoder, Hex("41 8c f1e3 c2e5 f23a 6ba0 ab90 f4ff"));
        Assert.Equal(57, decoder.Table.Size);
    }

    [Theory]
    [InlineData(68, 2)]
    [InlineData(67, 1)]
    [InlineData(34, 1)]
    [InlineData(33, 0)]
    [InlineData(0, 0)]
    [Requirement("7541-4.3-1")]
    public void A_smaller_table_evicts_its_oldest_entries_until_the_rest_fits(int size, int remaining)
    {
        var table = new DynamicTable(4096);
        table.Insert("a"u8, "1"u8);
        table.Insert("b"u8, "2"u8);
        table.Resize(size);
        Assert.Equal(new Field[] { new("b", "2"), new("a", "1") }[..remaining], EntriesOf(table));
        AssertSound(table);
    }

    [Fact]
    [Requirement("7541-4.4-2")]
    public void An_entry_larger_than_the_table_empties_it_and_is_no_error()
    {
        var decoder = new HpackDecoder(68);
        Decode(decoder, Hex(s_twoEntries));
        // RFC 7541 section 4.4: it is not an error; the table ends up empty. 38 octets in all make an entry of 70.
        string large = "40 01 63 25" + string.Concat(Enumerable.Repeat("78", 37));
        Assert.Equal([new("c", new string('x', 37))], Decode(decoder, Hex(large)));
        Assert.Empty(EntriesOf(decoder.Table));
        Assert.Equal(0, decoder.Table.Size);
    }

    [Fact]
    [Requirement("7541-4.4-1")]
    public void An_entry_exactly_as_large_as_the_table_is_kept()
    {
        var decoder = new HpackDecoder(34);
        Decode(decoder, Hex(s_twoEntries));
        Assert.Equal([new("b", "2")], EntriesOf(decoder.Table));
    }

    [Fact]
    [Requirement("7541-4.4-3")]
    public void The_name_of_a_new_entry_may_come_from_the_entry_evicted_for_it()
    {
        var decoder = new HpackDecoder(68);
        Decode(decoder, Hex(s_twoEntries));
        // RFC 7541 section 4.4: the name is used before the entry is dropped. 7f 00 is index 63, the oldest.
        Assert.Equal([new("a", "3")], Decode(decoder, Hex("7f 00 01 33")));
        Assert.Equal([new("a", "3"), new("b", "2")], EntriesOf(decoder.Table));
    }

    [Fact]
    [Requirement("7541-4.4-3")]
    public void The_field_list_stays_right_when_an_entry_evicts_the_one_it_took_its_name_from()
    {
        var decoder = new HpackDecoder(34);
        Decode(decoder, Hex("40 01 61 01 31"));
        Assert.Equal([new("a", "4"), new("a", "4")], Decode(decoder, Hex("7e 01 34 be")));
    }

    [Theory]
    [InlineData("3f e1 1f", 4096)]
    [InlineData("20", 0)]
    [InlineData("20 3f e1 1f", 4096)]
    [InlineData("3f 25", 68)]
    [Requirement("7541-4.2-4")]
    public void Up_to_two_size_updates_may_begin_a_block(string updates, int size)
    {
        var decoder = new HpackDecoder();
        Assert.Equal([new(":method", "GET")], Decode(decoder, Hex(updates + "82")));
        Assert.Equal(size, decoder.Table.MaximumSize);
    }

    [Fact]
    [Requirement("7541-4.3-1")]
    public void A_size_update_to_zero_and_back_evicts_everything()
    {
        var decoder = new HpackDecoder();
        Decode(decoder, Hex(s_twoEntries));
        Decode(decoder, Hex("20 3f e1 1f"));
        Assert.Empty(EntriesOf(decoder.Table));
    }

    [Fact]
    [Requirement("7541-4.2-4")]
    public void A_third_size_update_is_an_error()
    {
        // RFC 7541 section 4.2: the smallest size and the final one, so two at most.
        Assert.Equal(HpackError.TooManySizeUpdates, ErrorOf("20 20 20"));
    }

    [Theory]
    [InlineData("82 20")]
    [InlineData("20 82 20")]
    [InlineData("40 01 61 01 31 3f e1 1f")]
    [InlineData("00 01 61 01 31 20 82")]
    [Requirement("7541-4.2-4")]
    public void A_size_update_behind_a_field_is_an_error(string block)
    {
        // RFC 7541 section 4.2: it MUST occur at the beginning of the block.
        Assert.Equal(HpackError.SizeUpdateMisplaced, ErrorOf(block));
    }

    [Theory]
    [InlineData("3f e2 1f")] // 4097
    [InlineData("20 3f e2 1f")]
    [InlineData("3f e0 ff ff ff 07")] // 2147483647
    [Requirement("7541-6.3-2")]
    public void A_size_update_above_the_limit_is_an_error(string block)
    {
        // RFC 7541 section 6.3: MUST be treated as a decoding error.
        Assert.Equal(HpackError.SizeUpdateTooLarge, ErrorOf(block));
    }

    [Fact]
    [Requirement("7541-6.3-2")]
    public void A_raised_limit_lets_the_table_grow_with_the_next_size_update()
    {
        var decoder = new HpackDecoder(8192);
        Assert.Equal(4096, decoder.Table.MaximumSize); // until the peer says that it uses more
        Decode(decoder, Hex("3f e1 3f"));
        Assert.Equal(8192, decoder.Table.MaximumSize);
        Assert.Equal(HpackError.SizeUpdateTooLarge, decoder.Decode(Hex("3f e2 3f"), new FieldRecorder()));
    }

    [Fact]
    [Requirement("7541-4.2-4")]
    public void A_lowered_limit_calls_for_a_size_update_at_the_beginning_of_the_next_block()
    {
        var decoder = new HpackDecoder();
        decoder.SetMaxTableSize(68);
        // RFC 7541 section 4.2: the change MUST be signalled in the first block behind the acknowledgement.
        Assert.Equal(HpackError.SizeUpdateMissing, decoder.Decode(Hex("82"), new FieldRecorder()));
        Assert.Equal([new(":method", "GET")], Decode(decoder, Hex("3f 25 82")));
        Assert.Equal([new(":method", "GET")], Decode(decoder, Hex("82")));
    }

    [Fact]
    public void A_lowered_limit_needs_no_size_update_where_the_table_is_already_smaller()
    {
        var decoder = new HpackDecoder();
        Decode(decoder, Hex("3f 25"));
        decoder.SetMaxTableSize(100);
        Assert.Equal([new(":method", "GET")], Decode(decoder, Hex("82")));
    }

    [Fact]
    public void The_decoder_version_changes_with_the_table_and_only_then()
    {
        var decoder = new HpackDecoder();
        int version = decoder.TableVersion;
        Decode(decoder, Hex("82 00 01 61 01 31 10 01 61 01 31 88"));
        Assert.Equal(version, decoder.TableVersion);

        Decode(decoder, Hex("40 01 61 01 31"));
        Assert.NotEqual(version, version = decoder.TableVersion);

        Decode(decoder, Hex("be 82"));
        Assert.Equal(version, decoder.TableVersion);

        Decode(decoder, Hex("20"));
        Assert.NotEqual(version, version = decoder.TableVersion);

        Decode(decoder, Hex("3f e1 1f"));
        Assert.NotEqual(version, decoder.TableVersion);
    }

    [Fact]
    public void The_encoder_version_changes_with_the_table_and_with_each_size_update_due_or_written()
    {
        var encoder = new HpackEncoder();
        int version = encoder.TableVersion;
        EncodeBlock(encoder, (":method", "GET", Indexing.Incremental), ("a", "1", Indexing.Without), ("a", "1", Indexing.Never));
        encoder.SetPeerMaxTableSize(4096);
        Assert.Equal(version, encoder.TableVersion);

        EncodeBlock(encoder, ("a", "1", Indexing.Incremental));
        Assert.NotEqual(version, version = encoder.TableVersion);

        EncodeBlock(encoder, ("a", "1", Indexing.Incremental));
        Assert.Equal(version, encoder.TableVersion);

        encoder.SetPeerMaxTableSize(100);
        Assert.NotEqual(version, version = encoder.TableVersion);

        encoder.BeginBlock(new OutputBuffer());
        Assert.NotEqual(version, encoder.TableVersion);
    }

    [Fact]
    public void A_dip_of_the_size_never_brings_an_old_encoder_version_back()
    {
        var encoder = new HpackEncoder();
        var seen = new HashSet<int> { encoder.TableVersion };
        for (int i = 0; i < 20; i++)
        {
            encoder.SetPeerMaxTableSize(0);
            Assert.True(seen.Add(encoder.TableVersion), "The version was there before.");
            encoder.SetPeerMaxTableSize(4096);
            Assert.True(seen.Add(encoder.TableVersion), "The version was there before.");
            EncodeBlock(encoder, ("a", "1", Indexing.Incremental));
            Assert.True(seen.Add(encoder.TableVersion), "The version was there before.");
        }
    }
}
