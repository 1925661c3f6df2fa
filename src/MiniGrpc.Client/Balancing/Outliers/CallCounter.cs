namespace MiniGrpc.Client.Balancing.Outliers;

/// <summary>
/// Counts the calls of an address by how they end (gRFC A50, "Call Counter"): one bucket is filled while the other holds what ended in the
/// interval before.
/// </summary>
/// <remarks>Calls are counted on any thread. One that ends while the buckets are swapped may miss both.</remarks>
internal sealed class CallCounter
{
    private Bucket _active = new();
    private Bucket _last = new();

    /// <summary>How many calls of the last interval succeeded.</summary>
    public int Successes => Volatile.Read(ref _last.Successes);

    /// <summary>How many calls of the last interval failed, with whatever status.</summary>
    public int Failures => Volatile.Read(ref _last.Failures);

    /// <summary>How many calls ended in the last interval.</summary>
    public int Total => Successes + Failures;

    /// <summary>A call has ended.</summary>
    public void Count(bool succeeded)
    {
        Bucket active = Volatile.Read(ref _active);
        Interlocked.Increment(ref succeeded ? ref active.Successes : ref active.Failures);
    }

    /// <summary>An interval is over.</summary>
    public void Swap()
    {
        Bucket next = _last;
        next.Clear();
        _last = _active;
        Volatile.Write(ref _active, next);
    }

    /// <summary>Forgets what was counted.</summary>
    public void Reset()
    {
        _active.Clear();
        _last.Clear();
    }

    private sealed class Bucket
    {
        public int Successes;
        public int Failures;

        public void Clear()
        {
            Volatile.Write(ref Successes, 0);
            Volatile.Write(ref Failures, 0);
        }
    }
}
