namespace MiniGrpc.Wire;

/// <summary>
/// How often something may happen: <paramref name="Burst"/> times at once, and from then on <paramref name="PerSecond"/> times
/// a second (a token bucket).
/// </summary>
/// <param name="Burst">How often at once; at least 0.</param>
/// <param name="PerSecond">How often a second in the long run; at least 0.</param>
public readonly record struct RateLimit(int Burst, int PerSecond)
{
    /// <summary>No limit.</summary>
    public static RateLimit Unlimited { get; } = new(int.MaxValue, int.MaxValue);
}
