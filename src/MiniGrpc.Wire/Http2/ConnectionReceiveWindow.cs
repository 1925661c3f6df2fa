namespace MiniGrpc.Wire.Http2;

/// <summary>
/// The connection's inbound flow-control window (RFC 9113 section 6.9): what the peer may still send on all streams together.
/// Credit goes back on receipt, whoever the octets are for, so that a stream nobody reads cannot starve the others; only
/// when unread octets reach a cap is it held back until they are read.
/// </summary>
/// <remarks>
/// Crosses between the receive loop (octets come in) and readers (octets are read): counters, interlocked. Each side
/// changes its counter first and looks at the others' afterwards, so at least one of them sees that credit is due.
/// Octets are in exactly one place: in <c>_available</c> (the peer may send them), or in <c>_owed</c> (received, not credited).
/// </remarks>
internal sealed class ConnectionReceiveWindow
{
    private readonly int _firstSize;
    private int _size;
    private long _unreadCap;
    private long _available;
    private long _owed;
    private long _unread;
    private long _growthLeft;

    /// <summary>Creates a window of <paramref name="size"/> octets that stops crediting while more than <paramref name="unreadCap"/> are unread.</summary>
    public ConnectionReceiveWindow(int size, long unreadCap)
    {
        _firstSize = _size = size;
        _available = size;
        _unreadCap = unreadCap;
        _growthLeft = unreadCap / 2;
    }

    /// <summary>How many octets the peer may have under way.</summary>
    public int Size => Volatile.Read(ref _size);

    /// <summary>By how much it has become larger.</summary>
    public int Growth => Size - _firstSize;

    /// <summary>How large it may become: by as much larger as may be unread at first.</summary>
    public int LargestSize => (int)Math.Min(int.MaxValue, _firstSize + Volatile.Read(ref _unreadCap) - Growth);

    /// <summary>The octets received and not yet read by anybody.</summary>
    public long Unread => Volatile.Read(ref _unread);

    /// <summary>What the windows of all streams together may still grow by.</summary>
    public long GrowthLeft => Volatile.Read(ref _growthLeft);

    /// <summary>Counts a DATA frame of <paramref name="octets"/>, padding included; false when the peer had no credit for it.</summary>
    public bool TryReceive(int octets)
    {
        if (Interlocked.Add(ref _available, -octets) < 0)
        {
            return false;
        }

        Interlocked.Add(ref _owed, octets);
        return true;
    }

    /// <summary>Counts octets that now wait to be read (positive) or no longer do (negative).</summary>
    public void AddUnread(int octets) => Interlocked.Add(ref _unread, octets);

    /// <summary>
    /// Takes <paramref name="octets"/> out of what the windows of all streams together may grow by: half of what may be unread, so that
    /// streams whose readers stop don't hold the connection's credit. False when that much isn't left.
    /// </summary>
    public bool TryTakeGrowth(int octets)
    {
        if (Interlocked.Add(ref _growthLeft, -octets) >= 0)
        {
            return true;
        }

        Interlocked.Add(ref _growthLeft, octets);
        return false;
    }

    /// <summary>A stream that had grown by <paramref name="octets"/> gets no more.</summary>
    public void ReturnGrowth(int octets)
    {
        if (octets > 0)
        {
            Interlocked.Add(ref _growthLeft, octets);
        }
    }

    /// <summary>
    /// Makes the window larger for good, and the streams' windows with it; the caller sends a WINDOW_UPDATE of
    /// <paramref name="octets"/>. As much more may be unread, or larger streams whose readers stop would hold the others up. On the receive loop.
    /// </summary>
    public void Grow(int octets)
    {
        Interlocked.Add(ref _unreadCap, octets);
        Interlocked.Add(ref _growthLeft, octets);
        Interlocked.Add(ref _available, octets);
        Volatile.Write(ref _size, _size + octets);
    }

    /// <summary>
    /// The WINDOW_UPDATE increment that is due now, or 0. Whoever takes it sends it. It is due at a quarter of the window, as that of a
    /// stream (<see cref="ReceiveWindow"/>).
    /// </summary>
    public int TakeDue()
    {
        if (Volatile.Read(ref _owed) < Size / 4 || Volatile.Read(ref _unread) > Volatile.Read(ref _unreadCap))
        {
            return 0;
        }

        int due = (int)Interlocked.Exchange(ref _owed, 0);
        Interlocked.Add(ref _available, due);
        return due;
    }
}
