using System.Collections.ObjectModel;
using MiniGrpc.Conformance.Interop.Calls;

namespace MiniGrpc.Conformance.Interop.Observability;

/// <summary>What OpenTelemetry's in-memory exporter is given to fill, and a test to wait at.</summary>
internal sealed class Exported<T> : Collection<T>
    where T : class
{
    private readonly Lock _lock = new();
    private readonly List<(Func<T, bool> IsMeant, TaskCompletionSource<T> Found)> _waiting = [];

    public T[] Snapshot()
    {
        lock (_lock)
        {
            return [.. Items];
        }
    }

    /// <summary>The first one of a kind, as soon as it is there. Each one is asked about once, in their order.</summary>
    public Task<T> FirstAsync(Func<T, bool> isMeant, string what)
    {
        TaskCompletionSource<T> found = new(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            if (Items.FirstOrDefault(isMeant) is { } first)
            {
                found.SetResult(first);
            }
            else
            {
                _waiting.Add((isMeant, found));
            }
        }

        return found.Task.WithinLimit(what);
    }

    protected override void InsertItem(int index, T item)
    {
        lock (_lock)
        {
            base.InsertItem(Items.Count, item);
            _waiting.Where(one => one.IsMeant(item)).ToList().ForEach(one => one.Found.TrySetResult(item));
        }
    }
}
