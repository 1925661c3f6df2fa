using MiniGrpc.Client;
using MiniGrpc.Conformance.Wire.Engine;

namespace MiniGrpc.Conformance.Wire.Balancing;

/// <summary>
/// Holds up what a channel does one after the other, until it is disposed of: what happens meanwhile stands in the channel's queue, in the
/// order in which the test has it happen.
/// </summary>
internal sealed class Hold : IDisposable
{
    private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _over = new();

    private Hold(MiniChannel channel) => channel.Core.Post(() =>
    {
        _begun.SetResult();
        Assert.True(_over.Task.Wait(RawPeer.Patience), "The channel was held and not let go of.");
    });

    /// <summary>Begins when all that stands in the queue has been done.</summary>
    public static Hold Behind(MiniChannel channel) => new(channel);

    /// <summary>Has begun.</summary>
    public static async Task<Hold> OnAsync(MiniChannel channel)
    {
        Hold hold = Behind(channel);
        await hold.HasBegunAsync();
        return hold;
    }

    public Task HasBegunAsync() => RawPeer.Within(_begun.Task, "the channel to be held");

    public void Dispose() => _over.TrySetResult();
}
