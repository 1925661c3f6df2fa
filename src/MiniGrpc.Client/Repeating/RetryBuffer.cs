namespace MiniGrpc.Client.Repeating;

/// <summary>How much memory the requests of a channel's calls may take that are kept for a further attempt.</summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class RetryBuffer(long? limit)
{
    private long _octets;

    /// <summary>What is kept.</summary>
    public long Octets => Volatile.Read(ref _octets);

    /// <summary>Takes room for <paramref name="octets"/>; false when that is more than there is: then the call is kept for no further attempt.</summary>
    public bool TryTake(long octets)
    {
        if (Interlocked.Add(ref _octets, octets) <= (limit ?? long.MaxValue))
        {
            return true;
        }

        Interlocked.Add(ref _octets, -octets);
        return false;
    }

    /// <summary>
    /// Takes room for a call without a policy, which is kept for the case that the server refuses it. Such calls leave half of the room to
    /// those with a policy: there may be many of them, and they are seldom refused.
    /// </summary>
    public bool TryTakeSpare(long octets) => (limit is null || Octets + octets <= limit / 2) && TryTake(octets);

    /// <summary>Gives room back.</summary>
    public void Return(long octets) => Interlocked.Add(ref _octets, -octets);
}
