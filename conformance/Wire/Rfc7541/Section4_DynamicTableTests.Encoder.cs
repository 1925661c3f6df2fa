using MiniGrpc.Wire.Hpack;
using static MiniGrpc.Conformance.Wire.Rfc7541.HpackTesting;

namespace MiniGrpc.Conformance.Wire.Rfc7541;

/// <content>The size of the table as the encoder announces it (sections 4.2 and 6.3).</content>
public partial class Section4_DynamicTableTests
{
    [Fact]
    public void The_encoder_announces_nothing_while_the_size_stays()
    {
        var encoder = new HpackEncoder();
        encoder.SetPeerMaxTableSize(4096);
        encoder.SetPeerMaxTableSize(65536);
        encoder.SetPeerMaxTableSize(uint.MaxValue);
        Assert.Equal("82", ToHex(EncodeBlock(encoder, (":method", "GET", Indexing.Incremental))));
    }

    [Fact]
    [Requirement("7541-4.2-2")]
    public void The_encoder_announces_a_cap_below_the_initial_size_in_its_first_block()
    {
        var encoder = new HpackEncoder(256);
        Assert.Equal("3fe10182", ToHex(EncodeBlock(encoder, (":method", "GET", Indexing.Incremental))));
        Assert.Equal("82", ToHex(EncodeBlock(encoder, (":method", "GET", Indexing.Incremental))));
    }

    [Fact]
    [Requirement("7541-4.2-2")]
    public void The_encoder_announces_a_changed_size_once()
    {
        var encoder = new HpackEncoder();
        encoder.SetPeerMaxTableSize(0);
        Assert.Equal("2082", ToHex(EncodeBlock(encoder, (":method", "GET", Indexing.Incremental))));
        Assert.Equal("82", ToHex(EncodeBlock(encoder, (":method", "GET", Indexing.Incremental))));
        encoder.SetPeerMaxTableSize(4096);
        Assert.Equal("3fe11f82", ToHex(EncodeBlock(encoder, (":method", "GET", Indexing.Incremental))));
    }

    [Fact]
    [Requirement("7541-4.2-3")]
    public void The_encoder_announces_the_smallest_and_the_final_of_several_sizes()
    {
        var encoder = new HpackEncoder();
        encoder.SetPeerMaxTableSize(2048);
        encoder.SetPeerMaxTableSize(68);
        encoder.SetPeerMaxTableSize(1024);
        // RFC 7541 section 4.2: the smallest, then the final; 68 - 31 = 37 = 0x25, 1024 - 31 = 993 = 7 * 128 + 0x61.
        Assert.Equal("3f25" + "3fe107", ToHex(EncodeBlock(encoder)));
    }

    [Fact]
    [Requirement("7541-4.2-3")]
    public void The_encoder_announces_a_dip_even_if_the_size_is_back_to_what_it_was()
    {
        var encoder = new HpackEncoder();
        var decoder = new HpackDecoder();
        Decode(decoder, EncodeBlock(encoder, ("a", "1", Indexing.Incremental)));
        encoder.SetPeerMaxTableSize(0);
        encoder.SetPeerMaxTableSize(4096);
        byte[] block = EncodeBlock(encoder);
        Assert.Equal("203fe11f", ToHex(block));
        Decode(decoder, block);
        Assert.Empty(EntriesOf(encoder.Table));
        AssertSameTables(encoder, decoder);
    }

    [Fact]
    public void The_encoder_announces_only_the_final_of_several_growing_sizes()
    {
        var encoder = new HpackEncoder(16384);
        encoder.SetPeerMaxTableSize(8192);
        encoder.SetPeerMaxTableSize(16384);
        Assert.Equal("3fe17f", ToHex(EncodeBlock(encoder)));
        Assert.Equal(16384, encoder.Table.MaximumSize);
    }

    [Fact]
    [Requirement("7541-4.2-1")]
    [Requirement("7541-6.3-1")]
    public void The_encoder_never_goes_above_its_own_cap()
    {
        var encoder = new HpackEncoder(1024);
        EncodeBlock(encoder);
        encoder.SetPeerMaxTableSize(uint.MaxValue);
        Assert.Empty(EncodeBlock(encoder));
        Assert.Equal(1024, encoder.Table.MaximumSize);
    }

    [Fact]
    public void The_encoder_does_not_insert_a_field_larger_than_the_table()
    {
        var encoder = new HpackEncoder(68, useHuffman: false);
        EncodeBlock(encoder, ("a", "1", Indexing.Incremental));
        string large = new('x', 36);
        byte[] block = EncodeBlock(encoder, ("c", large, Indexing.Incremental));
        Assert.Equal("00" + "0163" + "24" + ToHex(Octets(large)), ToHex(block));
        Assert.Equal([new("a", "1")], EntriesOf(encoder.Table));

        string fitting = new('x', 35);
        EncodeBlock(encoder, ("c", fitting, Indexing.Incremental));
        Assert.Equal([new("c", fitting)], EntriesOf(encoder.Table));
    }
}
