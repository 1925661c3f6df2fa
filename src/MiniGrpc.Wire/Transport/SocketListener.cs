using System.Net;
using System.Net.Sockets;

namespace MiniGrpc.Wire.Transport;

/// <summary>Listens on a TCP port or a Unix-domain socket.</summary>
internal sealed class SocketListener : ITransportListener
{
    /// <summary>Connections that the system completes before we accept them; the usual upper bound of the system itself.</summary>
    private const int Backlog = 512;

    private readonly Socket _socket;
    private readonly string? _unixPath;
    private int _closed;

    /// <summary>Binds and starts to listen, or throws <see cref="IOException"/> with a sentence that says what is in the way.</summary>
    public SocketListener(EndPoint endPoint, TimeSpan userTimeout)
    {
        _socket = SocketTransport.Create(endPoint);
        try
        {
            SocketTransport.SetUserTimeout(_socket, userTimeout);
            if (endPoint is UnixDomainSocketEndPoint unix)
            {
                _unixPath = unix.ToString();
            }
            else if (endPoint is IPEndPoint { Address: var address } && address.Equals(IPAddress.IPv6Any))
            {
                _socket.DualMode = true;
            }

            Bind(endPoint);
            _socket.Listen(Backlog);
            Address = Addresses.Format(_socket.LocalEndPoint);
        }
        catch (SocketException e)
        {
            _socket.Dispose();
            throw new IOException($"can't listen on {Addresses.Format(endPoint)}: {Explain(e)}", e);
        }
    }

    /// <inheritdoc />
    public string Address { get; }

    /// <summary>The bound address; the port is the real one.</summary>
    public EndPoint LocalEndPoint => _socket.LocalEndPoint!;

    /// <inheritdoc />
    public async ValueTask<ITransport?> AcceptAsync()
    {
        while (true)
        {
            Socket? peer = null;
            try
            {
                peer = await _socket.AcceptAsync().ConfigureAwait(false);
                if (_unixPath is null)
                {
                    peer.NoDelay = true;
                }

                return new SocketTransport(peer);
            }
            catch (Exception e) when (e is ObjectDisposedException or SocketException { SocketErrorCode: SocketError.OperationAborted or SocketError.Interrupted })
            {
                peer?.Dispose();
                return null;
            }
            catch (SocketException) when (peer is not null)
            {
                peer.Dispose(); // gone before we could look at it: that is the next one's turn
            }
        }
    }

    /// <inheritdoc />
    public void Close()
    {
        if (Interlocked.Exchange(ref _closed, 1) != 0)
        {
            return; // by now the path may be another server's
        }

        _socket.Dispose();
        if (_unixPath is not null)
        {
            File.Delete(_unixPath);
        }
    }

    /// <inheritdoc />
    public ValueTask DisposeAsync()
    {
        Close();
        return ValueTask.CompletedTask;
    }

    private void Bind(EndPoint endPoint)
    {
        try
        {
            _socket.Bind(endPoint);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse && _unixPath is not null && IsStale(endPoint))
        {
            // Left behind by a process that was killed: nobody listens there any more.
            File.Delete(_unixPath);
            _socket.Bind(endPoint);
        }
    }

    /// <summary>Whether the path is a socket that nobody listens on. A file of another kind is somebody's, and stays.</summary>
    private bool IsStale(EndPoint endPoint)
    {
        try
        {
            File.OpenHandle(_unixPath!).Dispose();
            return false; // what can be opened is no socket
        }
        catch (IOException)
        {
            // A socket can't be opened as a file.
        }
        catch (UnauthorizedAccessException)
        {
            return false;
        }

        using Socket probe = SocketTransport.Create(endPoint);
        try
        {
            probe.Connect(endPoint);
            return false;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode == SocketError.ConnectionRefused;
        }
    }

    private string Explain(SocketException e) => e.SocketErrorCode switch
    {
        SocketError.AddressAlreadyInUse => "the address is in use by another process or listener",
        SocketError.AccessDenied => "the process may not listen there",
        SocketError.AddressNotAvailable when _unixPath is not null => "the folder doesn't exist",
        SocketError.AddressNotAvailable => "the address doesn't belong to this machine",
        _ => e.Message,
    };
}
