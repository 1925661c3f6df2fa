using System.Text;
using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Hpack;

namespace MiniGrpc.Conformance.Wire.Rfc7541;

/// <summary>A sink that keeps the fields as text, one character an octet.</summary>
internal sealed class FieldRecorder : IFieldSink
{
    public List<Field> Fields { get; } = [];

    public void OnField(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value) =>
        Fields.Add(new Field(Encoding.Latin1.GetString(name), Encoding.Latin1.GetString(value)));
}

internal readonly record struct Field(string Name, string Value)
{
    public override string ToString() => $"{Name}: {Value}";
}

/// <summary>What the tests of this folder share.</summary>
internal static class HpackTesting
{
    public static byte[] Octets(string text) => Encoding.Latin1.GetBytes(text);

    public static byte[] Hex(string digits) => Convert.FromHexString(digits.Replace(" ", "", StringComparison.Ordinal));

    public static string ToHex(ReadOnlySpan<byte> octets) => Convert.ToHexStringLower(octets);

    public static Field[] Decode(HpackDecoder decoder, ReadOnlySpan<byte> block)
    {
        var recorder = new FieldRecorder();
        Assert.Null(decoder.Decode(block, recorder));
        return [.. recorder.Fields];
    }

    /// <summary>The error of a block for a new decoder with the default table.</summary>
    public static HpackError? ErrorOf(string digits) => new HpackDecoder().Decode(Hex(digits), new FieldRecorder());

    public static byte[] EncodeBlock(HpackEncoder encoder, params ReadOnlySpan<(string Name, string Value, Indexing Indexing)> fields)
    {
        var output = new OutputBuffer();
        encoder.BeginBlock(output);
        foreach ((string name, string value, Indexing indexing) in fields)
        {
            encoder.Encode(output, Octets(name), Octets(value), indexing);
        }

        return output.WrittenSpan.ToArray();
    }

    /// <summary>The entries in the order of their indexes, so the newest first.</summary>
    public static Field[] EntriesOf(DynamicTable table)
    {
        var entries = new List<Field>();
        for (long number = table.Newest; number >= table.Oldest; number--)
        {
            TableEntry entry = table[number];
            entries.Add(new Field(Encoding.Latin1.GetString(entry.Name), Encoding.Latin1.GetString(entry.Value)));
        }

        return [.. entries];
    }

    public static void AssertSameTables(HpackEncoder encoder, HpackDecoder decoder)
    {
        Assert.Equal(EntriesOf(encoder.Table), EntriesOf(decoder.Table));
        Assert.Equal(encoder.Table.Size, decoder.Table.Size);
        Assert.Equal(encoder.Table.MaximumSize, decoder.Table.MaximumSize);
    }

    public static void AssertSound(DynamicTable table)
    {
        Assert.Equal(EntriesOf(table).Sum(entry => entry.Name.Length + entry.Value.Length + 32), table.Size);
        Assert.True(table.Size <= table.MaximumSize, "The table is larger than it may be.");
    }
}
