namespace MiniGrpc.Conformance.Simulator;

/// <summary>
/// The clock of a run. It stands still while there is work, and jumps to the next timer when there is none, or when the seed
/// says that the threads were slow.
/// </summary>
internal sealed class SimTime(SimWorld world) : TimeProvider
{
    private static readonly DateTimeOffset s_start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly PriorityQueue<(SimTimer Timer, int Arming), (long Due, long Order)> _due = new();
    private long _order;

    /// <summary>Ticks since the start of the run.</summary>
    public long Ticks { get; private set; }

    /// <summary>The engine's timers that will run. A stream that waits for its next call keeps one that won't.</summary>
    public int ArmedTimers { get; private set; }

    /// <inheritdoc />
    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <inheritdoc />
    public override long GetTimestamp() => Ticks;

    /// <inheritdoc />
    public override DateTimeOffset GetUtcNow() => s_start + TimeSpan.FromTicks(Ticks);

    /// <inheritdoc />
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        world.CheckThread("a timer was made");
        var timer = new SimTimer(this, () => callback(state), isEngines: true);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Runs an action of the simulation itself later.</summary>
    public void After(TimeSpan wait, Action action) => new SimTimer(this, action, isEngines: false).Change(wait, Timeout.InfiniteTimeSpan);

    /// <summary>When the next timer is due, in ticks; null for never.</summary>
    public long? NextDue()
    {
        while (_due.TryPeek(out (SimTimer Timer, int Arming) next, out (long Due, long Order) at))
        {
            if (next.Timer.Arming == next.Arming)
            {
                return at.Due;
            }

            _due.Dequeue();
        }

        return null;
    }

    /// <summary>Moves the clock; timers that are due become work.</summary>
    public void AdvanceTo(long ticks)
    {
        Ticks = Math.Max(Ticks, ticks);
        while (NextDue() <= Ticks)
        {
            _due.Dequeue().Timer.BecomeDue(world);
        }
    }

    private sealed class SimTimer(SimTime time, Action action, bool isEngines) : ITimer
    {
        private long _period = -1;
        private bool _armed;
        private bool _disposed;

        /// <summary>Counts up when the timer is set anew, so that what was set before is known as stale.</summary>
        public int Arming { get; private set; }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            if (_disposed)
            {
                return false;
            }

            Arming++;
            SetArmed(dueTime >= TimeSpan.Zero);
            _period = period > TimeSpan.Zero ? period.Ticks : -1;
            if (dueTime >= TimeSpan.Zero)
            {
                time._due.Enqueue((this, Arming), (time.Ticks + dueTime.Ticks, ++time._order));
            }

            return true;
        }

        public void BecomeDue(SimWorld world)
        {
            Arming++;
            SetArmed(_period > 0);
            int arming = Arming;
            world.Loop.Post(isEngines ? "timer" : "later", () =>
            {
                // A callback that was due when its timer was disposed of may come all the same.
                if (_disposed && !world.Random.OneIn(8))
                {
                    return;
                }

                if (_period > 0 && !_disposed && arming == Arming)
                {
                    Change(TimeSpan.FromTicks(_period), TimeSpan.FromTicks(_period));
                }

                action();
            });
        }

        public void Dispose()
        {
            if (!_disposed)
            {
                _disposed = true;
                Arming++;
                SetArmed(false);
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        private void SetArmed(bool armed)
        {
            if (isEngines && armed != _armed)
            {
                _armed = armed;
                time.ArmedTimers += armed ? 1 : -1;
            }
        }
    }
}
