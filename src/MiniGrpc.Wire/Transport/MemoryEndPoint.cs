using System.Net;
using System.Threading.Channels;

using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Wire;

/// <summary>
/// An address inside the process: give the same object to a server's <c>Listen</c> and to a channel, and they talk over
/// memory, byte for byte as over a socket.
/// </summary>
public sealed class MemoryEndPoint : EndPoint
{
    private static int s_count;

    private readonly string _name;
    private MemoryListener? _listener;

    /// <summary>Creates an address. <paramref name="name"/> shows in logs and in <c>ServerCallContext.Peer</c>; by default it is numbered.</summary>
    public MemoryEndPoint(string? name = null) => _name = name ?? $"{Interlocked.Increment(ref s_count)}";

    /// <inheritdoc />
    public override string ToString() => "memory:" + _name;

    internal ITransportListener Listen()
    {
        var listener = new MemoryListener(this);
        return Interlocked.CompareExchange(ref _listener, listener, null) is null
            ? listener
            : throw new IOException($"can't listen on {this}: a server listens there already");
    }

    internal ITransport Connect()
    {
        MemoryListener listener = Volatile.Read(ref _listener) ?? throw new IOException($"can't connect to {this}: no server listens there");
        (ITransport client, ITransport server) = MemoryTransport.CreatePair(_name);
        return listener.TryAdd(server) ? client : throw new IOException($"can't connect to {this}: the server is closing");
    }

    private sealed class MemoryListener(MemoryEndPoint endPoint) : ITransportListener
    {
        private readonly Channel<ITransport> _peers = Channel.CreateUnbounded<ITransport>();

        public string Address => endPoint.ToString();

        public bool TryAdd(ITransport peer) => _peers.Writer.TryWrite(peer);

        public async ValueTask<ITransport?> AcceptAsync() =>
            await _peers.Reader.WaitToReadAsync().ConfigureAwait(false) && _peers.Reader.TryRead(out ITransport? peer) ? peer : null;

        public void Close()
        {
            _peers.Writer.TryComplete();
            Interlocked.CompareExchange(ref endPoint._listener, null, this);
        }

        public ValueTask DisposeAsync()
        {
            Close();
            return ValueTask.CompletedTask;
        }
    }
}
