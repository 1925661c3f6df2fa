namespace MiniGrpc.Wire.Http2;

/// <summary>
/// A set of stream identifiers that only keeps the latest ones: one bit for each, in a ring. An identifier takes the place of
/// the one <see cref="Span"/> before it, so ask only for those that are not so far back.
/// </summary>
/// <remarks>Not thread-safe. A mutable struct: keep it in a field that isn't readonly, never in a copy.</remarks>
internal struct RecentStreams
{
    /// <summary>
    /// How many streams of one end are kept: a peer would have to open this many within a round trip before a late frame is
    /// mistaken for a violation.
    /// </summary>
    private const int Count = 8192;

    /// <summary>How far back an identifier may be; every other identifier is the other end's.</summary>
    public const int Span = 2 * Count;

    private ulong[]? _bits; // most connections need none

    /// <summary>Puts <paramref name="id"/> in.</summary>
    public void Add(int id)
    {
        _bits ??= new ulong[Count / 64];
        (int word, ulong bit) = Locate(id);
        _bits[word] |= bit;
    }

    /// <summary>Takes <paramref name="id"/> out, or whatever has its place.</summary>
    public void Remove(int id)
    {
        if (_bits is not null)
        {
            (int word, ulong bit) = Locate(id);
            _bits[word] &= ~bit;
        }
    }

    /// <summary>Whether <paramref name="id"/> is in the set.</summary>
    public readonly bool Contains(int id)
    {
        (int word, ulong bit) = Locate(id);
        return _bits is not null && (_bits[word] & bit) != 0;
    }

    private static (int Word, ulong Bit) Locate(int id)
    {
        int index = (id >> 1) % Count;
        return (index >> 6, 1UL << (index & 63));
    }
}
