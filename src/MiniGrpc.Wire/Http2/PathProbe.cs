namespace MiniGrpc.Wire.Http2;

/// <summary>
/// Finds out whether the windows are too small for the path. However fast it is, a path carries one window in a round trip at the most;
/// then the sender waits for a WINDOW_UPDATE. So now and then a PING goes out with one. Its answer tells how long a round trip is, and what
/// has come in since the answer before how much comes in a round trip: if that is half of a stream's largest window or more, larger
/// ones may let more through.
/// </summary>
/// <remarks>
/// A mutable struct that belongs to the receive loop; the clock is an argument, in milliseconds. The shortest round trip that was seen
/// counts: a longer one has waited in queues, which a larger window would only fill. Where it is shorter than 2 ms, as it is within a
/// machine or a data centre, the windows are large enough and nothing is measured any more; larger ones would leave the cache (measured
/// within a machine: slower by a fifth). Other implementations of gRPC do much the same.
/// </remarks>
internal struct PathProbe
{
    /// <summary>Marks our PING in traces: "pathtime".</summary>
    public const ulong OpaqueData = 0x7061_7468_7469_6d65;

    /// <summary>
    /// So many WINDOW_UPDATE frames of the connection go out between an answer and the next PING: two windows' worth, so that waiting for them
    /// counts as what it is, and what was received in bursts evens out.
    /// </summary>
    private const int Interval = 8;

    /// <summary>Milliseconds from which on a path is long.</summary>
    private const int Long = 2;

    /// <summary>After so many answers that changed nothing, PINGs become rare: some servers end connections for too many.</summary>
    private const int Prompt = 3;

    /// <summary>Milliseconds from one to the next then, at the least.</summary>
    private const int RareInterval = 2000;

    // Every connection has these, few need them: times are the lower half of the clock, whose differences are right for 49 days.
    private long _octets;
    private uint _sentAt;
    private uint _countedSince;
    private uint _shortest = uint.MaxValue;
    private byte _updates = Interval - 1; // the first PING goes with the first of them: what it waits for is little yet
    private byte _answers;
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
        if (_waits || _shortest < Long)
        {
            return false;
        }

        _updates = byte.Min((byte)(_updates + 1), Interval);
        if (_updates < Interval || (_answers >= Prompt && Since(_countedSince, now) < RareInterval))
        {
            return false;
        }

        _updates = 0;
        Begin(now);
        return true;
    }

    /// <summary>Whether this is the answer to our PING.</summary>
    public readonly bool IsAnswer(ulong opaqueData) => opaqueData == OpaqueData && _waits;

    /// <summary>
    /// Our PING was answered: whether so much came in in each round trip since the last time that windows of <paramref name="size"/> octets may
    /// be too small. One answer is not enough to call a path long: both ends may have been slow to start.
    /// </summary>
    public bool OnAnswer(long now, int size)
    {
        End(now);
        bool tooSmall = _counts && _shortest >= Long && _octets * _shortest / uint.Max(1, Since(_countedSince, now)) >= size / 2;
        _answers = tooSmall ? (byte)0 : byte.Min((byte)(_answers + 1), Prompt);
        _counts = true;
        _countedSince = (uint)now;
        _octets = 0;
        return tooSmall;
    }

    private static uint Since(uint then, long now) => unchecked((uint)now - then);

    private void Begin(long now)
    {
        _sentAt = (uint)now;
        _waits = true;
    }

    private void End(long now)
    {
        _waits = false;
        _shortest = uint.Min(_shortest, Since(_sentAt, now));
    }
}
