namespace MiniGrpc.Wire.Http2;

/// <summary>
/// Finds out whether its window holds a sender up. However fast a path is, it carries one window in a round trip at the most; then
/// the sender waits for a WINDOW_UPDATE. So now and then a PING goes out with one. Its answer tells how long a round trip is, and what has
/// come in since the answer before how much the path carries meanwhile: if that is half of the window or more, a larger one may carry more.
/// </summary>
/// <remarks>
/// A mutable struct that belongs to the receive loop; the clock is an argument, in milliseconds. The shortest round trip that was seen
/// counts: a longer one has waited in queues, which a larger window would only fill. Where it is shorter than 2 ms, as it is within a
/// machine or a data centre, the windows are large enough and nothing is measured any more; larger ones would leave the cache (measured
/// within a machine: slower by a fifth). Other implementations of gRPC do much the same, in every round trip.
/// </remarks>
internal struct PathProbe
{
    /// <summary>Marks our PING in traces: "pathtime".</summary>
    public const ulong OpaqueData = 0x7061_7468_7469_6d65;

    /// <summary>
    /// So many WINDOW_UPDATE frames of the connection go out from one PING to the next: two windows' worth, so that waiting for them counts
    /// as what it is, and what was received in bursts evens out.
    /// </summary>
    private const int Interval = 8;

    /// <summary>Milliseconds from which on a path is long.</summary>
    private const int Long = 2;

    // Every connection has these, few need them: times are the lower half of the clock, whose differences are right for 49 days.
    private long _octets;
    private uint _sentAt;
    private uint _countedSince;
    private uint _shortest = uint.MaxValue;
    private byte _updates;
    private bool _waits;
    private bool _counts;

    public PathProbe()
    {
    }

    /// <summary>Our SETTINGS have gone out. Their acknowledgement is a first measurement of the time, on a path that is still empty.</summary>
    public void OnSettingsSent(long now) => Begin(now);

    /// <summary>Our SETTINGS were acknowledged.</summary>
    public void OnSettingsAcknowledged(long now)
    {
        if (_waits)
        {
            End(now);
        }
    }

    /// <summary>The flow-controlled length of a DATA frame.</summary>
    public void OnData(int octets) => _octets += octets;

    /// <summary>A WINDOW_UPDATE of the connection goes out: whether our PING is to go with it.</summary>
    public bool TryBegin(long now)
    {
        if (_waits || _shortest < Long || ++_updates < Interval)
        {
            return false;
        }

        Begin(now);
        return true;
    }

    /// <summary>Whether this is the answer to our PING.</summary>
    public readonly bool IsAnswer(ulong opaqueData) => opaqueData == OpaqueData && _waits;

    /// <summary>
    /// Our PING was answered: whether a window of <paramref name="size"/> octets has held the peer up since the last time. One answer is not
    /// enough to call a path long: both ends may have been slow to start.
    /// </summary>
    public bool OnAnswer(long now, int size)
    {
        End(now);
        bool held = _counts && _shortest >= Long && _octets * _shortest / Since(_countedSince, now) >= size / 2;
        _counts = true;
        _countedSince = (uint)now;
        _octets = 0;
        return held;
    }

    private static uint Since(uint then, long now) => unchecked((uint)now - then);

    private void Begin(long now)
    {
        _updates = 0;
        _sentAt = (uint)now;
        _waits = true;
    }

    private void End(long now)
    {
        _waits = false;
        _shortest = uint.Min(_shortest, Since(_sentAt, now));
    }
}
