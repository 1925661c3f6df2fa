namespace MiniGrpc.Conformance.Interop.Service;

/// <summary>Counts what happens on any thread, and says when so much more has happened.</summary>
internal sealed class Tally
{
    private readonly Lock _lock = new();
    private readonly List<(int Count, TaskCompletionSource Reached)> _waiting = [];
    private int _count;

    public int Count => Volatile.Read(ref _count);

    public void Add()
    {
        lock (_lock)
        {
            _count++;
            _waiting.RemoveAll(waiter => waiter.Count == _count && waiter.Reached.TrySetResult());
        }
    }

    /// <summary>Completes when <paramref name="more"/> have come from now on.</summary>
    public Task MoreAsync(int more)
    {
        TaskCompletionSource reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            _waiting.Add((_count + more, reached));
        }

        return reached.Task;
    }
}
