namespace MiniGrpc.Wire.Connection;

/// <summary>
/// Starts work away from the receive loop and from the send gate: handlers, wakes of waiting calls, flushes. The thread
/// pool in a program; one thread and a seed in a simulation.
/// </summary>
internal interface IDispatcher
{
    /// <summary>Runs <paramref name="item"/> soon, never inline.</summary>
    void Post(IThreadPoolWorkItem item);

    /// <summary>Runs <paramref name="item"/> now, on this thread of the pool, which has nothing else to do; or posts it.</summary>
    void RunOrPost(IThreadPoolWorkItem item);

    /// <summary>Cancels <paramref name="source"/>; what its token's holders have registered runs soon, never inline. The task has what they throw.</summary>
    Task Cancel(CancellationTokenSource source);
}

/// <summary>
/// Posts to the thread pool's global queue. Not to the poster's local queue: a flush that overtakes the handlers posted
/// before it would send one reply at a time instead of a batch.
/// </summary>
internal sealed class ThreadPoolDispatcher : IDispatcher
{
    public static readonly ThreadPoolDispatcher Instance = new();

    /// <inheritdoc />
    public void Post(IThreadPoolWorkItem item) => ThreadPool.UnsafeQueueUserWorkItem(item, preferLocal: false);

    /// <inheritdoc />
    public void RunOrPost(IThreadPoolWorkItem item) => item.Execute();

    /// <inheritdoc />
    public Task Cancel(CancellationTokenSource source) => source.CancelAsync();
}
