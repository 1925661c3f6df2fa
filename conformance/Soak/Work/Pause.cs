namespace MiniGrpc.Conformance.Soak.Work;

/// <summary>Lets workers stop between two pieces of work, so that what is measured is measured at rest.</summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class Pause
{
    private readonly Lock _lock = new();
    private TaskCompletionSource? _resumed;
    private TaskCompletionSource? _allResting;
    private int _workers;
    private int _resting;

    /// <summary>A worker has begun.</summary>
    public void Enter()
    {
        lock (_lock)
        {
            _workers++;
        }
    }

    /// <summary>A worker has ended.</summary>
    public void Leave()
    {
        lock (_lock)
        {
            _workers--;
            CheckResting();
        }
    }

    /// <summary>Waits while there is a pause.</summary>
    public async Task RestAsync()
    {
        Task resumed;
        lock (_lock)
        {
            if (_resumed is null)
            {
                return;
            }

            _resting++;
            CheckResting();
            resumed = _resumed.Task;
        }

        await resumed;
    }

    /// <summary>Begins a pause; completes when all workers rest.</summary>
    public Task BeginAsync()
    {
        lock (_lock)
        {
            _resumed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _allResting = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            CheckResting();
            return _allResting.Task;
        }
    }

    /// <summary>Ends it.</summary>
    public void End()
    {
        lock (_lock)
        {
            _resting = 0;
            _resumed?.SetResult();
            _resumed = null;
            _allResting = null;
        }
    }

    private void CheckResting()
    {
        if (_allResting is not null && _resting == _workers)
        {
            _allResting.TrySetResult();
        }
    }
}
