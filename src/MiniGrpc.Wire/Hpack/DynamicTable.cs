using System.Diagnostics;

namespace MiniGrpc.Wire.Hpack;

/// <summary>
/// The fields inserted by earlier literals, first in, first out: RFC 7541 sections 2.3.2 and 4.
/// </summary>
/// <remarks>
/// <para>
/// <code>
/// &lt;----------  Index Address Space ----------&gt;
/// &lt;-- Static  Table --&gt;  &lt;-- Dynamic Table --&gt;
/// +---+-----------+---+  +---+-----------+---+
/// | 1 |    ...    |61 |  |62 |    ...    | n |
/// +---+-----------+---+  +---+-----------+---+
///                        ^                   |
///                  Insertion Point      Dropping Point
/// </code>
/// </para>
/// <para>
/// Entries are numbered 1, 2, 3.. in the order of insertion, and entry <c>k</c> lies in slot <c>k mod capacity</c> of a
/// ring. So the newest and the oldest entry are known by their numbers, and evicting an entry is forgetting a number.
/// A table without entries has no ring.
/// </para>
/// <para>Not thread-safe: it belongs to its encoder or decoder.</para>
/// </remarks>
internal sealed class DynamicTable
{
    /// <summary>The first ring: there are many idle connections, and most have inserted no more than a few fields.</summary>
    private const int FirstCapacity = 2;

    private TableEntry[] _ring = []; // a power of two long

    public DynamicTable(int maximumSize)
    {
        MaximumSize = maximumSize;
    }

    /// <summary>The bound on <see cref="Size"/> that the encoder has announced: RFC 7541 section 4.2.</summary>
    public int MaximumSize { get; private set; }

    /// <summary>The sum of the sizes of all entries.</summary>
    public int Size { get; private set; }

    /// <summary>The number of entries.</summary>
    public int Count { get; private set; }

    /// <summary>The number of the entry inserted last; 0 before the first.</summary>
    public long Newest { get; private set; }

    /// <summary>The number of the oldest entry still in the table; above <see cref="Newest"/> when the table is empty.</summary>
    public long Oldest => Newest - Count + 1;

    /// <summary>Differs from what it was whenever the table does.</summary>
    public int Version { get; private set; }

    /// <summary>The entry with the insertion number <paramref name="number"/>, which is still in the table.</summary>
    public TableEntry this[long number]
    {
        get
        {
            Debug.Assert(number >= Oldest && number <= Newest, "The entry has been evicted.");
            return _ring[SlotOf(number, _ring.Length)];
        }
    }

    /// <summary>
    /// Inserts a field and evicts the oldest entries to make room: RFC 7541 section 4.4. A field larger than the whole
    /// table empties it and isn't kept, which is no error.
    /// </summary>
    /// <remarks>The name may belong to an entry that is evicted for this one.</remarks>
    public void Insert(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        Version++;
        long size = TableEntry.SizeOf(name, value);
        EvictUntil(MaximumSize - size);
        if (size > MaximumSize)
        {
            return;
        }

        if (Count == _ring.Length)
        {
            Grow();
        }

        Newest++;
        Count++;
        Size += (int)size;
        _ring[SlotOf(Newest, _ring.Length)] = new TableEntry(name, value);
    }

    /// <summary>Sets the maximum size and evicts what no longer fits: RFC 7541 section 4.3.</summary>
    public void Resize(int maximumSize)
    {
        if (maximumSize != MaximumSize)
        {
            Version++;
            MaximumSize = maximumSize;
            EvictUntil(maximumSize);
        }
    }

    private static int SlotOf(long number, int capacity) => (int)number & (capacity - 1);

    private void EvictUntil(long size)
    {
        while (Count > 0 && Size > size)
        {
            ref TableEntry oldest = ref _ring[SlotOf(Oldest, _ring.Length)];
            Size -= oldest.Size;
            Count--;
            oldest = default;
        }
    }

    private void Grow()
    {
        var larger = new TableEntry[int.Max(FirstCapacity, 2 * _ring.Length)];
        for (long number = Oldest; number <= Newest; number++)
        {
            larger[SlotOf(number, larger.Length)] = _ring[SlotOf(number, _ring.Length)];
        }

        _ring = larger;
    }
}
