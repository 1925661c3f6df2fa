using System.Text;
using MiniGrpc.Conformance.Wire.Rfc7541;
using MiniGrpc.Wire.Hpack;

namespace MiniGrpc.Conformance.Fuzz.Reference;

/// <summary>
/// Decodes header blocks as plainly as RFC 7541 reads, in the order in which it reads: the dynamic table is a list whose
/// newest entry is the first, and every index counts through it. What the product's decoder is held against.
/// </summary>
internal sealed class PlainHpackDecoder(int tableSizeLimit)
{
    private readonly List<(string Name, string Value)> _table = [];
    private int _limit = tableSizeLimit;
    private byte[] _block = [];
    private int _position;

    /// <summary>The announced size of the table (section 4.2).</summary>
    public int MaximumSize { get; private set; } = int.Min(4096, tableSizeLimit);

    /// <summary>The size of the table (section 4.1).</summary>
    public int Size => _table.Sum(SizeOf);

    /// <summary>The entries, the newest first.</summary>
    public IReadOnlyList<(string Name, string Value)> Entries => _table;

    /// <summary>Follows a new SETTINGS_HEADER_TABLE_SIZE.</summary>
    public void SetMaxTableSize(int size) => _limit = size;

    /// <summary>Decodes a block; what was decoded before an error stays in <paramref name="fields"/>.</summary>
    public HpackError? Decode(byte[] block, List<(string Name, string Value)> fields)
    {
        _block = block;
        _position = 0;
        try
        {
            ReadSizeUpdates();
            while (_position < _block.Length)
            {
                fields.Add(ReadField());
            }

            return null;
        }
        catch (MalformedException e)
        {
            return e.Error;
        }
    }

    private void ReadSizeUpdates()
    {
        int count = 0;
        while (_position < _block.Length && (_block[_position] >> 5) == 0b001)
        {
            Require(++count <= 2, HpackError.TooManySizeUpdates);
            int size = ReadInteger(5);
            Require(size <= _limit, HpackError.SizeUpdateTooLarge);
            MaximumSize = size;
            Evict();
        }

        Require(MaximumSize <= _limit, HpackError.SizeUpdateMissing);
    }

    private (string Name, string Value) ReadField()
    {
        byte first = _block[_position];
        if (first >> 7 == 0b1)
        {
            return EntryAt(ReadInteger(7));
        }

        Require(first >> 5 != 0b001, HpackError.SizeUpdateMisplaced);
        bool inserts = first >> 6 == 0b01;
        int index = ReadInteger(inserts ? 6 : 4);
        string name = index == 0 ? ReadString() : EntryAt(index).Name;
        (string, string) field = (name, ReadString());
        if (inserts)
        {
            _table.Insert(0, field);
            Evict();
        }

        return field;
    }

    private (string Name, string Value) EntryAt(int index)
    {
        Require(index != 0, HpackError.IndexZero);
        if (index <= StaticTable.Count)
        {
            TableEntry entry = StaticTable.EntryAt(index);
            return (Encoding.Latin1.GetString(entry.Name), Encoding.Latin1.GetString(entry.Value));
        }

        Require(index - StaticTable.Count <= _table.Count, HpackError.IndexOutOfRange);
        return _table[index - StaticTable.Count - 1];
    }

    private string ReadString()
    {
        bool isHuffman = _position < _block.Length && _block[_position] >> 7 == 1;
        int length = ReadInteger(7);
        Require(length <= _block.Length - _position, HpackError.StringTruncated);
        byte[] octets = _block[_position..(_position + length)];
        _position += length;
        if (isHuffman)
        {
            HpackError? error = PlainHuffmanDecoder.Decode(octets, out octets);
            Require(error is null, error);
        }

        return Encoding.Latin1.GetString(octets);
    }

    private int ReadInteger(int prefixBits)
    {
        Require(_position < _block.Length, HpackError.IntegerTruncated);
        long value = _block[_position++] % (1 << prefixBits);
        if (value < (1 << prefixBits) - 1)
        {
            return (int)value;
        }

        for (int shift = 0; shift < 35; shift += 7)
        {
            Require(_position < _block.Length, HpackError.IntegerTruncated);
            byte octet = _block[_position++];
            value += (octet % 128L) << shift;
            if (octet < 128)
            {
                Require(value <= int.MaxValue, HpackError.IntegerTooLarge);
                return (int)value;
            }
        }

        throw new MalformedException(HpackError.IntegerTooLarge);
    }

    private void Evict()
    {
        while (Size > MaximumSize)
        {
            _table.RemoveAt(_table.Count - 1);
        }
    }

    private static int SizeOf((string Name, string Value) entry) => entry.Name.Length + entry.Value.Length + 32;

    private static void Require(bool holds, HpackError? error)
    {
        if (!holds)
        {
            throw new MalformedException(error!);
        }
    }

    /// <summary>Ends the decoding of a block; it never leaves this class.</summary>
    private sealed class MalformedException(HpackError error) : Exception
    {
        public HpackError Error { get; } = error;
    }
}
