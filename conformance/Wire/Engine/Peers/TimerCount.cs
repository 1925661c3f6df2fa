namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>The system's clock, counting the timers that are not disposed of.</summary>
internal sealed class TimerCount : TimeProvider
{
    private int _count;

    public int Count => Volatile.Read(ref _count);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        Interlocked.Increment(ref _count);
        return new Timer(this, base.CreateTimer(callback, state, dueTime, period));
    }

    private sealed class Timer(TimerCount owner, ITimer timer) : ITimer
    {
        private int _disposed;

        public bool Change(TimeSpan dueTime, TimeSpan period) => timer.Change(dueTime, period);

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _disposed, 1) == 0)
            {
                Interlocked.Decrement(ref owner._count);
                timer.Dispose();
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
