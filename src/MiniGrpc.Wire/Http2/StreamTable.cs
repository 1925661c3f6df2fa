using System.Diagnostics.CodeAnalysis;

namespace MiniGrpc.Wire.Http2;

/// <summary>
/// The streams of a connection that are neither idle nor closed, by identifier, and what is remembered of the closed ones:
/// whether it was we who reset them, in which case frames that were already under way are ignored (RFC 9113 section 5.1), and
/// whether they were ever open (section 5.1.1).
/// </summary>
/// <remarks>
/// Owned by the receive loop. A hash table with open addressing: identifiers count up by two, so half of one, cut to the size of the
/// table, puts streams that were opened one after the other into slots one after the other. Only streams that outlive many others
/// collide with later ones.
/// </remarks>
internal sealed class StreamTable
{
    private const int FirstCapacity = 4;

    /// <summary>Beyond this a table that has become empty is given up: a burst of calls must not cost an idle connection memory.</summary>
    private const int KeptCapacity = 128;

    private Http2Stream?[] _slots = new Http2Stream?[FirstCapacity]; // a power of two long, at least half of it empty
    private RecentStreams _resetByUs;
    private RecentStreams _skipped;

    /// <summary>The number of streams.</summary>
    public int Count { get; private set; }

    /// <summary>The highest identifier that was ever added.</summary>
    public int HighestId { get; private set; }

    /// <summary>Finds an open stream.</summary>
    public bool TryGet(int id, [NotNullWhen(true)] out Http2Stream? stream)
    {
        stream = _slots[Find(id)];
        return stream is not null;
    }

    /// <summary>Adds a stream that has been opened.</summary>
    public void Add(Http2Stream stream)
    {
        if (2 * (Count + 1) > _slots.Length)
        {
            Grow();
        }

        int slot = Find(stream.Id);
        System.Diagnostics.Debug.Assert(_slots[slot] is null, "an identifier is used once");
        _slots[slot] = stream;
        Count++;
        HighestId = Math.Max(HighestId, stream.Id);
        _resetByUs.Remove(stream.Id);
    }

    /// <summary>Takes out a stream that has been closed.</summary>
    public void Remove(Http2Stream stream)
    {
        int slot = Find(stream.Id);
        if (_slots[slot] is null)
        {
            return;
        }

        Count--;
        if (Count == 0 && _slots.Length > KeptCapacity)
        {
            _slots = new Http2Stream?[FirstCapacity];
        }
        else
        {
            Vacate(slot);
        }

        if (stream.WasResetByUs)
        {
            _resetByUs.Add(stream.Id);
        }
    }

    /// <summary>Notes a stream that the peer opened and that was refused: its identifier is used up, and late frames for it are ignored.</summary>
    public void AddRefused(int id)
    {
        HighestId = Math.Max(HighestId, id);
        _resetByUs.Add(id);
    }

    /// <summary>
    /// The peer opens <paramref name="id"/>: whatever becomes of that stream, its identifier is used up, and the idle ones below it
    /// are closed (section 5.1.1).
    /// </summary>
    public void Reach(int id)
    {
        for (int passed = Math.Max(HighestId == 0 ? 1 : HighestId + 2, id - RecentStreams.Span + 2); passed < id; passed += 2)
        {
            _skipped.Add(passed);
            _resetByUs.Remove(passed);
        }

        _skipped.Remove(id);
        HighestId = id;
    }

    /// <summary>The peer has reset a closed stream as well, so that it knows of its end: nothing more can be under way.</summary>
    public void ForgetReset(int id)
    {
        if (IsRemembered(id))
        {
            _resetByUs.Remove(id);
        }
    }

    /// <summary>Whether the closed stream <paramref name="id"/> was reset by us, or closed so long ago that it is no longer known.</summary>
    public bool WasResetByUs(int id) => !IsRemembered(id) || _resetByUs.Contains(id);

    /// <summary>Whether <paramref name="id"/> was never opened, but passed over by a later one.</summary>
    public bool WasSkipped(int id) => IsRemembered(id) && _skipped.Contains(id);

    /// <summary>Walks all streams, in no order. None may be added or removed meanwhile.</summary>
    public Enumerator GetEnumerator() => new(_slots);

    private bool IsRemembered(int id) => HighestId - id < RecentStreams.Span;

    /// <summary>The slot of the stream <paramref name="id"/>, or the empty one where it would be put.</summary>
    private int Find(int id)
    {
        Http2Stream?[] slots = _slots;
        int slot = Home(id);
        while (slots[slot] is { } stream && stream.Id != id)
        {
            slot = (slot + 1) & (slots.Length - 1);
        }

        return slot;
    }

    private int Home(int id) => (id >> 1) & (_slots.Length - 1);

    /// <summary>Empties a slot. Whoever stands behind it and had to pass it moves up: a search ends at the first empty slot.</summary>
    private void Vacate(int slot)
    {
        Http2Stream?[] slots = _slots;
        int mask = slots.Length - 1;
        for (int next = (slot + 1) & mask; slots[next] is { } stream; next = (next + 1) & mask)
        {
            int passed = (next - Home(stream.Id)) & mask; // how far it stands from where it would like to
            if (passed >= ((next - slot) & mask))
            {
                slots[slot] = stream;
                slot = next;
            }
        }

        slots[slot] = null;
    }

    private void Grow()
    {
        Http2Stream?[] old = _slots;
        _slots = new Http2Stream?[2 * old.Length];
        foreach (Http2Stream? stream in old)
        {
            if (stream is not null)
            {
                _slots[Find(stream.Id)] = stream;
            }
        }
    }

    /// <summary>Walks the slots.</summary>
    internal struct Enumerator(Http2Stream?[] slots)
    {
        private int _slot = -1;

        public readonly Http2Stream Current => slots[_slot]!;

        public bool MoveNext()
        {
            while (++_slot < slots.Length)
            {
                if (slots[_slot] is not null)
                {
                    return true;
                }
            }

            return false;
        }
    }
}
