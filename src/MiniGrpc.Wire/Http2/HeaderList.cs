using System.Buffers.Binary;

using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Hpack;

namespace MiniGrpc.Wire.Http2;

/// <summary>
/// An ordered list of header fields (RFC 9113 section 8.2) as octets, in one pooled buffer: what a received block
/// was decoded to, or what is to be encoded.
/// </summary>
/// <remarks>
/// Layout, a field after the other: name length and indexing (4 octets), value length (4), name, value.
/// Not thread-safe: whoever holds it owns it. <see cref="Release"/> gives the memory back.
/// </remarks>
internal sealed class HeaderList
{
    /// <summary>What a field costs beyond its octets when lists are measured (RFC 9113 section 6.5.2).</summary>
    internal const int FieldOverhead = 32;

    private const int FieldPrefixSize = 8;
    private const int IndexingShift = 30;

    private readonly OutputBuffer _octets = new();
    private RepeatedBlock? _repeated;

    /// <summary>The number of fields.</summary>
    public int Count { get; private set; }

    /// <summary>The size that SETTINGS_MAX_HEADER_LIST_SIZE limits: names and values, and 32 octets for each field (section 6.5.2).</summary>
    public int Size => Octets.Length + (Count * (FieldOverhead - FieldPrefixSize));

    /// <summary>The block that this list came from, if the peer sends it again and again.</summary>
    public RepeatedBlock? Repeated => _repeated;

    private ReadOnlySpan<byte> Octets => _repeated is null ? _octets.WrittenSpan : _repeated.Fields;

    /// <summary>Makes this empty list the one that <paramref name="block"/> stands for, without copying it. Nothing can be added then.</summary>
    public void Replay(RepeatedBlock block)
    {
        System.Diagnostics.Debug.Assert(_octets.Length == 0, "a list is decoded, or replayed");
        _repeated = block;
        Count = block.FieldCount;
    }

    /// <summary>Appends a field. <paramref name="indexing"/> says how an encoder is to treat it.</summary>
    public void Add(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, Indexing indexing = Indexing.Without) =>
        value.CopyTo(Add(name, value.Length, indexing));

    /// <summary>Appends a field and returns the room for its value of <paramref name="valueLength"/> octets.</summary>
    public Span<byte> Add(ReadOnlySpan<byte> name, int valueLength, Indexing indexing)
    {
        Span<byte> field = _octets.Reserve(FieldPrefixSize + name.Length + valueLength);
        BinaryPrimitives.WriteUInt32LittleEndian(field, (uint)name.Length | ((uint)indexing << IndexingShift));
        BinaryPrimitives.WriteInt32LittleEndian(field[4..], valueLength);
        name.CopyTo(field[FieldPrefixSize..]);
        Count++;
        return field[(FieldPrefixSize + name.Length)..];
    }

    /// <summary>Finds the first field called <paramref name="name"/>.</summary>
    public bool TryGet(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        foreach (HeaderField field in this)
        {
            if (field.Name.SequenceEqual(name))
            {
                value = field.Value;
                return true;
            }
        }

        value = default;
        return false;
    }

    /// <summary>Empties the list and keeps its memory.</summary>
    public void Clear()
    {
        _octets.Clear();
        Count = 0;
        _repeated = null;
    }

    /// <summary>Empties the list and gives its memory back to the pool.</summary>
    public void Release()
    {
        _octets.Release();
        Count = 0;
        _repeated = null;
    }

    /// <summary>Moves the list to memory of its own size that isn't the pool's. For one that lives on: it is neither changed nor released.</summary>
    public void LeavePool() => _octets.LeavePool();

    /// <summary>A copy of the whole list, for <see cref="Enumerator"/> to walk later.</summary>
    public byte[] ToArray() => Octets.ToArray();

    public Enumerator GetEnumerator() => new(Octets);

    /// <summary>Walks the fields in order, without copying.</summary>
    internal ref struct Enumerator
    {
        private ReadOnlySpan<byte> _rest;

        internal Enumerator(ReadOnlySpan<byte> octets) => _rest = octets;

        public HeaderField Current { get; private set; }

        public bool MoveNext()
        {
            if (_rest.IsEmpty)
            {
                return false;
            }

            uint first = BinaryPrimitives.ReadUInt32LittleEndian(_rest);
            int nameLength = (int)(first & ((1u << IndexingShift) - 1));
            int valueLength = BinaryPrimitives.ReadInt32LittleEndian(_rest[4..]);
            Current = new HeaderField(
                _rest.Slice(FieldPrefixSize, nameLength),
                _rest.Slice(FieldPrefixSize + nameLength, valueLength),
                (Indexing)(first >> IndexingShift));
            _rest = _rest[(FieldPrefixSize + nameLength + valueLength)..];
            return true;
        }
    }
}

/// <summary>One header field of a <see cref="HeaderList"/>; valid as long as the list isn't changed.</summary>
internal readonly ref struct HeaderField(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, Indexing indexing)
{
    public ReadOnlySpan<byte> Name { get; } = name;

    public ReadOnlySpan<byte> Value { get; } = value;

    public Indexing Indexing { get; } = indexing;
}
