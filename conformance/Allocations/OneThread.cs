using MiniGrpc.Wire.Connection;

namespace MiniGrpc.Conformance.Allocations;

/// <summary>A test in which whatever is awaited goes on where it was completed, not in a context of the test framework.</summary>
public abstract class OnOneThread : IDisposable
{
    private readonly SynchronizationContext? _before = SynchronizationContext.Current;

    protected OnOneThread() => SynchronizationContext.SetSynchronizationContext(null);

    public void Dispose()
    {
        GC.SuppressFinalize(this);
        SynchronizationContext.SetSynchronizationContext(_before);
    }
}

/// <summary>
/// Runs a connection's work on the test's own thread and when the test says so: what a call allocates is then what this thread
/// allocates, to the octet, whatever else the process does.
/// </summary>
internal sealed class OneThread : IDispatcher
{
    private readonly Queue<IThreadPoolWorkItem> _ready = new(capacity: 64);

    /// <inheritdoc />
    public void Post(IThreadPoolWorkItem item) => _ready.Enqueue(item);

    /// <inheritdoc />
    public void RunOrPost(IThreadPoolWorkItem item) => Post(item);

    /// <inheritdoc />
    public Task Cancel(CancellationTokenSource source)
    {
        source.Cancel();
        return Task.CompletedTask;
    }

    /// <summary>Runs what is ready, and what that makes ready.</summary>
    public void Run()
    {
        while (_ready.TryDequeue(out IThreadPoolWorkItem? item))
        {
            item.Execute();
        }
    }
}
