using CsCheck;
using MiniGrpc.Conformance.Wire.Rfc7541;
using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Hpack;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>Fast path 1: header blocks that are replayed mean what plainly encoded ones do.</summary>
public class HeaderBlockEncoderTests
{
    private static readonly PreparedFields[] s_prepared =
    [
        new((":status", "200"), ("content-type", "application/grpc")),
        new(("grpc-status", "0")),
        new((":method", "POST"), (":path", "/" + new string('p', 150)), ("te", "trailers")),
        new(("large", new string('x', 5000))),
        new(),
    ];

    private static readonly Gen<HeaderList?> s_fields = Gen.OneOf(
        Gen.Const((HeaderList?)null),
        Gen.Select(Gen.OneOf("a", "grpc-status", "x-" + new string('n', 60)), Gen.OneOf("0", "v", new string('w', 300)), Gen.Enum<Indexing>())
            .Array[0, 3].Select(Fields));

    [Fact]
    public void A_replayed_block_decodes_like_a_plain_one_whatever_becomes_of_the_table()
    {
        Gen<(int Prepared, HeaderList? Fields, int Resize)> step =
            Gen.Select(Gen.Int[-1, s_prepared.Length - 1], s_fields, Gen.OneOf(Gen.Const(-1), Gen.Const(-1), Gen.Const(-1), Gen.Int[0, 4096]));
        step.Array[1, 40].Sample(
            steps =>
            {
                var blocks = new HeaderBlockEncoder();
                var decoder = new HpackDecoder();
                foreach ((int prepared, HeaderList? fields, int resize) in steps)
                {
                    if (resize >= 0)
                    {
                        blocks.SetPeerMaxTableSize((uint)resize);
                        decoder.SetMaxTableSize(resize);
                    }

                    var output = new OutputBuffer();
                    PreparedFields? constant = prepared < 0 ? null : s_prepared[prepared];
                    blocks.Encode(output, constant, fields);
                    Assert.Equal(
                        [.. Plain(constant?.Fields), .. Plain(fields)], HpackTesting.Decode(decoder, output.WrittenSpan));
                }
            },
            iter: 500,
            threads: 1);
    }

    [Fact]
    public void A_constant_block_costs_an_octet_a_field_from_the_second_time_on()
    {
        var blocks = new HeaderBlockEncoder();
        var output = new OutputBuffer();
        blocks.Encode(output, s_prepared[0], null);
        output.Clear();
        blocks.Encode(output, s_prepared[0], null);
        Assert.Equal(2, output.Length);
        byte[] second = output.WrittenSpan.ToArray();
        output.Clear();
        blocks.Encode(output, s_prepared[0], null);
        Assert.Equal(second, output.WrittenSpan.ToArray());
    }

    /// <summary>RFC 7541 section 4.2: a new table size must be signalled at the start of the next block, replayed or not.</summary>
    [Fact]
    [Requirement("9113-4.3.1-1")]
    public void A_block_after_a_change_of_the_table_size_starts_with_the_update()
    {
        var blocks = new HeaderBlockEncoder();
        var output = new OutputBuffer();
        for (int i = 0; i < 3; i++)
        {
            blocks.Encode(output, s_prepared[0], null);
        }

        blocks.SetPeerMaxTableSize(0);
        output.Clear();
        blocks.Encode(output, s_prepared[0], null);
        Assert.Equal(0x20, output.WrittenSpan[0]);
    }

    private static HeaderList? Fields((string Name, string Value, Indexing Indexing)[] fields)
    {
        var list = new HeaderList();
        foreach ((string name, string value, Indexing indexing) in fields)
        {
            list.Add(HpackTesting.Octets(name), HpackTesting.Octets(value), indexing);
        }

        return list;
    }

    private static List<Field> Plain(HeaderList? list)
    {
        var recorder = new FieldRecorder();
        foreach (HeaderField field in list ?? new HeaderList())
        {
            recorder.OnField(field.Name, field.Value);
        }

        return recorder.Fields;
    }
}
