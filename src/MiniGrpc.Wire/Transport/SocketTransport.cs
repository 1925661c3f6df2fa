using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MiniGrpc.Wire.Transport;

/// <summary>A TCP or Unix-domain socket as a transport.</summary>
internal sealed class SocketTransport : ITransport
{
    /// <summary>Linux, tcp(7).</summary>
    private const int TcpUserTimeout = 18;

    private readonly Socket _socket;
    private readonly SocketPipeReader _input;
    private readonly EndPoint? _peer;

    public SocketTransport(Socket socket)
    {
        _socket = socket;
        _input = new SocketPipeReader(socket);
        Output = new SocketPipeWriter(socket);
        _peer = socket.RemoteEndPoint;
    }

    /// <inheritdoc />
    public PipeReader Input => _input;

    /// <inheritdoc />
    public PipeWriter Output { get; }

    /// <summary>The peer's address; few ask for it.</summary>
    public string RemoteAddress => field ??= Addresses.Format(_peer);

    /// <summary>Connects to <paramref name="endPoint"/>. What <paramref name="userTimeout"/> is says <see cref="SetUserTimeout"/>.</summary>
    public static async ValueTask<ITransport> ConnectAsync(EndPoint endPoint, TimeSpan userTimeout, CancellationToken cancellationToken)
    {
        Socket socket = Create(endPoint);
        try
        {
            await socket.ConnectAsync(endPoint, cancellationToken).ConfigureAwait(false);
            SetUserTimeout(socket, userTimeout);
            return new SocketTransport(socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <inheritdoc />
    public ValueTask WaitForInputAsync() => _input.TryReceive() ? ValueTask.CompletedTask : WaitAsync();

    /// <inheritdoc />
    public void Abort() => _socket.Dispose();

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask WaitAsync()
    {
        do
        {
            // On Linux the event of octets that were read before it was looked at completes an empty receive, too (measured: for
            // 27 of 60 connections with TLS). Without a second look such a connection would take a buffer and be idle with it.
            await _socket.ReceiveAsync(Memory<byte>.Empty, SocketFlags.None).ConfigureAwait(false);
        }
        while (!_input.TryReceive());
    }

    /// <summary>Closes the socket and gives the buffer back. Nobody reads any more: a read under way would still write to it.</summary>
    public ValueTask DisposeAsync()
    {
        _socket.Dispose();
        _input.Complete();
        return ValueTask.CompletedTask;
    }

    /// <summary>
    /// A socket for <paramref name="endPoint"/>. Nagle's algorithm is off: the flush loop decides what travels together, and
    /// a delayed reply would wait for the peer's acknowledgement.
    /// </summary>
    internal static Socket Create(EndPoint endPoint)
    {
        if (endPoint is UnixDomainSocketEndPoint)
        {
            return new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        }

        return endPoint.AddressFamily == AddressFamily.Unspecified
            ? new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true }
            : new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    }

    /// <summary>
    /// The system ends a connection whose octets were not acknowledged for that long (RFC 5482), where it can be told to: on Linux.
    /// Left to itself it tries for a quarter of an hour. A peer that leaves its receive buffer full for that long is counted among those:
    /// one whose process is stopped, for HTTP/2's own windows hold back before that. A listener's connections have it from the listener.
    /// </summary>
    internal static void SetUserTimeout(Socket socket, TimeSpan timeout)
    {
        if (OperatingSystem.IsLinux() && socket.AddressFamily != AddressFamily.Unix && timeout != Timeout.InfiniteTimeSpan)
        {
            int milliseconds = (int)Math.Min(Math.Ceiling(timeout.TotalMilliseconds), int.MaxValue);
            socket.SetRawSocketOption((int)ProtocolType.Tcp, TcpUserTimeout, MemoryMarshal.AsBytes(new ReadOnlySpan<int>(in milliseconds)));
        }
    }
}
