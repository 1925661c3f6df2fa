using CsCheck;
using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Hpack;
using static MiniGrpc.Conformance.Wire.Rfc7541.HpackTesting;

namespace MiniGrpc.Conformance.Wire.Rfc7541;

/// <summary>RFC 7541 as a whole: encoder and decoder stay in step, and no input makes the decoder throw.</summary>
public class RoundTripTests
{
    private const int TableSizeLimit = 16384;

    private static readonly Gen<string> s_name = Gen.OneOf(
        Gen.OneOf(":method", ":path", ":status", "content-type", "grpc-status", "te", "x", "x-trace-id", "cookie", ""),
        Gen.Char['a', 'e'].Array[1, 3].Select(letters => new string(letters)));

    private static readonly Gen<string> s_value = Gen.OneOf(
        Gen.OneOf("GET", "/", "200", "0", "application/grpc", "trailers", ""),
        Gen.Char['a', 'c'].Array[0, 2].Select(letters => new string(letters)),
        Gen.Char['\0', '\xff'].Array[0, 300].Select(octets => new string(octets)));

    private static readonly Gen<(string Name, string Value, Indexing Indexing)> s_field = Gen.Select(
        s_name, s_value, Gen.OneOf(Indexing.Incremental, Indexing.Incremental, Indexing.Without, Indexing.Never));

    private static readonly Gen<uint[]> s_sizes = Gen.OneOf(
        Gen.Const(Array.Empty<uint>()),
        Gen.OneOf(Gen.UInt[0, 200], Gen.UInt[0, TableSizeLimit], Gen.OneOf(0u, 4096u, uint.MaxValue)).Array[0, 4]);

    private static readonly Gen<Step[]> s_steps =
        Gen.Select(s_sizes, s_field.Array[0, 12], (sizes, fields) => new Step(sizes, fields)).Array[1, 12];

    [Fact]
    [Requirement("7541-2.1-1")]
    [Requirement("7541-2.1-2")]
    [Requirement("7541-4.2-1")]
    [Requirement("7541-6.3-1")]
    public void Any_fields_and_any_size_changes_go_through_and_leave_equal_tables()
    {
        s_steps.Sample(
            steps =>
            {
                var encoder = new HpackEncoder(TableSizeLimit);
                var decoder = new HpackDecoder(TableSizeLimit);
                foreach (Step step in steps)
                {
                    byte[] block = EncodeStep(encoder, step, out _);
                    Assert.Equal(step.Fields.Select(field => new Field(field.Name, field.Value)), Decode(decoder, block));
                    AssertSameTables(encoder, decoder);
                    AssertSound(decoder.Table);
                }
            },
            iter: 300,
            threads: 1);
    }

    [Fact]
    public void A_block_that_left_the_version_alone_means_the_same_when_sent_again()
    {
        s_steps.Sample(
            steps =>
            {
                var encoder = new HpackEncoder(TableSizeLimit);
                var decoder = new HpackDecoder(TableSizeLimit);
                foreach (Step step in steps)
                {
                    int version = encoder.TableVersion;
                    byte[] block = EncodeStep(encoder, step, out _);
                    Field[] fields = Decode(decoder, block);
                    if (encoder.TableVersion == version)
                    {
                        int decoderVersion = decoder.TableVersion;
                        Assert.Equal(fields, Decode(decoder, block));
                        Assert.Equal(decoderVersion, decoder.TableVersion);
                        AssertSameTables(encoder, decoder);
                    }
                }
            },
            iter: 200,
            threads: 1);
    }

    [Fact]
    [Requirement("7541-6.2.3-1")]
    public void A_never_indexed_field_arrives_as_a_never_indexed_literal_and_enters_no_table()
    {
        s_steps.Sample(
            steps =>
            {
                var encoder = new HpackEncoder(TableSizeLimit);
                foreach (Step step in steps)
                {
                    EncodeStep(encoder, step, out _);
                    Field[] before = EntriesOf(encoder.Table);
                    var output = new OutputBuffer();
                    encoder.Encode(output, Octets(step.Fields.Length > 0 ? step.Fields[0].Name : "a"), "secret"u8, Indexing.Never);
                    Assert.Equal(0x10, output.WrittenSpan[0] & 0xf0);
                    Assert.Equal(before, EntriesOf(encoder.Table));
                }
            },
            iter: 100,
            threads: 1);
    }

    [Fact]
    public void Every_truncation_of_a_block_is_an_error_or_ends_between_two_fields()
    {
        s_steps.Sample(
            steps =>
            {
                byte[][] earlier = [];
                var encoder = new HpackEncoder(TableSizeLimit);
                foreach (Step step in steps.Take(3))
                {
                    byte[] block = EncodeStep(encoder, step, out HashSet<int> fieldEnds);
                    Field[] fields = [.. step.Fields.Select(field => new Field(field.Name, field.Value))];
                    for (int length = 0; length < block.Length; length++)
                    {
                        CheckTruncation(earlier, block.AsSpan(0, length), fields, fieldEnds.Contains(length));
                    }

                    earlier = [.. earlier, block];
                }
            },
            iter: 20,
            threads: 1);
    }

    [Fact]
    public void Random_octets_never_throw_and_leave_a_sound_table()
    {
        Gen<byte> first = Gen.OneOf(Gen.Byte, Gen.OneOf<byte>(0x20, 0x3f, 0x40, 0x7f, 0x80, 0x82, 0xbe, 0xff, 0x00, 0x01, 0x81));
        first.Array[0, 80].Array[1, 4].Sample(
            blocks =>
            {
                var decoder = new HpackDecoder();
                foreach (byte[] block in blocks)
                {
                    if (decoder.Decode(block, new FieldRecorder()) is not null)
                    {
                        break;
                    }
                }

                AssertSound(decoder.Table);
            },
            iter: 5000,
            threads: 1);
    }

    [Fact]
    public void A_damaged_block_never_throws_and_leaves_a_sound_table()
    {
        Gen.Select(s_steps, Gen.Int[0, int.MaxValue], Gen.Byte).Sample(
            (steps, place, octet) =>
            {
                var encoder = new HpackEncoder(TableSizeLimit);
                var decoder = new HpackDecoder(TableSizeLimit);
                foreach (Step step in steps)
                {
                    byte[] block = EncodeStep(encoder, step, out _);
                    if (block.Length > 0)
                    {
                        block[place % block.Length] = octet;
                    }

                    if (decoder.Decode(block, new FieldRecorder()) is not null)
                    {
                        break;
                    }
                }

                AssertSound(decoder.Table);
            },
            iter: 500,
            threads: 1);
    }

    [Fact]
    public void A_sink_that_throws_does_not_spoil_the_next_block()
    {
        var decoder = new HpackDecoder();
        byte[] small = EncodeBlock(new HpackEncoder(), ("aaa", "aaa", Indexing.Without));
        Assert.Throws<InvalidOperationException>(() => { decoder.Decode(small, new ThrowingSink()); });

        string text = new('a', 5000);
        byte[] large = EncodeBlock(new HpackEncoder(), ("aaa", text, Indexing.Without));
        Assert.Equal([new("aaa", text)], Decode(decoder, large));
    }

    /// <summary>Encodes a block and notes its lengths at which a shorter block would be complete.</summary>
    private static byte[] EncodeStep(HpackEncoder encoder, Step step, out HashSet<int> fieldEnds)
    {
        foreach (uint size in step.Sizes)
        {
            encoder.SetPeerMaxTableSize(size);
        }

        var output = new OutputBuffer();
        encoder.BeginBlock(output);
        fieldEnds = [0, output.Length];
        if (output.Length > 0)
        {
            // Two size updates may stand there; between them a block is complete as well.
            for (int length = 1; length < output.Length; length++)
            {
                int position = 0;
                if (PrefixedInteger.Read(output.WrittenSpan[..length], ref position, 5, out _) is null && position == length)
                {
                    fieldEnds.Add(length);
                }
            }
        }

        foreach ((string name, string value, Indexing indexing) in step.Fields)
        {
            encoder.Encode(output, Octets(name), Octets(value), indexing);
            fieldEnds.Add(output.Length);
        }

        return output.WrittenSpan.ToArray();
    }

    private static void CheckTruncation(byte[][] earlier, ReadOnlySpan<byte> block, Field[] fields, bool isComplete)
    {
        var decoder = new HpackDecoder(TableSizeLimit);
        foreach (byte[] earlierBlock in earlier)
        {
            Assert.Null(decoder.Decode(earlierBlock, new FieldRecorder()));
        }

        var recorder = new FieldRecorder();
        HpackError? error = decoder.Decode(block, recorder);
        Assert.Equal(isComplete, error is null);
        Assert.Equal(fields[..recorder.Fields.Count], recorder.Fields);
    }

    private sealed record Step(uint[] Sizes, (string Name, string Value, Indexing Indexing)[] Fields);

    private sealed class ThrowingSink : IFieldSink
    {
        public void OnField(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value) => throw new InvalidOperationException("on purpose");
    }
}
