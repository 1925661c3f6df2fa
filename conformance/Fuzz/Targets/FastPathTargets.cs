using System.Text;
using MiniGrpc.Conformance.Fuzz.Engine;
using MiniGrpc.Conformance.Wire.Rfc7541;
using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Hpack;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Fuzz.Targets;

/// <summary>Strings in the Huffman code: the table against the plain decoder, and encoding against decoding (RFC 7541 section 5.2).</summary>
internal sealed class HuffmanTarget : PureTarget
{
    /// <inheritdoc />
    public override string Name => "huffman";

    /// <inheritdoc />
    public override string About => "Octets as a Huffman string and as text to be one: the fast decoder agrees with the plain one.";

    /// <inheritdoc />
    public override int MaxLength => 512;

    /// <inheritdoc />
    public override IEnumerable<byte[]> Seeds() =>
        [[], [0xff], [0xff, 0xff, 0xff, 0xff], Convert.FromHexString("f1e3c2e5f23a6ba0ab90f4ff"), [.. Enumerable.Range(0, 256).Select(i => (byte)i)]];

    /// <inheritdoc />
    protected override void Run(byte[] input, Features features)
    {
        byte[] room = new byte[HuffmanDecoder.MaximumDecodedLength(input.Length)];
        HpackError? error = HuffmanDecoder.Decode(input, room, out int written);
        HpackError? plainError = PlainHuffmanDecoder.Decode(input, out byte[] plain);
        FuzzException.RequireEqual(plainError, error, "the error of a string");
        FuzzException.Require(error is not null || room.AsSpan(0, written).SequenceEqual(plain), "the plain decoder reads another text");
        features.Add(error?.Reason ?? "string", input.Length % 8);
        features.AddCount("decoded", written);
        byte[] encoded = new byte[HuffmanEncoder.EncodedLength(input)];
        HuffmanEncoder.Encode(input, encoded);
        byte[] back = new byte[HuffmanDecoder.MaximumDecodedLength(encoded.Length)];
        FuzzException.Require(HuffmanDecoder.Decode(encoded, back, out int length) is null, "our own encoding is refused");
        FuzzException.Require(back.AsSpan(0, length).SequenceEqual(input), "our own encoding means something else");
    }
}

/// <summary>
/// Prepared header blocks that are replayed, against the same fields encoded anew each time: same octets, and what a decoder
/// makes of them are the fields (fast path 1 of docs/design.md). An input is a row of decisions.
/// </summary>
internal sealed class ReplayTarget : PureTarget
{
    private static readonly PreparedFields[] s_prepared =
    [
        new((":status", "200"), ("content-type", "application/grpc")),
        new((":method", "POST"), (":scheme", "http"), (":path", "/a/B"), ("te", "trailers"), ("user-agent", "x")),
        new(("grpc-status", "0")),
        new((":path", "/a/C"), ("x", new string('a', 100))),
    ];

    private static readonly uint[] s_sizes = [0, 40, 100, 300, 4096, 65_536];

    /// <inheritdoc />
    public override string Name => "replay";

    /// <inheritdoc />
    public override string About => "Replayed header blocks have the octets that encoding them anew would give.";

    /// <inheritdoc />
    public override IEnumerable<byte[]> Seeds() => [[], [0, 0, 1, 0, 0, 0, 1, 0, 2, 0], [9, 0, 0, 0, 0, 9, 4, 0, 0, 1, 0, 3, 0]];

    /// <inheritdoc />
    protected override void Run(byte[] input, Features features)
    {
        var source = new ByteSource(input);
        var fast = new HeaderBlockEncoder();
        var plain = new HeaderBlockEncoder();
        var decoder = new HpackDecoder(4096);
        while (source.HasMore)
        {
            int kind = source.Below(10);
            if (kind == 9)
            {
                uint size = source.OneOf(s_sizes);
                fast.SetPeerMaxTableSize(size);
                plain.SetPeerMaxTableSize(size);
                features.Add("size", size);
                continue;
            }

            PreparedFields? prepared = kind == 8 ? null : s_prepared[kind % s_prepared.Length];
            HeaderList? fields = source.Below(3) == 0 ? Fields(source) : null;
            Compare(fast, plain, decoder, prepared, fields, features);
        }
    }

    private static void Compare(
        HeaderBlockEncoder fast, HeaderBlockEncoder plain, HpackDecoder decoder, PreparedFields? prepared, HeaderList? fields, Features features)
    {
        var fastOutput = new OutputBuffer();
        var plainOutput = new OutputBuffer();
        fast.Encode(fastOutput, prepared, fields);
        HeaderList all = Concatenate(prepared?.Fields, fields);
        plain.Encode(plainOutput, null, all);
        FuzzException.Require(fastOutput.WrittenSpan.SequenceEqual(plainOutput.WrittenSpan), "a replayed block has other octets");

        var sink = new ListSink();
        FuzzException.Require(decoder.Decode(fastOutput.WrittenSpan, sink) is null, "a replayed block can't be decoded");
        FuzzException.RequireEqual(Text(all), Text(sink.Fields), "what a replayed block means");
        features.AddCount("octets", fastOutput.Length);
        features.AddCount("table", decoder.Table.Count);
    }

    private static HeaderList Fields(ByteSource source)
    {
        var fields = new HeaderList();
        for (int count = source.Below(4); count > 0; count--)
        {
            fields.Add(Encoding.Latin1.GetBytes(source.Text(6)), Encoding.Latin1.GetBytes(source.Text(20)), (Indexing)source.Below(3));
        }

        return fields;
    }

    private static HeaderList Concatenate(HeaderList? first, HeaderList? second)
    {
        var all = new HeaderList();
        foreach (HeaderList list in new[] { first, second }.OfType<HeaderList>())
        {
            foreach (HeaderField field in list)
            {
                all.Add(field.Name, field.Value, field.Indexing);
            }
        }

        return all;
    }

    private static string Text(HeaderList fields)
    {
        var text = new StringBuilder();
        foreach (HeaderField field in fields)
        {
            text.Append(Encoding.Latin1.GetString(field.Name)).Append('=').Append(Encoding.Latin1.GetString(field.Value)).Append('\n');
        }

        return text.ToString();
    }

    private sealed class ListSink : IFieldSink
    {
        public HeaderList Fields { get; } = new();

        public void OnField(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value) => Fields.Add(name, value);
    }
}
