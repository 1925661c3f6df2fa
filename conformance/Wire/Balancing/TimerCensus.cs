using System.Collections.Concurrent;
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

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Counted(base.CreateTimer(callback, state, dueTime, period), callback.Method.DeclaringType);
        _timers.Enqueue(timer);
        return timer;
    }

    /// <param name="timer">The timer.</param>
    /// <param name="callback">Where its code stands: in its owner, or in what the compiler has made inside of it of a lambda.</param>
    private sealed class Counted(ITimer timer, Type? callback) : ITimer
    {
        public bool IsDisposed { get; private set; }

        public bool IsOf(Type owner)
        {
            Type? type = callback;
            while (type is not null && type != owner)
            {
                type = type.DeclaringType;
            }

            return type is not null;
        }

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
