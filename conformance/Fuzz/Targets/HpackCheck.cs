using System.Text;
using MiniGrpc.Conformance.Fuzz.Engine;
using MiniGrpc.Conformance.Fuzz.Reference;
using MiniGrpc.Wire.Hpack;

namespace MiniGrpc.Conformance.Fuzz.Targets;

/// <summary>
/// Decodes blocks three times, by the product twice and by the plain decoder once: fields, errors and tables are the same,
/// and no table is larger than was allowed.
/// </summary>
internal sealed class HpackCheck(int limit, Features features)
{
    private readonly HpackDecoder _decoder = new(limit);
    private readonly HpackDecoder _again = new(limit);
    private readonly PlainHpackDecoder _plain = new(limit);

    /// <summary>What was wrong with a block; the decoders can't be used any more then.</summary>
    public HpackError? Error { get; private set; }

    /// <summary>Decodes blocks up to the first that is wrong.</summary>
    public void Decode(IEnumerable<byte[]> blocks)
    {
        foreach (byte[] block in blocks)
        {
            if (Error is null)
            {
                Decode(block);
            }
        }
    }

    /// <summary>Decodes a block, and answers with its fields.</summary>
    public List<(string Name, string Value)> Decode(byte[] block)
    {
        var fields = new Recorder();
        var fieldsAgain = new Recorder();
        List<(string Name, string Value)> plainFields = [];
        Error = _decoder.Decode(block, fields);
        HpackError? errorAgain = _again.Decode(block, fieldsAgain);
        HpackError? plainError = _plain.Decode(block, plainFields);

        FuzzException.RequireEqual(plainError, Error, "the error of a block");
        FuzzException.RequireEqual(Error, errorAgain, "the error of a block, decoded again");
        FuzzException.Require(plainFields.SequenceEqual(fields.Fields), "the plain decoder reads other fields");
        FuzzException.Require(fields.Fields.SequenceEqual(fieldsAgain.Fields), "decoding again gives other fields");
        CheckTable();

        features.Add(Error?.Reason ?? "block");
        features.AddCount("fields", fields.Fields.Count);
        features.AddCount("table", _decoder.Table.Count);
        features.AddCount("table size", _decoder.Table.Size);
        features.AddCount("maximum", _decoder.Table.MaximumSize);
        if (block.Length > 0)
        {
            features.Add("first", block[0] >> 4, Error is null ? 0 : 1);
        }

        return fields.Fields;
    }

    private void CheckTable()
    {
        DynamicTable table = _decoder.Table;
        FuzzException.Require(table.Size <= table.MaximumSize, $"a table of {table.Size} octets may have {table.MaximumSize}");
        FuzzException.Require(table.MaximumSize <= int.Max(limit, 0) || Error is not null, "the table's bound is above the limit");
        FuzzException.RequireEqual(_plain.Size, table.Size, "the table's size");
        FuzzException.RequireEqual(_plain.MaximumSize, table.MaximumSize, "the table's bound");
        FuzzException.RequireEqual(_plain.Entries.Count, table.Count, "the table's entries");
        for (int age = 0; age < table.Count; age++)
        {
            TableEntry entry = table[table.Newest - age];
            FuzzException.RequireEqual(
                _plain.Entries[age], (Encoding.Latin1.GetString(entry.Name), Encoding.Latin1.GetString(entry.Value)), $"entry {age}");
        }
    }

    private sealed class Recorder : IFieldSink
    {
        public List<(string Name, string Value)> Fields { get; } = [];

        public void OnField(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value) =>
            Fields.Add((Encoding.Latin1.GetString(name), Encoding.Latin1.GetString(value)));
    }
}
