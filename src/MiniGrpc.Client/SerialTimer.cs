namespace MiniGrpc.Client;

/// <summary>
/// One wait after the other, for code that runs in turns, as on a channel's serializer. What is due runs in a turn, and never once its wait was
/// stopped or another one begun: a timer that has fired by then finds that it is out of date.
/// </summary>
/// <param name="time">The clock.</param>
/// <param name="post">Runs something in a turn, now or later.</param>
/// <param name="due">What is to be done when the wait is over.</param>
/// <remarks>Not thread-safe: all members are for who has the turn.</remarks>
internal sealed class SerialTimer(TimeProvider time, Action<Action> post, Action due)
{
    private readonly Action _due = due;
    private Wait? _wait;

    /// <summary>Whether there is a wait that is not over.</summary>
    public bool IsRunning => _wait is not null;

    /// <summary>Begins a wait, in place of the one that there may be.</summary>
    public void Start(TimeSpan length)
    {
        Stop();
        _wait = new Wait(this);
        _wait.Timer = time.CreateTimer(static wait => ((Wait)wait!).OnTime(), _wait, length, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Nothing is due any more.</summary>
    public void Stop()
    {
        _wait?.Timer?.Dispose();
        _wait = null;
    }

    private void OnTime(Wait wait) => post(() =>
    {
        if (_wait == wait)
        {
            Stop();
            _due();
        }
    });

    /// <summary>One wait, which a timer's callback knows.</summary>
    internal sealed class Wait(SerialTimer owner)
    {
        private readonly SerialTimer _owner = owner;

        public ITimer? Timer { get; set; }

        public void OnTime() => _owner.OnTime(this);
    }
}
