using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Hpack;

namespace MiniGrpc.Conformance.Interop.Hpack;

/// <summary>
/// RFC 7541 against implementations that share nothing with ours: what we encode they decode, and what they encode we do, over
/// many blocks of one connection.
/// </summary>
public class HpackVectorTests
{
    private const int Blocks = 120;
    private const int DamagedBlocks = 3000;
    private const uint LargestTable = 16_384;

    public static TheoryData<HpackCodec, int> Vectors => new(
        from codec in Enum.GetValues<HpackCodec>() from seed in Enumerable.Range(1, 4) select (codec, seed));

    [Theory]
    [MemberData(nameof(Vectors))]
    public async Task Others_decode_what_we_encode(HpackCodec codec, int seed)
    {
        Step[] steps = HpackVectors.Steps(seed, Blocks);
        var encoder = new HpackEncoder((int)LargestTable, useHuffman: seed % 4 > 0);
        byte[][] blocks = [.. steps.Select(step => Encode(encoder, step, seed))];

        Field[]?[] decoded = await HpackPeer.DecodeAsync(codec, steps.Zip(blocks, (step, block) => (step.Sizes, block)));

        Assert.Equal(steps.Select(step => Text(step.Fields)), decoded.Select(Text));
    }

    [Theory]
    [MemberData(nameof(Vectors))]
    public async Task We_decode_what_others_encode(HpackCodec codec, int seed)
    {
        Step[] steps = HpackVectors.Steps(seed, Blocks);

        byte[][] blocks = await HpackPeer.EncodeAsync(codec, steps);

        var decoder = new HpackDecoder();
        foreach ((Step step, byte[] block) in steps.Zip(blocks))
        {
            foreach (uint size in step.Sizes)
            {
                decoder.SetMaxTableSize((int)size);
            }

            var recorder = new Recorder();
            HpackError? error = decoder.Decode(block, recorder);
            Assert.Null(error);
            Assert.Equal(step.Fields.Select(field => Text(field.Name, field.Value)), recorder.Fields);
        }
    }

    /// <summary>
    /// RFC 9113 section 4.3: a block that can't be decoded ends the connection. Where the two others agree we agree with them;
    /// where they don't, one is more lenient than RFC 7541.
    /// </summary>
    [Fact]
    public async Task A_damaged_block_is_refused_when_others_refuse_it_and_accepted_when_they_accept_it()
    {
        var random = new Random(1);
        byte[][] blocks = [.. HpackVectors.Steps(seed: 9, DamagedBlocks).Select(step => Encode(new HpackEncoder(), step with { Sizes = [] }, DamagedBlocks))];
        Array.ForEach(blocks, block => HpackVectors.Damage(block, random));

        bool[] python = await HpackPeer.JudgeAsync(HpackCodec.Python, blocks);
        bool[] nghttp2 = await HpackPeer.JudgeAsync(HpackCodec.Nghttp2, blocks);

        bool[] ours = [.. blocks.Select(block => new HpackDecoder().Decode(block, new Recorder()) is null)];
        Assert.Contains(true, ours);
        Assert.Contains(false, ours);
        for (int i = 0; i < blocks.Length; i++)
        {
            Assert.True(
                python[i] != nghttp2[i] || ours[i] == python[i],
                $"{Convert.ToHexStringLower(blocks[i])}: ours {ours[i]}, python {python[i]}, nghttp2 {nghttp2[i]}");
        }
    }

    private static byte[] Encode(HpackEncoder encoder, Step step, int seed)
    {
        foreach (uint size in step.Sizes)
        {
            encoder.SetPeerMaxTableSize(size);
        }

        var output = new OutputBuffer();
        encoder.BeginBlock(output);
        foreach (Field field in step.Fields)
        {
            Indexing indexing = field.NeverIndexed ? Indexing.Never : (field.Value.Length + seed) % 5 == 0 ? Indexing.Without : Indexing.Incremental;
            encoder.Encode(output, field.Name, field.Value, indexing);
        }

        return output.WrittenSpan.ToArray();
    }

    private static string Text(Field[]? fields) => fields is null ? "refused" : string.Join('\n', fields.Select(field => field.ToString()));

    private static string Text(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value) =>
        $"{System.Text.Encoding.Latin1.GetString(name)}={System.Text.Encoding.Latin1.GetString(value)}";

    private sealed class Recorder : IFieldSink
    {
        public List<string> Fields { get; } = [];

        public void OnField(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value) => Fields.Add(Text(name, value));
    }
}
