namespace MiniGrpc.Client.Configuration;

/// <summary>
/// Keeps retries from adding to the load of a server that is overloaded (gRFC A6, throttling): a bucket of tokens, one for all calls
/// to a server. A failure takes a token, a success gives back a part of one, and while the bucket is half full or less there
/// are no retries and no hedges.
/// </summary>
/// <remarks>
/// Thread-safe, without a lock: all of its state is one number. It counts thousandths of a token, in integers, since a tenth has no
/// exact double and ten of them would fall short of one.
/// </remarks>
internal sealed class RetryThrottle
{
    /// <summary>The most tokens that a config may ask for.</summary>
    public const int LargestBucket = 1000;

    /// <summary>One token in the unit of the count.</summary>
    public const int Token = 1000;

    private readonly int _full;
    private readonly int _threshold;
    private readonly int _success;
    private int _count;

    /// <summary>A full bucket for <paramref name="policy"/>, which is free of mistakes.</summary>
    public RetryThrottle(RetryThrottlingPolicy policy)
    {
        _full = policy.MaxTokens!.Value * Token;
        _threshold = _full / 2;
        _success = policy.TokenRatioThousandths;
        _count = _full;
    }

    /// <summary>Whether there may be retries and hedges now.</summary>
    public bool AllowsRetries => Volatile.Read(ref _count) > _threshold;

    /// <summary>
    /// A call has failed with a status that its policy retries or calls non-fatal, or the server has said not to retry; no other
    /// failures count. Says whether this call may be retried.
    /// </summary>
    public bool RecordFailure() => Add(-Token) > _threshold;

    /// <summary>A call has succeeded.</summary>
    public void RecordSuccess() => Add(_success);

    /// <summary>Adds within the bounds of the bucket, and says what is in it then. A full bucket stays unwritten, so that threads whose calls all succeed don't fight for it.</summary>
    private int Add(int tokens)
    {
        int before = Volatile.Read(ref _count);
        while (true)
        {
            int after = Math.Clamp(before + tokens, 0, _full);
            if (after == before)
            {
                return after;
            }

            int found = Interlocked.CompareExchange(ref _count, after, before);
            if (found == before)
            {
                return after;
            }

            before = found;
        }
    }
}
