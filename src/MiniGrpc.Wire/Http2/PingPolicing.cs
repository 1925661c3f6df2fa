using System.Text;

namespace MiniGrpc.Wire.Http2;

/// <summary>
/// Whether a client pings too often (gRFC A8, "server enforcement"): keepalive on a million idle phones costs a server more than
/// their calls. A PING too soon after the one before is a strike; a response in between takes all strikes back, since clients also
/// ping to measure the round trip while they receive.
/// </summary>
/// <remarks>A mutable struct that belongs to the send gate; the clock is an argument.</remarks>
internal struct PingPolicing
{
    /// <summary>How often a client may ping that has no calls and no permission to.</summary>
    private static readonly TimeSpan s_withoutCalls = TimeSpan.FromHours(2);

    private readonly AbuseLimits _limits;
    private long? _last;
    private int _strikes;

    public PingPolicing(AbuseLimits limits) => _limits = limits;

    /// <summary>The debug data of the GOAWAY. Clients look for it and ping less often from then on, ours as well.</summary>
    public static ReadOnlySpan<byte> TooManyPings => "too_many_pings"u8;

    /// <summary>A response header list or message has been sent.</summary>
    public void OnContentSent()
    {
        _last = null;
        _strikes = 0;
    }

    /// <summary>A PING has come in at <paramref name="now"/> (milliseconds); the error is a connection error.</summary>
    public ProtocolError? OnPing(long now, bool hasCalls)
    {
        TimeSpan interval = hasCalls || _limits.PermitPingsWithoutCalls ? _limits.MinPingInterval : s_withoutCalls;
        bool tooSoon = _last is { } last && now - last < interval.TotalMilliseconds;
        _last = now;
        if (!tooSoon || ++_strikes <= _limits.PingStrikes)
        {
            return null;
        }

        return AbuseBudgets.Exceeded(nameof(AbuseLimits.PingStrikes), "PING frames come too often") with { DebugData = Encoding.ASCII.GetString(TooManyPings) };
    }
}
