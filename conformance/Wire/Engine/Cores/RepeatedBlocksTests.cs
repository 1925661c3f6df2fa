using MiniGrpc.Conformance.Wire.Rfc9113;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>
/// Which field blocks are known when they come again, and which have to be decoded (fast path 5 of docs/design.md). Blocks stand here
/// as octets: RFC 7541 section 6.
/// </summary>
public class RepeatedBlocksTests
{
    private const int MostBlocks = 8;
    private const int LongestBlock = 256;
    private const int LongestList = 1024;
    private const int Times = 4;

    private static readonly byte[] s_newestEntry = [.. BlockBench.Request, 0xbe];

    [Fact]
    public void A_block_is_known_when_it_comes_for_the_third_time()
    {
        var bench = new BlockBench();
        byte[] block = [.. BlockBench.Request, .. Literal("x", "v")];
        Assert.Null(bench.Head(block));
        Assert.Empty(bench.Known);
        RepeatedBlock kept = Assert.Single([bench.Head(block)])!;
        Assert.Same(kept, bench.Head(block));
        Assert.Same(kept, Assert.Single(bench.Known));
        Assert.Equal("headers :method=POST;:scheme=http;:path=/;x=v;", bench.LastReport());
    }

    /// <summary>RFC 7541 section 6.2.1: passed over, such a block would leave the table without its entry.</summary>
    [Theory]
    [InlineData(10)]
    [InlineData(5000)] // empties the table instead (section 4.4)
    public void A_block_that_inserts_is_never_kept(int length)
    {
        var bench = new BlockBench();
        byte[] block = [.. BlockBench.Request, 0x40, .. Literal("a", new string('1', length))[1..]];
        for (int i = 0; i < Times; i++)
        {
            Assert.Null(bench.Head(block));
        }

        Assert.Empty(bench.Known);
        Assert.Equal(length == 10 ? Times : 0, bench.Decoder.Table.Count);
    }

    /// <summary>RFC 7541 section 2.3.3: an insert, by whichever stream's block, moves the indexes of what is in the table.</summary>
    [Fact]
    public void A_block_means_something_else_when_the_table_has_changed()
    {
        var bench = new BlockBench();
        foreach (string value in new[] { "1", "2", "1" })
        {
            bench.Head([.. BlockBench.Request, 0x40, .. Literal("a", value)[1..]]);
            for (int i = 0; i < Times; i++)
            {
                bench.Head(s_newestEntry);
                Assert.EndsWith($"a={value};", bench.LastReport(), StringComparison.Ordinal);
            }

            Assert.Same(bench.Known[0], bench.Head(s_newestEntry));
        }
    }

    /// <summary>RFC 7541 section 4.3: a smaller table evicts what a block refers to.</summary>
    [Fact]
    public void A_block_that_refers_to_what_was_evicted_is_an_error()
    {
        var bench = new BlockBench();
        bench.Head([.. BlockBench.Request, 0x40, .. Literal("a", "1")[1..]]);
        for (int i = 0; i < Times; i++)
        {
            bench.Head(s_newestEntry);
        }

        Assert.NotNull(bench.Head(s_newestEntry));
        bench.Head([0x20, .. BlockBench.Request]); // a size update to 0
        Assert.Null(bench.Error);
        bench.Head(s_newestEntry);
        FrameBytes.IsConnectionError(bench.Error, ErrorCode.CompressionError, "4.3");
    }

    /// <summary>RFC 7541 section 6.3: a size update that leaves the size as it is changes nothing, so its block may come again.</summary>
    [Fact]
    public void A_block_with_a_size_update_is_known_only_if_it_leaves_the_table_as_it_is()
    {
        var bench = new BlockBench();
        byte[] same = [0x3f, 0xe1, 0x1f, .. BlockBench.Request]; // 4096
        byte[] downAndUp = [0x20, 0x3f, 0xe1, 0x1f, .. BlockBench.Request]; // 0, then 4096
        for (int i = 0; i < Times; i++)
        {
            Assert.Null(bench.Head(downAndUp));
        }

        bench.Head(same);
        Assert.NotNull(bench.Head(same));
        Assert.NotNull(bench.Head(same));
        Assert.Single(bench.Known);
    }

    /// <summary>RFC 7541 section 4.2: below a limit that was lowered, the next block must start with a size update.</summary>
    [Fact]
    public void A_known_block_without_a_size_update_is_an_error_when_the_limit_was_lowered()
    {
        var bench = new BlockBench();
        for (int i = 0; i < Times; i++)
        {
            bench.Head(BlockBench.Request);
        }

        Assert.NotNull(bench.Head(BlockBench.Request));
        bench.Decoder.SetMaxTableSize(100);
        bench.Head(BlockBench.Request);
        FrameBytes.IsConnectionError(bench.Error, ErrorCode.CompressionError, "4.3");
    }

    [Fact]
    public void A_malformed_block_is_malformed_each_time()
    {
        var bench = new BlockBench();
        for (int i = 0; i < Times; i++)
        {
            bench.Head([.. BlockBench.Request, .. Literal("X", "v")]);
            Assert.Equal("stream error ProtocolError 8.2.1", bench.LastReport());
        }

        Assert.Empty(bench.Known);
    }

    [Fact]
    public void A_block_with_too_large_a_list_is_too_large_each_time()
    {
        var bench = new BlockBench(maxHeaderListSize: 200);
        for (int i = 0; i < Times; i++)
        {
            bench.Head([.. BlockBench.Request, .. Literal("x", new string('v', 100))]);
            Assert.Equal("stream error EnhanceYourCalm 10.5.1", bench.LastReport());
        }

        Assert.Empty(bench.Known);
    }

    /// <summary>RFC 9113 sections 8.1 and 8.3: what a block may say depends on where it stands.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_block_that_is_known_as_trailers_is_no_head_and_the_other_way_round(bool ofClient)
    {
        var bench = new BlockBench(ofClient ? Role.Client : Role.Server);
        byte[] head = ofClient ? BlockBench.Response : BlockBench.Request;
        byte[] trailers = Literal("x", "v");
        for (int i = 0; i < Times; i++)
        {
            bench.Head(head);
            bench.Trailers(trailers);
        }

        Assert.NotNull(bench.Head(head));
        Assert.NotNull(bench.Trailers(trailers));
        for (int i = 0; i < Times; i++)
        {
            Assert.Null(bench.Head(trailers));
            Assert.StartsWith("stream error ProtocolError 8.3", bench.LastReport(), StringComparison.Ordinal);
            bench.Trailers(head);
            Assert.Equal("stream error ProtocolError 8.1", bench.LastReport());
        }
    }

    [Fact]
    public void A_block_that_comes_once_keeps_nothing()
    {
        var bench = new BlockBench();
        for (int i = 0; i < 5000; i++)
        {
            Assert.Null(bench.Head(Numbered(i)));
        }

        Assert.Empty(bench.Known);
    }

    [Fact]
    public void Thousands_of_blocks_keep_a_few()
    {
        var bench = new BlockBench();
        for (int i = 0; i < 5000; i++)
        {
            bench.Head(Numbered(i));
            Assert.NotNull(bench.Head(Numbered(i)));
            Assert.Equal(Math.Min(i + 1, MostBlocks), bench.Known.Count);
        }

        Assert.InRange(bench.Known.Sum(block => block.Octets.Length + block.Fields.Length), 1, MostBlocks * (LongestBlock + LongestList));
    }

    /// <summary>Who sends many blocks has those that it sends most known.</summary>
    [Fact]
    public void The_block_that_was_used_longest_ago_makes_room()
    {
        var bench = new BlockBench();
        for (int i = 0; i < MostBlocks; i++)
        {
            bench.Head(Numbered(i));
            bench.Head(Numbered(i));
        }

        RepeatedBlock first = bench.Head(Numbered(0))!;
        bench.Head(Numbered(MostBlocks));
        bench.Head(Numbered(MostBlocks));
        Assert.Equal(MostBlocks, bench.Known.Count);
        Assert.Same(first, bench.Head(Numbered(0)));
        Assert.DoesNotContain(bench.Known, block => block.Octets.SequenceEqual(Numbered(1)));
    }

    [Theory]
    [InlineData(LongestBlock, true)]
    [InlineData(LongestBlock + 1, false)]
    public void A_long_block_is_not_kept(int length, bool kept)
    {
        var bench = new BlockBench();
        int names = length - BlockBench.Request.Length - (2 * Literal("x", "").Length);
        byte[] block = [.. BlockBench.Request, .. Literal("x", new string('v', names / 2)), .. Literal("x", new string('v', names - (names / 2)))];
        Assert.Equal(length, block.Length);
        bench.Head(block);
        Assert.Equal(kept, bench.Head(block) is not null);
        Assert.Equal(kept ? 1 : 0, bench.Known.Count);
    }

    /// <summary>A short block can refer to a long entry many times.</summary>
    [Theory]
    [InlineData(LongestList, true)]
    [InlineData(LongestList + 1, false)]
    public void A_block_with_a_long_list_is_not_kept(int size, bool kept)
    {
        var bench = new BlockBench();
        const int RequestSize = (3 * HeaderList.FieldOverhead) + 28; // :method POST, :scheme http, :path /
        bench.Head([.. BlockBench.Request, 0x40, .. Literal("a", new string('1', size - RequestSize - HeaderList.FieldOverhead - 1))[1..]]);
        bench.Head(s_newestEntry);
        Assert.Equal(kept, bench.Head(s_newestEntry) is not null);
        Assert.Equal(kept ? 1 : 0, bench.Known.Count);
    }

    private static byte[] Numbered(int i) => [.. BlockBench.Request, .. Literal("x", i.ToString(System.Globalization.CultureInfo.InvariantCulture))];

    /// <summary>A literal that is not indexed (RFC 7541 section 6.2.2).</summary>
    private static byte[] Literal(string name, string value)
    {
        var output = new MiniGrpc.Wire.Buffers.OutputBuffer();
        new MiniGrpc.Wire.Hpack.HpackEncoder(useHuffman: false).Encode(
            output, Rfc7541.HpackTesting.Octets(name), Rfc7541.HpackTesting.Octets(value), MiniGrpc.Wire.Hpack.Indexing.Without);
        return output.WrittenSpan.ToArray();
    }
}
