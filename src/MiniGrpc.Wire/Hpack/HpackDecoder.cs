using MiniGrpc.Wire.Buffers;

namespace MiniGrpc.Wire.Hpack;

/// <summary>
/// Reads header blocks: RFC 7541 sections 3 and 6. The first bits of an octet tell which representation begins there.
/// </summary>
/// <remarks>
/// <para>
/// <code>
///   0   1   2   3   4   5   6   7
/// +---+---+---+---+---+---+---+---+
/// | 1 |        Index (7+)         |   section 6.1    indexed field
/// +---+---+---+---+---+---+---+---+
/// | 0 | 1 |      Index (6+)       |   section 6.2.1  literal, inserted into the dynamic table
/// +---+---+---+---+---+---+---+---+
/// | 0 | 0 | 1 |  Max size (5+)    |   section 6.3    dynamic table size update
/// +---+---+---+---+---+---+---+---+
/// | 0 | 0 | 0 | 1 |  Index (4+)   |   section 6.2.3  literal, never to be indexed
/// +---+---+---+---+---+---+---+---+
/// | 0 | 0 | 0 | 0 |  Index (4+)   |   section 6.2.2  literal, not indexed
/// +---+---+---+---+---+---+---+---+
/// </code>
/// </para>
/// <para>
/// The index of a literal names an entry whose name it takes over; 0 means that the name follows as a string. The last two
/// forms read alike: they differ for a proxy that would send the field on.
/// </para>
/// <para>Not thread-safe: it belongs to the receive loop, which hands over the blocks in the order of their arrival.</para>
/// </remarks>
internal sealed class HpackDecoder
{
    /// <summary>The size of a table until SETTINGS say otherwise: RFC 9113 section 6.5.2.</summary>
    public const int InitialTableSize = 4096;

    /// <summary>
    /// A limit may go down and up again before the next block; the encoder then announces the smallest and the final one
    /// (RFC 7541 section 4.2).
    /// </summary>
    private const int MaximumSizeUpdates = 2;

    private readonly DynamicTable _table;
    private int _tableSizeLimit;
    private int _limitChanges;
    private byte _representation; // the first octet of the latest field
    private byte[] _scratch = []; // Huffman output; rented while a block is decoded

    /// <param name="maxTableSize">The SETTINGS_HEADER_TABLE_SIZE in force: advertised by us and acknowledged by the peer.</param>
    public HpackDecoder(int maxTableSize = InitialTableSize)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maxTableSize);
        _tableSizeLimit = maxTableSize;
        _table = new DynamicTable(int.Min(InitialTableSize, maxTableSize));
    }

    /// <summary>Differs from what it was whenever the dynamic table does, or its limit: lets a caller recognise a block seen before.</summary>
    public int TableVersion => _table.Version + _limitChanges;

    /// <summary>The dynamic table, for tests to compare.</summary>
    internal DynamicTable Table => _table;

    /// <summary>
    /// Changes the limit when the peer has acknowledged a new SETTINGS_HEADER_TABLE_SIZE. The table itself changes with
    /// the size update that the peer then sends; it must, where the limit went below its present size.
    /// </summary>
    public void SetMaxTableSize(int size)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(size);
        _tableSizeLimit = size;
        _limitChanges++;
    }

    /// <summary>
    /// Whether the field that the sink is just given came as a literal that may go into no table (RFC 7541 section 6.2.3): its
    /// sender holds it to be a secret.
    /// </summary>
    public bool IsNeverIndexed => (_representation & 0b1111_0000) == 0b0001_0000;

    /// <summary>Decodes one complete header block and hands its fields to <paramref name="sink"/>.</summary>
    /// <returns>Null, or what is wrong with the block; the decoder can't be used after that.</returns>
    /// <remarks>
    /// A sink that wants no more fields gets them nevertheless: the block has to be read to its end to keep the dynamic
    /// table in step with the peer's (RFC 9113 section 4.3).
    /// </remarks>
    public HpackError? Decode(ReadOnlySpan<byte> block, IFieldSink sink)
    {
        try
        {
            HpackError? error = ReadSizeUpdates(block, out int position);
            while (error is null && position < block.Length)
            {
                error = ReadField(block, ref position, sink);
            }

            return error;
        }
        finally
        {
            ReturnScratch();
        }
    }

    private HpackError? ReadSizeUpdates(ReadOnlySpan<byte> block, out int position)
    {
        position = 0;
        for (int count = 1; position < block.Length && IsSizeUpdate(block[position]); count++)
        {
            if (count > MaximumSizeUpdates)
            {
                return HpackError.TooManySizeUpdates;
            }

            HpackError? error = PrefixedInteger.Read(block, ref position, prefixBits: 5, out int size);
            if (error is not null)
            {
                return error;
            }

            if (size > _tableSizeLimit)
            {
                return HpackError.SizeUpdateTooLarge;
            }

            _table.Resize(size);
        }

        return _table.MaximumSize > _tableSizeLimit ? HpackError.SizeUpdateMissing : null;
    }

    private static bool IsSizeUpdate(byte first) => (first & 0b1110_0000) == 0b0010_0000;

    private HpackError? ReadField(ReadOnlySpan<byte> block, ref int position, IFieldSink sink)
    {
        byte first = block[position];
        _representation = first;
        if (first >= 0b1000_0000)
        {
            return ReadIndexed(block, ref position, sink);
        }

        if (first >= 0b0100_0000)
        {
            return ReadLiteral(block, ref position, prefixBits: 6, insert: true, sink);
        }

        return IsSizeUpdate(first)
            ? HpackError.SizeUpdateMisplaced
            : ReadLiteral(block, ref position, prefixBits: 4, insert: false, sink);
    }

    private HpackError? ReadIndexed(ReadOnlySpan<byte> block, ref int position, IFieldSink sink)
    {
        HpackError? error = PrefixedInteger.Read(block, ref position, prefixBits: 7, out int index);
        if (error is not null)
        {
            return error;
        }

        error = LookUp(index, out TableEntry entry);
        if (error is null)
        {
            sink.OnField(entry.Name, entry.Value);
        }

        return error;
    }

    private HpackError? ReadLiteral(ReadOnlySpan<byte> block, ref int position, int prefixBits, bool insert, IFieldSink sink)
    {
        HpackError? error = PrefixedInteger.Read(block, ref position, prefixBits, out int nameIndex);
        if (error is not null)
        {
            return error;
        }

        int scratchUsed = 0;
        ReadOnlySpan<byte> name;
        if (nameIndex == 0)
        {
            error = ReadString(block, ref position, ref scratchUsed, out name);
        }
        else
        {
            error = LookUp(nameIndex, out TableEntry entry);
            name = error is null ? entry.Name : default;
        }

        if (error is not null)
        {
            return error;
        }

        error = ReadString(block, ref position, ref scratchUsed, out ReadOnlySpan<byte> value);
        if (error is not null)
        {
            return error;
        }

        if (insert)
        {
            _table.Insert(name, value);
        }

        sink.OnField(name, value);
        return null;
    }

    /// <summary>The entry at <paramref name="index"/> of the address space that both tables share: RFC 7541 section 2.3.3.</summary>
    private HpackError? LookUp(int index, out TableEntry entry)
    {
        entry = default;
        if (index == 0)
        {
            return HpackError.IndexZero;
        }

        if (index <= StaticTable.Count)
        {
            entry = StaticTable.EntryAt(index);
            return null;
        }

        int age = index - StaticTable.Count - 1;
        if (age >= _table.Count)
        {
            return HpackError.IndexOutOfRange;
        }

        entry = _table[_table.Newest - age];
        return null;
    }

    /// <summary>Reads a string literal: RFC 7541 section 5.2.</summary>
    /// <remarks>
    /// <code>
    /// +---+---+---+---+---+---+---+---+
    /// | H |     String Length (7+)    |   H: the octets are Huffman-encoded
    /// +---+---------------------------+
    /// |  String Data (Length octets)  |
    /// +-------------------------------+
    /// </code>
    /// </remarks>
    private HpackError? ReadString(
        ReadOnlySpan<byte> block, scoped ref int position, scoped ref int scratchUsed, out ReadOnlySpan<byte> text)
    {
        text = default;
        bool isHuffman = position < block.Length && block[position] >= 0b1000_0000;
        HpackError? error = PrefixedInteger.Read(block, ref position, prefixBits: 7, out int length);
        if (error is not null)
        {
            return error;
        }

        if (length > block.Length - position)
        {
            return HpackError.StringTruncated;
        }

        text = block.Slice(position, length);
        if (isHuffman)
        {
            RentScratch(block.Length - position);
            Span<byte> destination = _scratch.AsSpan(scratchUsed);
            error = HuffmanDecoder.Decode(text, destination, out int decodedLength);
            text = destination[..decodedLength];
            scratchUsed += decodedLength;
        }

        position += length;
        return error;
    }

    /// <summary>
    /// Makes room, once a block, for all that the rest of the block may decode to: name and value of a field lie there
    /// side by side and may not move. Between blocks nothing is kept.
    /// </summary>
    private void RentScratch(int remainingOctets)
    {
        if (_scratch.Length == 0)
        {
            _scratch = BytePool.Rent(HuffmanDecoder.MaximumDecodedLength(remainingOctets));
        }
    }

    private void ReturnScratch()
    {
        if (_scratch.Length > 0)
        {
            BytePool.Return(_scratch);
            _scratch = [];
        }
    }
}
