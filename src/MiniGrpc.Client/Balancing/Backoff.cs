namespace MiniGrpc.Client.Balancing;

/// <summary>
/// The waits between attempts to connect (gRPC connection backoff): each 1.6 times the one before, up to a limit, and
/// varied by 20 % so that the clients of a server that comes back don't all arrive in one moment.
/// </summary>
/// <remarks>Not thread-safe: its owner's lock guards it.</remarks>
internal sealed class Backoff
{
    private const double Factor = 1.6;
    private const double Jitter = 0.2;

    private readonly TimeSpan _initial;
    private readonly TimeSpan _longest;
    private readonly Random _random;
    private TimeSpan _next;

    public Backoff(TimeSpan initial, TimeSpan longest, Random random)
    {
        _random = random;
        _initial = initial;
        _longest = longest;
        _next = initial;
    }

    /// <summary>The wait before the next attempt.</summary>
    public TimeSpan Next()
    {
        TimeSpan wait = _next < _longest ? _next : _longest;
        _next = wait * Factor;
#pragma warning disable CA5394 // spreading load needs no secret
        return wait * (1 + (Jitter * ((2 * _random.NextDouble()) - 1)));
#pragma warning restore CA5394
    }

    /// <summary>An attempt has succeeded: start over.</summary>
    public void Reset() => _next = _initial;
}
