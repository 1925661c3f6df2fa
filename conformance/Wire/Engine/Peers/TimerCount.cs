namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>The system's clock, counting the timers that are armed.</summary>
internal sealed class TimerCount : TimeProvider
{
    private int _count;

    public int Count => Volatile.Read(ref _count);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, base.CreateTimer(callback, state, dueTime, period));
        timer.SetArmed(dueTime != Timeout.InfiniteTimeSpan);
        return timer;
    }

    private sealed class Timer(TimerCount owner, ITimer timer) : ITimer
    {
        private int _armed;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            SetArmed(dueTime != Timeout.InfiniteTimeSpan);
            return timer.Change(dueTime, period);
        }

        public void SetArmed(bool armed) => Interlocked.Add(ref owner._count, (armed ? 1 : 0) - Interlocked.Exchange(ref _armed, armed ? 1 : 0));

        public void Dispose()
        {
            SetArmed(false);
            timer.Dispose();
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
