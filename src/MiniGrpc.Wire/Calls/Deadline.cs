namespace MiniGrpc.Wire.Calls;

/// <summary>
/// A timer for the moment at which a call has taken too long. It may be years away: a timer takes about 49 days at the
/// most, so it is armed again until the moment is there.
/// </summary>
internal sealed class Deadline : IDisposable
{
    /// <summary>The longest wait to arm at once; below what timers take.</summary>
    private static readonly TimeSpan s_longestWait = TimeSpan.FromDays(30);

    private readonly TimeProvider _time;
    private readonly Action _expired;
    private readonly ITimer _timer;
    private readonly long _start;
    private readonly TimeSpan _timeout;

    /// <summary>Starts the timer; <paramref name="expired"/> runs once on a pool thread unless <see cref="Dispose"/> comes first.</summary>
    public Deadline(TimeProvider time, TimeSpan timeout, Action expired)
    {
        _time = time;
        _expired = expired;
        _timeout = timeout;
        _start = time.GetTimestamp();
        _timer = time.CreateTimer(static state => ((Deadline)state!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        Arm(timeout);
    }

    /// <summary>What a deadline far beyond what a <see cref="DateTime"/> holds is shown as.</summary>
    public static DateTime At(DateTime now, TimeSpan timeout) => timeout >= DateTime.MaxValue - now ? DateTime.MaxValue : now + timeout;

    /// <inheritdoc />
    public void Dispose() => _timer.Dispose();

    private void OnTimer()
    {
        TimeSpan left = _timeout - _time.GetElapsedTime(_start);
        if (left > TimeSpan.Zero)
        {
            Arm(left);
        }
        else
        {
            _expired();
        }
    }

    private void Arm(TimeSpan left) =>
        _timer.Change(left < s_longestWait ? TimeSpan.FromMilliseconds(Math.Ceiling(Math.Max(0, left.TotalMilliseconds))) : s_longestWait, Timeout.InfiniteTimeSpan);
}
