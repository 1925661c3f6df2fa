namespace MiniGrpc.Wire.Hpack;

/// <summary>
/// Finds fields in the encoder's <see cref="DynamicTable"/> by name, or by name and value, without a scan.
/// </summary>
/// <remarks>
/// <para>
/// Two chained hash tables over the entries' insertion numbers. A chain leads from its newest entry to ever older ones, and
/// the table evicts its oldest entry first. So evicted entries are always at the end of a chain, and a walk that stops
/// at the first number below <see cref="DynamicTable.Oldest"/> needs no removal at all.
/// </para>
/// <para>Not thread-safe: it belongs to its encoder.</para>
/// </remarks>
internal sealed class DynamicTableIndex
{
    private const int FirstCapacity = 2;

    private readonly DynamicTable _table;
    private Link[] _links = []; // entry k has its link in slot k mod capacity, as in the table's ring
    private long[] _byName = []; // the newest entry of each chain; 0 where there is none
    private long[] _byField = [];

    public DynamicTableIndex(DynamicTable table)
    {
        _table = table;
    }

    /// <summary>The hash of a whole field, made of those of its parts.</summary>
    public static uint FieldHash(uint nameHash, uint valueHash) => (nameHash * 0x9e3779b1) ^ valueHash;

    /// <summary>Adds the table's newest entry.</summary>
    public void AddNewest(uint nameHash, uint fieldHash)
    {
        if (_table.Count > _links.Length)
        {
            Grow();
        }

        Add(_table.Newest, nameHash, fieldHash);
    }

    /// <summary>The insertion number of the newest entry with this name and value, or 0.</summary>
    public long FindField(uint fieldHash, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        if (_table.Count == 0)
        {
            return 0;
        }

        long number = _byField[fieldHash & (uint)(_byField.Length - 1)];
        while (number >= _table.Oldest)
        {
            ref readonly Link link = ref LinkOf(number);
            if (link.FieldHash == fieldHash && _table[number].Name.SequenceEqual(name) && _table[number].Value.SequenceEqual(value))
            {
                return number;
            }

            number = link.OlderByField;
        }

        return 0;
    }

    /// <summary>The insertion number of the newest entry with this name, or 0.</summary>
    public long FindName(uint nameHash, ReadOnlySpan<byte> name)
    {
        if (_table.Count == 0)
        {
            return 0;
        }

        long number = _byName[nameHash & (uint)(_byName.Length - 1)];
        while (number >= _table.Oldest)
        {
            ref readonly Link link = ref LinkOf(number);
            if (link.NameHash == nameHash && _table[number].Name.SequenceEqual(name))
            {
                return number;
            }

            number = link.OlderByName;
        }

        return 0;
    }

    private ref Link LinkOf(long number) => ref _links[(int)number & (_links.Length - 1)];

    private void Add(long number, uint nameHash, uint fieldHash)
    {
        ref long byName = ref _byName[nameHash & (uint)(_byName.Length - 1)];
        ref long byField = ref _byField[fieldHash & (uint)(_byField.Length - 1)];
        LinkOf(number) = new Link(nameHash, fieldHash, byName, byField);
        byName = number;
        byField = number;
    }

    private void Grow()
    {
        Link[] old = _links;
        _links = new Link[int.Max(FirstCapacity, 2 * old.Length)];
        _byName = new long[_links.Length];
        _byField = new long[_links.Length];
        for (long number = _table.Oldest; number < _table.Newest; number++)
        {
            ref readonly Link link = ref old[(int)number & (old.Length - 1)];
            Add(number, link.NameHash, link.FieldHash);
        }
    }

    private readonly record struct Link(uint NameHash, uint FieldHash, long OlderByName, long OlderByField);
}
