using System.Diagnostics;
using MiniGrpc.Wire.Buffers;

namespace MiniGrpc.Wire.Hpack;

/// <summary>How a field that stands in no table is written: RFC 7541 section 6.2.</summary>
internal enum Indexing : byte
{
    /// <summary>As a literal that both sides insert into their dynamic table: section 6.2.1. For fields that come again.</summary>
    Incremental,

    /// <summary>As a literal that leaves the table alone: section 6.2.2. For fields that differ each time.</summary>
    Without,

    /// <summary>
    /// As a literal that no proxy may insert either: section 6.2.3. For short secrets, which an attacker could otherwise
    /// guess one after the other and see from the length of the block when the guess hits (section 7.1).
    /// </summary>
    Never,
}

/// <summary>
/// Writes header blocks: RFC 7541 section 6. <see cref="HpackDecoder"/> shows the representations.
/// </summary>
/// <remarks>
/// <para>
/// A field that stands in a table goes out as its index. Otherwise it becomes a literal, its name an index where possible;
/// the static table goes first, because its indexes never change. Strings are Huffman-encoded unless that is longer.
/// </para>
/// <para>Not thread-safe: it belongs to the send gate, since blocks must leave in the order in which they were encoded.</para>
/// </remarks>
internal sealed class HpackEncoder
{
    private const byte IndexedFlag = 0b1000_0000;
    private const byte IncrementalFlag = 0b0100_0000;
    private const byte SizeUpdateFlag = 0b0010_0000;
    private const byte NeverFlag = 0b0001_0000;
    private const byte HuffmanFlag = 0b1000_0000;

    private readonly int _tableSizeCap;
    private readonly bool _useHuffman;
    private readonly DynamicTable _table;
    private readonly DynamicTableIndex _index;
    private int _smallestTableSize; // since the last block; what the table shrinks to before it takes its final size
    private int _finalTableSize;
    private int _sizeUpdatesDue; // how often one became due; writing it changes the version of the table itself

    /// <param name="tableSizeCap">Our own bound on the table, whatever the peer allows: the memory is ours.</param>
    /// <param name="useHuffman">Whether strings may be Huffman-encoded.</param>
    public HpackEncoder(int tableSizeCap = HpackDecoder.InitialTableSize, bool useHuffman = true)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(tableSizeCap);
        _tableSizeCap = tableSizeCap;
        _useHuffman = useHuffman;
        _table = new DynamicTable(HpackDecoder.InitialTableSize);
        _index = new DynamicTableIndex(_table);
        _smallestTableSize = _finalTableSize = HpackDecoder.InitialTableSize;

        // A cap below the size that the peer's decoder begins with has to be announced like any other change.
        SetPeerMaxTableSize(HpackDecoder.InitialTableSize);
    }

    /// <summary>
    /// Differs from what it was whenever the dynamic table changes or a size update becomes due or is written. The bytes of
    /// a block may be sent again while the version is the one that stood both before its
    /// <see cref="BeginBlock"/> and after its last field.
    /// </summary>
    public int TableVersion => _table.Version + _sizeUpdatesDue; // both only grow, so their sum changes with either

    /// <summary>The dynamic table, for tests to compare.</summary>
    internal DynamicTable Table => _table;

    private bool IsSizeUpdateDue => _smallestTableSize != _table.MaximumSize || _finalTableSize != _table.MaximumSize;

    /// <summary>Takes over the peer's SETTINGS_HEADER_TABLE_SIZE. The next block announces the size that follows from it.</summary>
    public void SetPeerMaxTableSize(uint size)
    {
        int tableSize = (int)uint.Min((uint)_tableSizeCap, size);
        if (tableSize != _finalTableSize)
        {
            _finalTableSize = tableSize;
            _smallestTableSize = int.Min(_smallestTableSize, tableSize);
            _sizeUpdatesDue++;
        }
    }

    /// <summary>
    /// Begins a header block: announces a changed table size (RFC 7541 section 6.3). If the size went down and up again since
    /// the last block, the smallest is announced too, so that the peer evicts what we evict (section 4.2).
    /// </summary>
    public void BeginBlock(OutputBuffer output)
    {
        if (!IsSizeUpdateDue)
        {
            return;
        }

        if (_smallestTableSize < _finalTableSize && _smallestTableSize < _table.MaximumSize)
        {
            AnnounceSize(output, _smallestTableSize);
        }

        AnnounceSize(output, _finalTableSize);
        _smallestTableSize = _finalTableSize;
    }

    /// <summary>Writes one field of the block begun last.</summary>
    public void Encode(OutputBuffer output, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, Indexing indexing)
    {
        Debug.Assert(!IsSizeUpdateDue, "A size update may stand only at the beginning of a block; call BeginBlock.");
        uint nameHash = OctetHash.Of(name);
        uint fieldHash = 0;
        int nameIndex = StaticTable.FindName(nameHash, name);
        if (indexing != Indexing.Never)
        {
            fieldHash = DynamicTableIndex.FieldHash(nameHash, OctetHash.Of(value));
            int index = FindField(nameIndex, fieldHash, name, value);
            if (index != 0)
            {
                PrefixedInteger.Write(output, IndexedFlag, prefixBits: 7, index);
                return;
            }
        }

        if (nameIndex == 0)
        {
            nameIndex = IndexOf(_index.FindName(nameHash, name));
        }

        // Inserting a field larger than the table would do nothing but empty it (RFC 7541 section 4.4).
        if (indexing == Indexing.Incremental && TableEntry.SizeOf(name, value) <= _table.MaximumSize)
        {
            WriteLiteral(output, IncrementalFlag, prefixBits: 6, nameIndex, name, value);
            _table.Insert(name, value);
            _index.AddNewest(nameHash, fieldHash);
            return;
        }

        WriteLiteral(output, indexing == Indexing.Never ? NeverFlag : (byte)0, prefixBits: 4, nameIndex, name, value);
    }

    private void AnnounceSize(OutputBuffer output, int size)
    {
        PrefixedInteger.Write(output, SizeUpdateFlag, prefixBits: 5, size);
        _table.Resize(size);
    }

    private int FindField(int staticNameIndex, uint fieldHash, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        int index = staticNameIndex == 0 ? 0 : StaticTable.FindValue(staticNameIndex, value);
        return index != 0 ? index : IndexOf(_index.FindField(fieldHash, name, value));
    }

    /// <summary>The index by which the peer knows the entry now: the newest one is the first behind the static table.</summary>
    private int IndexOf(long entryNumber) => entryNumber == 0 ? 0 : StaticTable.Count + 1 + (int)(_table.Newest - entryNumber);

    private void WriteLiteral(
        OutputBuffer output, byte flags, int prefixBits, int nameIndex, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        PrefixedInteger.Write(output, flags, prefixBits, nameIndex);
        if (nameIndex == 0)
        {
            WriteString(output, name);
        }

        WriteString(output, value);
    }

    /// <summary>Writes a string literal (RFC 7541 section 5.2). Of two equally long forms the Huffman one, as in Appendix C.6.2.</summary>
    private void WriteString(OutputBuffer output, ReadOnlySpan<byte> text)
    {
        int huffmanLength = _useHuffman ? HuffmanEncoder.EncodedLength(text) : int.MaxValue;
        if (huffmanLength <= text.Length && text.Length > 0)
        {
            PrefixedInteger.Write(output, HuffmanFlag, prefixBits: 7, huffmanLength);
            HuffmanEncoder.Encode(text, output.Reserve(huffmanLength));
            return;
        }

        PrefixedInteger.Write(output, flags: 0, prefixBits: 7, text.Length);
        output.Write(text);
    }
}
