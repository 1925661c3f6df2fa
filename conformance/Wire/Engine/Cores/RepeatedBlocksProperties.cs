using CsCheck;
using MiniGrpc.Conformance.Wire.Rfc7541;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>
/// Field blocks that come again (fast path 5 of docs/design.md) mean what they mean to an end that decodes each of them: the same
/// fields, the same errors, the same dynamic table.
/// </summary>
public class RepeatedBlocksProperties
{
    private static readonly byte[][] s_starts =
    [
        BlockBench.Request,
        BlockBench.Request,
        BlockBench.Response,
        BlockBench.Response,
        [],
        [],
        [0x20], // a table of no size
        [0x3f, 0x21], // of 64 octets
        [0x3f, 0xe1, 0x1f], // of 4096
        [0x20, 0x3f, 0xe1, 0x1f, .. BlockBench.Request],
        [0x3f, 0xe1, 0x1f, .. BlockBench.Request],
        [0x3f, 0xe1, 0x1f, .. BlockBench.Response],
    ];

    private static readonly byte[][] s_fields =
    [
        [0x90], // accept-encoding: gzip, deflate, from the static table
        [0x00, 0x01, .. "x"u8, 0x01, .. "v"u8],
        [0x00, 0x01, .. "y"u8, 0x81, 0x1f], // a value in the Huffman code
        [0x10, 0x81, 0xf3, 0x01, .. "v"u8], // a name in it, never indexed
        [0x40, 0x01, .. "a"u8, 0x01, .. "1"u8], // inserted
        [0x40, 0x01, .. "b"u8, 0x01, .. "2"u8],
        [0x7e, 0x01, .. "3"u8], // inserted, with the newest entry's name
        [0x0f, 0x2f, 0x01, .. "4"u8], // the newest entry's name with another value
        [0xbe], // the newest entry
        [0xbe],
        [0xbf], // and the ones before
        [0xc0],
        [0x5f, 0x01, .. "5"u8], // content-type, inserted
        [0x00, 0x01, .. "l"u8, 0x7f, 0x49, .. new byte[200].Select(_ => (byte)'l')],
    ];

    private static readonly byte[][] s_oddFields =
    [
        [0x00, 0x01, .. "X"u8, 0x00], // malformed: an uppercase name
        [0x84], // malformed: a pseudo-header field behind another field
        [0x20], // an error: a size update behind a field
        [0x80], // an error: index 0
        [0x00, 0x01, .. "x"u8, 0x05], // an error: cut off
    ];

    private static readonly Gen<byte[]> s_block = Gen.Select(
        OneOf(s_starts),
        Gen.Frequency((30, OneOf(s_fields)), (1, OneOf(s_oddFields))).Array[0, 4],
        (start, fields) => (byte[])[.. start, .. fields.SelectMany(field => field)]);

    /// <summary>A block as a head (0 to 4) or as trailers (5 to 8), or a new limit of the table (9).</summary>
    private static readonly Gen<(int Kind, int Which)> s_step = Gen.Select(Gen.Int[0, 9], Gen.Int[0, 119]);

    private static readonly int[] s_limits = [4096, 4096, 8192, 64, 0];

    [Fact]
    public void Blocks_that_come_again_say_what_decoding_them_anew_says()
    {
        int repeats = 0;
        Gen.Select(Gen.Enum<Role>(), s_block.Array[2, 6], s_step.Array[1, 60]).Sample(
            (role, blocks, steps) => repeats += Run(role, blocks, steps), iter: 3000, threads: 1);
        Assert.True(repeats > 1000, $"Of all blocks, {repeats} were known: this has tested nothing.");
    }

    private static int Run(Role role, byte[][] blocks, (int Kind, int Which)[] steps)
    {
        const int Large = 250; // so that a request with the long field is over the limit, and trailers with it aren't
        var bench = new BlockBench(role, Large);
        var plain = new BlockBench(role, Large);
        int repeats = 0;
        foreach ((int kind, int which) in steps)
        {
            plain.Forget();
            if (kind == 9 && which < 20)
            {
                bench.Decoder.SetMaxTableSize(s_limits[which % s_limits.Length]);
                plain.Decoder.SetMaxTableSize(s_limits[which % s_limits.Length]);
                continue;
            }

            byte[] block = blocks[which % blocks.Length];
            repeats += (kind < 5 ? bench.Head(block) : bench.Trailers(block)) is null ? 0 : 1;
            Assert.Null(kind < 5 ? plain.Head(block) : plain.Trailers(block));
            Assert.Equal(plain.Error?.ToString(), bench.Error?.ToString());
            Assert.Equal(plain.Log, bench.Log);
            Assert.Equal(HpackTesting.EntriesOf(plain.Decoder.Table), HpackTesting.EntriesOf(bench.Decoder.Table));
            Assert.Equal(plain.Decoder.Table.MaximumSize, bench.Decoder.Table.MaximumSize);
            bench.Log.Clear();
            plain.Log.Clear();
        }

        return repeats;
    }

    private static Gen<byte[]> OneOf(byte[][] octets) => Gen.Int[0, octets.Length - 1].Select(i => octets[i]);
}
