using System.Net;
using MiniGrpc.Client;
using MiniGrpc.Conformance.Wire.Engine;

namespace MiniGrpc.Conformance.Wire.Resolving;

/// <summary>Look-ups of host names that a test answers one by one.</summary>
internal sealed class HandLookUps
{
    private readonly System.Threading.Channels.Channel<Pending> _asked = System.Threading.Channels.Channel.CreateUnbounded<Pending>();

    /// <summary>How many there were.</summary>
    public int Count { get; private set; }

    public static IPAddress[] Addresses(params string[] addresses) => [.. addresses.Select(IPAddress.Parse)];

    /// <summary>What a channel is given to look names up.</summary>
    public Task<IPAddress[]> LookUpAsync(string host, CancellationToken cancellationToken)
    {
        Count++;
        var pending = new Pending(host, cancellationToken);
        Assert.True(_asked.Writer.TryWrite(pending));
        return pending.Answer.Task;
    }

    /// <summary>The next one.</summary>
    public Task<Pending> NextAsync() => RawPeer.Within(_asked.Reader.ReadAsync().AsTask(), "a look-up");

    public void UseIn(MiniChannelOptions options) => options.LookUp = LookUpAsync;

    /// <summary>A look-up that waits for its answer, and doesn't heed its token: not every system can give one up.</summary>
    internal sealed record Pending(string Host, CancellationToken Token)
    {
        public TaskCompletionSource<IPAddress[]> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
