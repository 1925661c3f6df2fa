using System.Net;
using System.Net.Sockets;

namespace MiniGrpc.Conformance.Fuzz.Recording;

/// <summary>Stands between a client and a server on TCP, carries what they say, and keeps it: one connection.</summary>
internal sealed class Recorder : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Task _carrying;
    private readonly int _serverPort;

    public Recorder(int serverPort)
    {
        _serverPort = serverPort;
        _listener.Start();
        _carrying = CarryAsync();
    }

    /// <summary>Where the client is to connect.</summary>
    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>What the client has said. To be read when both have hung up.</summary>
    public List<byte> Up { get; } = [];

    /// <summary>What the server has said.</summary>
    public List<byte> Down { get; } = [];

    /// <summary>Completes when both have hung up.</summary>
    public Task Done => _carrying;

    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        await _carrying.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task CarryAsync()
    {
        using TcpClient client = await _listener.AcceptTcpClientAsync();
        using TcpClient server = new();
        await server.ConnectAsync(IPAddress.Loopback, _serverPort);
        await Task.WhenAll(PumpAsync(client, server, Up), PumpAsync(server, client, Down));
    }

    private static async Task PumpAsync(TcpClient from, TcpClient to, List<byte> kept)
    {
        byte[] buffer = new byte[64 * 1024];
        try
        {
            int length;
            while ((length = await from.GetStream().ReadAsync(buffer)) > 0)
            {
                kept.AddRange(buffer.AsSpan(0, length));
                await to.GetStream().WriteAsync(buffer.AsMemory(0, length));
            }
        }
        catch (IOException)
        {
            to.Close(); // one end has cut the connection, so the other one is cut too
            return;
        }

        to.Client.Shutdown(SocketShutdown.Send);
    }
}
