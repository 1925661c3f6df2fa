using MiniGrpc.Client;
using MiniGrpc.Client.Balancing;
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

    /// <summary>Waits until so many subchannels are ready, and the policy knows it.</summary>
    public static async Task ConnectedAsync(MiniChannel channel, int count)
    {
        await Eventually.IsTrueAsync(
            () => channel.Core.Connections.Count(connection => connection.Owner is Subchannel { State: ConnectivityState.Ready }) == count, $"{count} to be connected");
        await OfAsync(channel);
    }
}
