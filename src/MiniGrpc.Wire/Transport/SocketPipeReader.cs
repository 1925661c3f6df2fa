using System.Net.Sockets;

namespace MiniGrpc.Wire.Transport;

/// <summary>Reads a socket that doesn't block: a receive that finds nothing says so.</summary>
internal sealed class SocketPipeReader : ContiguousPipeReader
{
    private readonly Socket _socket;
    private SocketError _failure; // the system tells of it once

    public SocketPipeReader(Socket socket)
    {
        socket.Blocking = false;
        _socket = socket;
    }

    /// <summary>Takes what has come, for the next read to give; false if there is nothing. An error counts as something: that read will meet it.</summary>
    public bool TryReceive()
    {
        if (HasUnexamined || _failure != SocketError.Success)
        {
            return true;
        }

        int count = _socket.Receive(MakeRoom().Span, SocketFlags.None, out SocketError error);
        if (error == SocketError.WouldBlock)
        {
            ReleaseIfEmpty();
            return false;
        }

        if (error == SocketError.Success)
        {
            Append(count);
        }

        _failure = error;
        return true;
    }

    /// <inheritdoc />
    protected override ValueTask<int> ReceiveAsync(Memory<byte> buffer, CancellationToken cancellationToken) =>
        _failure == SocketError.Success
            ? _socket.ReceiveAsync(buffer, SocketFlags.None, cancellationToken)
            : ValueTask.FromException<int>(new SocketException((int)_failure));
}
