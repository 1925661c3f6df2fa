namespace MiniGrpc.Client.Configuration;

/// <summary>
/// The waits of one call before its retries (gRFC A6, exponential backoff, as it reads since 2024): before the n-th one
/// min(initialBackoff × backoffMultiplierⁿ⁻¹, maxBackoff), varied by 20 % so that the clients of a server that has failed don't come
/// back in one moment. The waits used to be anything from 0 on, and some implementations still do that.
/// </summary>
/// <remarks>Not thread-safe: it belongs to one call.</remarks>
internal sealed class RetryBackoff
{
    private const double Jitter = 0.2;

    private readonly RetryParameters _retry;
    private readonly Random _random;
    private double _nextTicks;

    /// <summary>The waits that <paramref name="retry"/> asks for, varied by <paramref name="random"/>.</summary>
    public RetryBackoff(RetryParameters retry, Random random)
    {
        _retry = retry;
        _random = random;
        _nextTicks = retry.InitialBackoff.Ticks;
    }

    /// <summary>The wait before the next retry.</summary>
    public TimeSpan Next()
    {
        double ticks = Math.Min(_nextTicks, _retry.MaxBackoff.Ticks);
        _nextTicks *= _retry.BackoffMultiplier;
#pragma warning disable CA5394 // spreading load needs no secret
        return new TimeSpan((long)(ticks * (1 + (Jitter * ((2 * _random.NextDouble()) - 1)))));
#pragma warning restore CA5394
    }

    /// <summary>The server has said itself when to come back (grpc-retry-pushback-ms): the next wait of ours is the initial one again.</summary>
    public void Reset() => _nextTicks = _retry.InitialBackoff.Ticks;
}
