namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>Wakes those who wait for a state, whenever something of it has changed.</summary>
internal sealed class Changes
{
    private TaskCompletionSource _next = Create();

    /// <summary>Something has changed. Any thread; nobody who waits goes on here.</summary>
    public void Tell() => Interlocked.Exchange(ref _next, Create()).SetResult();

    /// <summary>Waits until what changes has come to a state.</summary>
    public async Task UntilAsync(Func<bool> isReached, string what)
    {
        while (true)
        {
            Task next = Volatile.Read(ref _next).Task; // before the state is looked at, so that no change of it is missed
            if (isReached())
            {
                return;
            }

            await RawPeer.Within(next, what);
        }
    }

    private static TaskCompletionSource Create() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
