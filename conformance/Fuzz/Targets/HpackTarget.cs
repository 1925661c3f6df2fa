using MiniGrpc.Conformance.Fuzz.Engine;
using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Hpack;

namespace MiniGrpc.Conformance.Fuzz.Targets;

/// <summary>Header blocks as octets, several on one decoder: RFC 7541. An input is an octet for the limit, then the blocks.</summary>
internal sealed class HpackTarget : PureTarget
{
    /// <summary>Limits that an input chooses from: none at all, less than an entry, the default, more.</summary>
    public static readonly int[] Limits = [4096, 0, 64, 200, 65_536];

    /// <inheritdoc />
    public override string Name => "hpack";

    /// <inheritdoc />
    public override string About => "Header blocks, right and wrong: the decoder agrees with a plain one, field by field and error by error.";

    /// <inheritdoc />
    public override IEnumerable<byte[]> Seeds()
    {
        for (byte limit = 0; limit < Limits.Length; limit++)
        {
            // The blocks of RFC 7541 Appendix C.4 and one of each representation.
            yield return [limit, .. Chunks.Join([
                Convert.FromHexString("828684418cf1e3c2e5f23a6ba0ab90f4ff"),
                Convert.FromHexString("828684be5886a8eb10649cbf"),
                Convert.FromHexString("828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf"),
            ])];
            yield return [limit, .. Chunks.Join([
                Convert.FromHexString("203fe11f"),
                Convert.FromHexString("400a637573746f6d2d6b65790d637573746f6d2d686561646572"),
                Convert.FromHexString("040c2f73616d706c652f70617468"),
                Convert.FromHexString("100870617373776f726406736563726574be"),
            ])];
        }
    }

    /// <inheritdoc />
    public override byte[] Mutate(byte[] input, byte[] other, Random random)
    {
        if (input.Length == 0)
        {
            return [0];
        }

        List<byte[]> blocks = Chunks.Split(input.AsSpan(1));
        RecordMutator.Mutate(blocks, Chunks.Split(other.AsSpan(int.Min(1, other.Length))), random, Tweak, Create);
        byte limit = random.Next(20) == 0 ? (byte)random.Next(Limits.Length) : input[0];
        return [limit, .. Chunks.Join(blocks)];
    }

    /// <inheritdoc />
    protected override void Run(byte[] input, Features features)
    {
        if (input.Length > 0)
        {
            new HpackCheck(Limits[input[0] % Limits.Length], features).Decode(Chunks.Split(input.AsSpan(1)));
        }
    }

    private static byte[] Tweak(byte[] block, Random random) => OctetMutator.Mutate(block, block, random);

    private static byte[] Create(Random random)
    {
        byte[] noise = new byte[random.Next(30)];
        random.NextBytes(noise);
        return noise;
    }
}

/// <summary>
/// Header blocks that our encoder makes of random fields and table sizes, some of them damaged afterwards. An input is a row
/// of decisions.
/// </summary>
internal sealed class HpackBlocksTarget : PureTarget
{
    private static readonly string[] s_names = [":status", "content-type", "grpc-status", "te", "x", "x-trace-id", "cookie", "", "data-bin"];
    private static readonly string[] s_values = ["200", "0", "application/grpc", "trailers", "", "a", "some text"];
    private static readonly uint[] s_sizes = [0, 31, 32, 100, 4096, 65_536, uint.MaxValue];

    /// <inheritdoc />
    public override string Name => "hpack-blocks";

    /// <inheritdoc />
    public override string About => "Blocks of our encoder, then damaged: what is whole decodes to what was encoded, and the rest as a plain decoder says.";

    /// <inheritdoc />
    public override IEnumerable<byte[]> Seeds()
    {
        for (int seed = 0; seed < 8; seed++)
        {
            byte[] decisions = new byte[200];
            new Random(seed).NextBytes(decisions);
            yield return decisions;
        }
    }

    /// <inheritdoc />
    protected override void Run(byte[] input, Features features)
    {
        var source = new ByteSource(input);
        int limit = source.OneOf(HpackTarget.Limits);
        var encoder = new HpackEncoder(source.OneOf(HpackTarget.Limits), useHuffman: source.Below(4) > 0);
        encoder.SetPeerMaxTableSize((uint)limit);
        var check = new HpackCheck(limit, features);
        bool damaged = false;
        while (source.HasMore && check.Error is null)
        {
            if (source.Below(8) == 0)
            {
                // Never above what the decoder allows; down and up again is what two size updates in a row are for.
                encoder.SetPeerMaxTableSize(uint.Min((uint)limit, source.OneOf(s_sizes)));
                encoder.SetPeerMaxTableSize(uint.Min((uint)limit, source.OneOf(s_sizes)));
            }

            List<(string Name, string Value)> fields = [];
            byte[] block = Encode(encoder, source, fields);
            if (block.Length > 0 && source.Below(8) == 0)
            {
                damaged = true;
                block[source.Word() % block.Length] ^= (byte)(1 << source.Below(8));
            }

            List<(string Name, string Value)> decoded = check.Decode(block);
            if (!damaged)
            {
                FuzzException.Require(check.Error is null, $"a block of our encoder is refused: {check.Error}");
                FuzzException.Require(fields.SequenceEqual(decoded), "a block of our encoder decodes to other fields");
            }
        }
    }

    private static byte[] Encode(HpackEncoder encoder, ByteSource source, List<(string Name, string Value)> fields)
    {
        var output = new OutputBuffer();
        encoder.BeginBlock(output);
        for (int count = source.Below(6); count > 0; count--)
        {
            string name = source.Below(4) > 0 ? source.OneOf<string>(s_names) : source.Text(20);
            string value = source.Below(2) > 0 ? source.OneOf<string>(s_values) : source.Text(60);
            fields.Add((name, value));
            encoder.Encode(
                output, System.Text.Encoding.Latin1.GetBytes(name), System.Text.Encoding.Latin1.GetBytes(value), (Indexing)source.Below(3));
        }

        return output.WrittenSpan.ToArray();
    }
}
