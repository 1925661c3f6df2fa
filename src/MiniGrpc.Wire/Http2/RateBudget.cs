namespace MiniGrpc.Wire.Http2;

/// <summary>What is left of a <see cref="RateLimit"/>: a token bucket whose clock is an argument.</summary>
/// <remarks>A mutable struct for one owner; keep it in a field, not in a copy.</remarks>
internal struct RateBudget
{
    private readonly RateLimit _limit;
    private double _left;
    private long _refilledAt;

    /// <summary>A full bucket.</summary>
    public RateBudget(RateLimit limit)
    {
        _limit = limit;
        _left = limit.Burst;
    }

    /// <summary>Takes one; false when there is none. <paramref name="now"/> is in milliseconds of any clock that doesn't go back.</summary>
    public bool TrySpend(long now)
    {
        _left = Math.Min(_limit.Burst, _left + ((now - _refilledAt) * (_limit.PerSecond / 1000.0)));
        _refilledAt = now;
        if (_left < 1)
        {
            return false;
        }

        _left--;
        return true;
    }

    /// <summary>Puts some back.</summary>
    public void GiveBack(int count = 1) => _left = Math.Min(_limit.Burst, _left + count);
}
