using System.Collections.Concurrent;
using MiniGrpc.Client;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Conformance.Wire.Engine.Client;

namespace MiniGrpc.Conformance.Wire.Balancing;

/// <summary>A clock moved by hand that knows whose timers there are: one that nobody needs any more keeps its owner, and wakes it for nothing.</summary>
internal sealed class TimerCensus : BackoffClock
{
    private readonly ConcurrentQueue<Counted> _timers = new();

    /// <summary>How many timers a class has made.</summary>
    public int MadeBy<T>() => _timers.Count(timer => timer.IsOf(typeof(T)));

    /// <summary>How many of them it has not disposed of.</summary>
    public int LeftBy<T>() => LeftBy(typeof(T));

    /// <inheritdoc cref="LeftBy{T}"/>
    public int LeftBy(Type owner) => _timers.Count(timer => timer.IsOf(owner) && !timer.IsDisposed);

    /// <summary>Rings those that a class has disposed of: the system may have been about to.</summary>
    public void RingTooLate<T>()
    {
        foreach (Counted timer in _timers.Where(timer => timer.IsOf(typeof(T)) && timer.IsDisposed))
        {
            timer.Ring();
        }
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Counted(base.CreateTimer(callback, state, dueTime, period), callback, state);
        _timers.Enqueue(timer);
        return timer;
    }

    private sealed class Counted(ITimer timer, TimerCallback callback, object? state) : ITimer
    {
        public bool IsDisposed { get; private set; }

        /// <summary>Whether its code stands in a class, or in what the compiler has made inside of that of a lambda; or the wait is one of it.</summary>
        public bool IsOf(Type owner)
        {
            Type? type = state is SerialTimer.Wait wait ? Internals.OwnerOf(wait)?.GetType() : callback.Method.DeclaringType;
            while (type is not null && type != owner)
            {
                type = type.DeclaringType;
            }

            return type is not null;
        }

        public void Ring() => callback(state);

        public bool Change(TimeSpan dueTime, TimeSpan period) => timer.Change(dueTime, period);

        public void Dispose()
        {
            IsDisposed = true;
            timer.Dispose();
        }

        public ValueTask DisposeAsync()
        {
            IsDisposed = true;
            return timer.DisposeAsync();
        }
    }
}
