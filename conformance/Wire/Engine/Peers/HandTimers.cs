using MiniGrpc.Client;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>
/// A clock that stands, and timers that never run by themselves: a test runs them by hand, as late as it likes, as a pool that is short
/// of threads does.
/// </summary>
internal sealed class HandTimers : TimeProvider
{
    private static readonly DateTimeOffset s_start = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly List<HandTimer> _timers = [];

    /// <summary>The time that has passed.</summary>
    public TimeSpan Elapsed { get; set; }

    /// <summary>Runs once, before the clock is read the next time.</summary>
    public Action? BeforeNextReading { get; set; }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp()
    {
        Action? before = BeforeNextReading;
        BeforeNextReading = null;
        before?.Invoke();
        return Elapsed.Ticks;
    }

    public override DateTimeOffset GetUtcNow() => s_start + Elapsed;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new HandTimer(() => callback(state), state, dueTime);
        lock (_timers)
        {
            _timers.Add(timer);
        }

        return timer;
    }

    /// <summary>The only timer that was made for a <typeparamref name="T"/>.</summary>
    public HandTimer TimerOf<T>()
    {
        lock (_timers)
        {
            return Assert.Single(_timers, timer => (timer.State is SerialTimer.Wait wait ? Internals.OwnerOf(wait) : timer.State) is T);
        }
    }
}

/// <summary>A timer that is run by hand.</summary>
internal sealed class HandTimer(Action callback, object? state, TimeSpan due) : ITimer
{
    public object? State => state;

    /// <summary>What it was set to last.</summary>
    public TimeSpan Due { get; private set; } = due;

    /// <summary>Runs once, before the timer is set the next time.</summary>
    public Action? BeforeNextChange { get; set; }

    /// <summary>Runs what the timer is for, whether it is due or not.</summary>
    public void Fire() => callback();

    public bool Change(TimeSpan dueTime, TimeSpan period)
    {
        Action? before = BeforeNextChange;
        BeforeNextChange = null;
        before?.Invoke();
        Due = dueTime;
        return true;
    }

    /// <summary>Whether nobody needs it any more. What was disposed of may run all the same.</summary>
    public bool IsDisposed { get; private set; }

    public void Dispose() => IsDisposed = true;

    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }
}
