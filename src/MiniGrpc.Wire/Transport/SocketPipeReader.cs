using System.Net.Sockets;

namespace MiniGrpc.Wire.Transport;

/// <summary>Reads a socket.</summary>
internal sealed class SocketPipeReader(Socket socket) : ContiguousPipeReader
{
    /// <inheritdoc />
    protected override ValueTask<int> ReceiveAsync(Memory<byte> buffer, CancellationToken cancellationToken) =>
        socket.ReceiveAsync(buffer, SocketFlags.None, cancellationToken);
}
