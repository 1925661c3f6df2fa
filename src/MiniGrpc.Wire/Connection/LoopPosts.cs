using System.Runtime.CompilerServices;

namespace MiniGrpc.Wire.Connection;

/// <summary>
/// What a connection starts for its calls. Of what the receive loop starts while it takes in a batch of octets, the one thing
/// that is alone waits until the loop does: then the loop's thread has nothing better to do than to run it, and a second
/// thread need not wake up. Several things go to the pool, and run beside each other.
/// </summary>
/// <remarks>
/// Threading: <see cref="Post"/> from any thread, the rest from the receive loop. User code still doesn't run on the loop: it
/// runs on the thread that the loop has left, and the loop goes on elsewhere, however long that takes.
/// </remarks>
internal sealed class LoopPosts(IDispatcher dispatcher)
{
    private int _loopThread;
    private bool _several;
    private IThreadPoolWorkItem? _alone;

    /// <summary>Runs <paramref name="item"/> soon, never inline.</summary>
    public void Post(IThreadPoolWorkItem item)
    {
        if (Volatile.Read(ref _loopThread) != Environment.CurrentManagedThreadId)
        {
            dispatcher.Post(item);
        }
        else if (!_several && _alone is null)
        {
            _alone = item;
        }
        else
        {
            _several = true;
            PostAlone();
            dispatcher.Post(item);
        }
    }

    /// <summary>The loop begins to take in a batch, on this thread.</summary>
    public void BeginBatch()
    {
        _several = false;
        Volatile.Write(ref _loopThread, Environment.CurrentManagedThreadId);
    }

    /// <summary>The batch is taken in.</summary>
    public void EndBatch() => Volatile.Write(ref _loopThread, 0);

    /// <summary>The loop doesn't wait: what was kept for this thread goes to the pool.</summary>
    public void PostAlone()
    {
        if (_alone is { } item)
        {
            _alone = null;
            dispatcher.Post(item);
        }
    }

    /// <summary>Something to await once: the loop waits for <paramref name="input"/>, and its thread runs what was kept for it meanwhile.</summary>
    public Awaitable WhileWaiting(ValueTask input) => new(this, input.ConfigureAwait(false).GetAwaiter(), runs: _alone is not null && !input.IsCompleted);

    /// <summary>From the second line on the loop may be running on another thread, and this one is free.</summary>
    private void Wait(ConfiguredValueTaskAwaitable.ConfiguredValueTaskAwaiter input, Action continuation)
    {
        IThreadPoolWorkItem? item = _alone;
        _alone = null;
        input.UnsafeOnCompleted(continuation);
        if (item is not null)
        {
            dispatcher.RunOrPost(item);
        }
    }

    /// <summary>What <c>await</c> asks for. The loop keeps it while it waits, so it doesn't hold the item: a call that is over must not live on in it.</summary>
    internal readonly struct Awaitable(LoopPosts posts, ConfiguredValueTaskAwaitable.ConfiguredValueTaskAwaiter input, bool runs)
        : ICriticalNotifyCompletion
    {
        /// <summary>With something to run there is always a wait, even if input has just come: the item has no other way to run.</summary>
        public bool IsCompleted => !runs && input.IsCompleted;

        public Awaitable GetAwaiter() => this;

        public void GetResult() => input.GetResult();

        public void OnCompleted(Action continuation) => UnsafeOnCompleted(continuation);

        public void UnsafeOnCompleted(Action continuation) => posts.Wait(input, continuation);
    }
}
