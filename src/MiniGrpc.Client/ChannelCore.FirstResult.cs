using MiniGrpc.Wire.Connection;

namespace MiniGrpc.Client;

/// <content>
/// The first thing that a resolver of the user's finds: with the addresses it may bring a service config, and calls that were started
/// before go by it as well. They wait for both.
/// </content>
internal sealed partial class ChannelCore
{
    private readonly PostedCompletion _firstResult = new();
    private int _awaitingCalls;
    private bool _hasResult;

    /// <summary>Whether what calls go by is not known yet.</summary>
    public bool AwaitsConfig => Target.MayBringConfig && !Volatile.Read(ref _hasResult);

    /// <summary>A call begins to wait, and the channel to look. Completes with the first result, a failure perhaps, or when the channel is closed.</summary>
    public Task BeginToAwaitConfig()
    {
        Interlocked.Increment(ref _awaitingCalls);
        RequestConnection();
        return _firstResult.Task;
    }

    /// <summary>A call waits no more.</summary>
    public void EndToAwaitConfig() => Interlocked.Decrement(ref _awaitingCalls);

    private void EndAwaitingConfig()
    {
        if (!_hasResult)
        {
            Volatile.Write(ref _hasResult, true);
            Dispatcher.Post(_firstResult);
        }
    }
}
