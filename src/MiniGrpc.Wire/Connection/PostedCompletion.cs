namespace MiniGrpc.Wire.Connection;

/// <summary>
/// A wait that ends by being posted: whoever knows that it is over may stand under a lock or on the receive loop, where the
/// code behind the wait must not run. It runs where the dispatcher runs the item.
/// </summary>
/// <remarks>
/// One item of the dispatcher, as with <see cref="TaskCreationOptions.RunContinuationsAsynchronously"/>, which would take it
/// to the thread pool whatever the dispatcher is. Any thread; to post it twice does no harm.
/// </remarks>
internal sealed class PostedCompletion : TaskCompletionSource, IThreadPoolWorkItem
{
    /// <inheritdoc />
    public void Execute() => TrySetResult();
}
