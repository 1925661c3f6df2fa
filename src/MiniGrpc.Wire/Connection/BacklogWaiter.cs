namespace MiniGrpc.Wire.Connection;

/// <summary>
/// The receive loop's wait for answers to leave: a peer that asks and takes no answers is not listened to meanwhile.
/// </summary>
/// <remarks>Threading: made by the receive loop under the gate, posted under the gate when the answers are taken to be sent.</remarks>
internal sealed class BacklogWaiter : IThreadPoolWorkItem
{
    private readonly TaskCompletionSource _left = new();

    /// <summary>Completes when the answers have left or the connection has ended.</summary>
    public Task Left => _left.Task;

    /// <inheritdoc />
    public void Execute() => _left.TrySetResult();
}
