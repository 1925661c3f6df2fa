using MiniGrpc.Wire.Connection;

namespace MiniGrpc.Conformance.Wire.Resolving;

/// <summary>Runs nothing until a test says so: what has not been posted by then never was.</summary>
internal sealed class HandDispatcher : IDispatcher
{
    private readonly System.Collections.Concurrent.ConcurrentQueue<IThreadPoolWorkItem> _items = new();

    public void Post(IThreadPoolWorkItem item) => _items.Enqueue(item);

    public void RunOrPost(IThreadPoolWorkItem item) => Post(item);

    public Task Cancel(CancellationTokenSource source) => throw new NotSupportedException();

    public void RunAll()
    {
        while (_items.TryDequeue(out IThreadPoolWorkItem? item))
        {
            item.Execute();
        }
    }
}
