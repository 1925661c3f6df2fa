using MiniGrpc.Client.Configuration;
using MiniGrpc.Wire.Connection;

namespace MiniGrpc.Client;

/// <summary>
/// Waits that grow, between attempts to connect (gRPC connection backoff) as before the retries of a call (gRFC A6, as it reads since 2024):
/// each is the one before times a factor, up to a limit, and varied by 20 % so that the clients of a server that comes back don't all
/// arrive in one moment.
/// </summary>
/// <remarks>Not thread-safe: it belongs to one call, or to one part of a channel.</remarks>
internal sealed class Backoff
{
    private const double Variation = 0.2;

    private readonly TimeSpan _initial;
    private readonly TimeSpan _longest;
    private readonly double _factor;
    private readonly Random _random;
    private double _nextTicks; // may grow beyond every time

    private Backoff(TimeSpan initial, TimeSpan longest, double factor, Random random)
    {
        _initial = initial;
        _longest = longest;
        _factor = factor;
        _random = random;
        Reset();
    }

    /// <summary>Between a channel's attempts to connect, or to look addresses up: each wait is 1.6 times the one before.</summary>
    public static Backoff OfConnecting(MiniChannelOptions channel) =>
        new(channel.InitialReconnectBackoff, channel.MaxReconnectBackoff, 1.6, channel.Random);

    /// <summary>Before the retries of one call.</summary>
    public static Backoff OfRetries(RetryParameters retry, Random random) => new(retry.InitialBackoff, retry.MaxBackoff, retry.BackoffMultiplier, random);

    /// <summary>The wait before the next attempt.</summary>
    public TimeSpan Next()
    {
        var wait = new TimeSpan((long)Math.Min(_nextTicks, _longest.Ticks));
        _nextTicks *= _factor;
        return Jitter.Vary(wait, Variation, _random);
    }

    /// <summary>An attempt has succeeded, or the server has said itself when to come back: start over.</summary>
    public void Reset() => _nextTicks = _initial.Ticks;
}
