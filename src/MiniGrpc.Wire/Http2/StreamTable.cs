namespace MiniGrpc.Wire.Http2;

/// <summary>
/// The streams of a connection that are neither idle nor closed, by identifier, and what is remembered of the closed ones:
/// whether it was we who reset them, in which case frames that were already under way are ignored (RFC 9113 section 5.1).
/// </summary>
/// <remarks>Owned by the receive loop.</remarks>
internal sealed class StreamTable
{
    /// <summary>
    /// How many stream identifiers back a reset is remembered: a peer would have to open this many streams within a round
    /// trip before a late frame is mistaken for a violation. One bit each.
    /// </summary>
    private const int Remembered = 8192;

    private readonly Dictionary<int, Http2Stream> _streams = [];
    private ulong[]? _resetByUs;

    /// <summary>The number of streams.</summary>
    public int Count => _streams.Count;

    /// <summary>The highest identifier that was ever added.</summary>
    public int HighestId { get; private set; }

    /// <summary>All streams, in no order.</summary>
    public Dictionary<int, Http2Stream>.ValueCollection Streams => _streams.Values;

    /// <summary>Finds an open stream.</summary>
    public bool TryGet(int id, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Http2Stream? stream) =>
        _streams.TryGetValue(id, out stream);

    /// <summary>Adds a stream that has been opened.</summary>
    public void Add(Http2Stream stream)
    {
        _streams.Add(stream.Id, stream);
        HighestId = Math.Max(HighestId, stream.Id);
        if (_resetByUs is not null)
        {
            (int word, ulong bit) = Locate(stream.Id);
            _resetByUs[word] &= ~bit;
        }
    }

    /// <summary>Takes out a stream that has been closed.</summary>
    public void Remove(Http2Stream stream)
    {
        if (_streams.Remove(stream.Id) && stream.WasResetByUs)
        {
            RememberReset(stream.Id);
        }
    }

    /// <summary>Notes a stream that the peer opened and that was refused: its identifier is used up, and late frames for it are ignored.</summary>
    public void AddRefused(int id)
    {
        HighestId = Math.Max(HighestId, id);
        RememberReset(id);
    }

    /// <summary>Whether the closed stream <paramref name="id"/> was reset by us, or closed so long ago that it is no longer known.</summary>
    public bool WasResetByUs(int id)
    {
        if (HighestId - id >= Remembered * 2)
        {
            return true;
        }

        (int word, ulong bit) = Locate(id);
        return _resetByUs is not null && (_resetByUs[word] & bit) != 0;
    }

    private void RememberReset(int id)
    {
        _resetByUs ??= new ulong[Remembered / 64];
        (int word, ulong bit) = Locate(id);
        _resetByUs[word] |= bit;
    }

    private static (int Word, ulong Bit) Locate(int id)
    {
        int index = (id >> 1) % Remembered;
        return (index >> 6, 1UL << (index & 63));
    }
}
