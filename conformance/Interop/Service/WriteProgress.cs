namespace MiniGrpc.Conformance.Interop.Service;

/// <summary>How far a writer of one stream has come, as seen by others.</summary>
internal sealed class WriteProgress
{
    private int _completed;
    private volatile bool _pending;

    /// <summary>Writes that are complete.</summary>
    public int Completed => Volatile.Read(ref _completed);

    /// <summary>The writer waits for a write to complete.</summary>
    public bool Pending => _pending;

    public async Task TrackAsync(Task write)
    {
        _pending = !write.IsCompleted;
        await write;
        _pending = false;
        Interlocked.Increment(ref _completed);
    }
}
