using MiniGrpc.Client;
using MiniGrpc.Conformance.Wire.Engine;

namespace MiniGrpc.Conformance.Wire.Balancing;

/// <summary>Waits until a channel has taken note of what has happened so far.</summary>
internal static class Settling
{
    public static Task OfAsync(MiniChannel channel)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        channel.Core.Post(done.SetResult);
        return RawPeer.Within(done.Task, "the channel to settle");
    }
}
