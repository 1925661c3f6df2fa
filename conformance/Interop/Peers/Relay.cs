using System.Net;
using System.Net.Sockets;

namespace MiniGrpc.Conformance.Interop.Peers;

/// <summary>Stands between a client and a server on TCP and counts what passes, so that a test can tell what is on the wire.</summary>
internal sealed class Relay : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly ServerAddress _target;
    private readonly Task _accepting;
    private long _bytesUp;
    private long _bytesDown;

    public Relay(ServerAddress target)
    {
        _target = target;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public ServerAddress Address => ServerAddress.OnPort(_target.Transport, ((IPEndPoint)_listener.LocalEndpoint).Port);

    /// <summary>From the client to the server.</summary>
    public long BytesUp => Interlocked.Read(ref _bytesUp);

    /// <summary>From the server to the client.</summary>
    public long BytesDown => Interlocked.Read(ref _bytesDown);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        List<Task> connections = [];
        try
        {
            while (true)
            {
                connections.Add(CarryAsync(await _listener.AcceptTcpClientAsync(_stop.Token)));
            }
        }
        finally
        {
            await Task.WhenAll(connections).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task CarryAsync(TcpClient client)
    {
        using (client)
        {
            using TcpClient server = new();
            await server.ConnectAsync(IPAddress.Loopback, _target.Port, _stop.Token);

            // When one side closes, both are closed.
            await Task.WhenAny(
                PumpAsync(client.GetStream(), server.GetStream(), bytes => Interlocked.Add(ref _bytesUp, bytes)),
                PumpAsync(server.GetStream(), client.GetStream(), bytes => Interlocked.Add(ref _bytesDown, bytes)));
        }
    }

    private async Task PumpAsync(NetworkStream from, NetworkStream to, Action<int> count)
    {
        byte[] buffer = new byte[64 << 10];
        int length;
        while ((length = await from.ReadAsync(buffer, _stop.Token)) > 0)
        {
            count(length);
            await to.WriteAsync(buffer.AsMemory(0, length), _stop.Token);
        }
    }
}
