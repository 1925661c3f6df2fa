namespace MiniGrpc.Wire.Calls;

/// <summary>
/// A timer for the moment at which a call has taken too long. It may be years away: a timer takes about 49 days at the
/// most, so it is armed again until the moment is there.
/// </summary>
internal sealed class Deadline : IDisposable
{
    private const long Never = long.MaxValue;

    /// <summary>The longest wait to arm at once; below what timers take.</summary>
    private static readonly TimeSpan s_longestWait = TimeSpan.FromDays(30);

    private readonly TimeProvider _time;
    private readonly Action _expired;
    private readonly ITimer _timer;
    private readonly long _origin;
    private long _due = Never; // ticks since the origin; one word, so that a timer's thread never sees half of it

    /// <summary>Creates a timer that isn't running; <paramref name="expired"/> is what it runs, on a pool thread.</summary>
    public Deadline(TimeProvider time, Action expired)
    {
        _time = time;
        _expired = expired;
        _origin = time.GetTimestamp();
        _timer = time.CreateTimer(static state => ((Deadline)state!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Whether it is running and its moment is there: what a late run of the timer for a call before this one is told by.</summary>
    public bool HasPassed => LeftUntil(Volatile.Read(ref _due)) <= TimeSpan.Zero;

    /// <summary>What a deadline far beyond what a <see cref="DateTime"/> holds is shown as.</summary>
    public static DateTime At(DateTime now, TimeSpan timeout) => timeout >= DateTime.MaxValue - now ? DateTime.MaxValue : now + timeout;

    /// <summary>Starts it: it runs out once, unless it is stopped or disposed of before.</summary>
    public void Start(TimeSpan timeout)
    {
        long now = _time.GetElapsedTime(_origin).Ticks;
        Volatile.Write(ref _due, timeout.Ticks < Never - now ? now + timeout.Ticks : Never - 1);
        Arm(timeout);
    }

    /// <summary>Stops it. A run that has begun already goes on, and finds that nothing <see cref="HasPassed"/>.</summary>
    public void Stop()
    {
        Volatile.Write(ref _due, Never);
        _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <inheritdoc />
    public void Dispose() => _timer.Dispose();

    private TimeSpan LeftUntil(long due) => due == Never ? TimeSpan.MaxValue : TimeSpan.FromTicks(due) - _time.GetElapsedTime(_origin);

    private void OnTimer()
    {
        long due = Never;
        while (Volatile.Read(ref _due) is var current && current != due)
        {
            due = current;
            TimeSpan left = LeftUntil(due);
            if (left <= TimeSpan.Zero)
            {
                _expired();
                return;
            }

            if (left != TimeSpan.MaxValue)
            {
                Arm(left); // and look again: it may have been started for another call meanwhile, and this wait be too long for that
            }
        }
    }

    private void Arm(TimeSpan left) =>
        _timer.Change(left < s_longestWait ? TimeSpan.FromMilliseconds(Math.Ceiling(Math.Max(0, left.TotalMilliseconds))) : s_longestWait, Timeout.InfiniteTimeSpan);
}
