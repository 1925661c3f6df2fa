using MiniGrpc.Wire.Connection;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>The thread pool, but for flushes: those are kept, when a test says so, until it lets them run.</summary>
internal sealed class HeldFlushes : IDispatcher, IDisposable
{
    private readonly List<IThreadPoolWorkItem> _held = [];
    private bool _isOn;

    /// <summary>How many flushes have been posted and not run.</summary>
    public int Count
    {
        get
        {
            lock (_held)
            {
                return _held.Count;
            }
        }
    }

    /// <summary>From now on no flush that is posted runs.</summary>
    public void Hold()
    {
        lock (_held)
        {
            _isOn = true;
        }
    }

    /// <summary>Runs the flushes that were posted, and those to come.</summary>
    public void Release()
    {
        lock (_held)
        {
            _isOn = false;
            _held.ForEach(ThreadPoolDispatcher.Instance.Post);
            _held.Clear();
        }
    }

    /// <summary>The same: a test that fails in between must not leave a connection that can't say its last.</summary>
    public void Dispose() => Release();

    /// <inheritdoc />
    public void Post(IThreadPoolWorkItem item)
    {
        lock (_held)
        {
            if (_isOn && item is FlushLoop)
            {
                _held.Add(item);
                return;
            }
        }

        ThreadPoolDispatcher.Instance.Post(item);
    }

    /// <inheritdoc />
    public void RunOrPost(IThreadPoolWorkItem item) => ThreadPoolDispatcher.Instance.RunOrPost(item);

    /// <inheritdoc />
    public Task Cancel(CancellationTokenSource source) => ThreadPoolDispatcher.Instance.Cancel(source);
}
