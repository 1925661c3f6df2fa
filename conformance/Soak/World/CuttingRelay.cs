using System.Net;
using System.Net.Sockets;

namespace MiniGrpc.Conformance.Soak.World;

/// <summary>
/// A port that stays the same while the server behind it is replaced, and at which connections can be cut, as a cable would be.
/// </summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class CuttingRelay : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly HashSet<Socket> _sockets = [];
    private readonly List<Task> _carrying = [];
    private readonly Task _accepting;
    private int _target;
    private bool _closed;

    public CuttingRelay()
    {
        _listener.Start();
        _accepting = AcceptAsync();
    }

    /// <summary>The port that clients connect to.</summary>
    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>The port of the server behind it.</summary>
    public int Target
    {
        get => Volatile.Read(ref _target);
        set => Volatile.Write(ref _target, value);
    }

    /// <summary>Resets every connection that there is.</summary>
    public void Cut()
    {
        lock (_sockets)
        {
            foreach (Socket socket in _sockets)
            {
                socket.Close(timeout: 0); // RST, not FIN
            }

            _sockets.Clear();
        }
    }

    public async ValueTask DisposeAsync()
    {
        Volatile.Write(ref _closed, true);
        _listener.Stop();
        Cut();
        await _accepting;
        Task[] carrying;
        lock (_sockets)
        {
            carrying = [.. _carrying];
        }

        await Task.WhenAll(carrying);
        _listener.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            Socket client;
            try
            {
                client = await _listener.AcceptSocketAsync();
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException && Volatile.Read(ref _closed))
            {
                return;
            }

            lock (_sockets)
            {
                _carrying.RemoveAll(task => task.IsCompleted);
                _carrying.Add(CarryAsync(client));
            }
        }
    }

    private async Task CarryAsync(Socket client)
    {
        using var server = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        client.NoDelay = true;
        lock (_sockets)
        {
            _sockets.Add(client);
            _sockets.Add(server);
        }

        try
        {
            await server.ConnectAsync(IPAddress.Loopback, Target);
            await Task.WhenAll(PumpAsync(client, server), PumpAsync(server, client));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Cut here, or by one of the ends: the other end learns of it now.
        }
        finally
        {
            client.Dispose();
            lock (_sockets)
            {
                _sockets.Remove(client);
                _sockets.Remove(server);
            }
        }
    }

    private static async Task PumpAsync(Socket from, Socket to)
    {
        byte[] buffer = new byte[16 * 1024];
        try
        {
            int length;
            while ((length = await from.ReceiveAsync(buffer)) > 0)
            {
                int sent = 0;
                while (sent < length)
                {
                    sent += await to.SendAsync(buffer.AsMemory(sent, length - sent));
                }
            }

            to.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            from.Dispose();
            to.Dispose();
        }
    }
}
