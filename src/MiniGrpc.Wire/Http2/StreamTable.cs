namespace MiniGrpc.Wire.Http2;

/// <summary>
/// The streams of a connection that are neither idle nor closed, by identifier, and what is remembered of the closed ones:
/// whether it was we who reset them, in which case frames that were already under way are ignored (RFC 9113 section 5.1), and
/// whether they were ever open (section 5.1.1).
/// </summary>
/// <remarks>Owned by the receive loop.</remarks>
internal sealed class StreamTable
{
    private readonly Dictionary<int, Http2Stream> _streams = [];
    private readonly RecentStreams _resetByUs = new();
    private readonly RecentStreams _skipped = new();

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
        _resetByUs.Remove(stream.Id);
    }

    /// <summary>Takes out a stream that has been closed.</summary>
    public void Remove(Http2Stream stream)
    {
        if (_streams.Remove(stream.Id) && stream.WasResetByUs)
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

    private bool IsRemembered(int id) => HighestId - id < RecentStreams.Span;
}
