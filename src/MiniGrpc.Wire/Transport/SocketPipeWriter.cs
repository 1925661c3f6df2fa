using System.IO.Pipelines;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

using MiniGrpc.Wire.Buffers;

namespace MiniGrpc.Wire.Transport;

/// <summary>Writes to a socket; <see cref="WriteAsync"/> sends the caller's memory without copying it.</summary>
/// <remarks>Used by the flush loop alone.</remarks>
internal sealed class SocketPipeWriter : PipeWriter
{
    private readonly Socket _socket;
    private readonly OutputBuffer _buffer = new();

    public SocketPipeWriter(Socket socket) => _socket = socket;

    /// <inheritdoc />
    public override void Advance(int bytes) => _buffer.Advance(bytes);

    /// <inheritdoc />
    public override Memory<byte> GetMemory(int sizeHint = 0) => _buffer.GetMemory(Math.Max(1, sizeHint));

    /// <inheritdoc />
    public override Span<byte> GetSpan(int sizeHint = 0) => _buffer.GetSpan(Math.Max(1, sizeHint));

    /// <inheritdoc />
    public override async ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        FlushResult result = await WriteAsync(_buffer.WrittenMemory, cancellationToken).ConfigureAwait(false);
        _buffer.Clear();
        return result;
    }

    /// <inheritdoc />
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
    {
        while (source.Length > 0)
        {
            int sent = await _socket.SendAsync(source, SocketFlags.None, cancellationToken).ConfigureAwait(false);
            source = source[sent..];
        }

        return default;
    }

    /// <inheritdoc />
    public override void CancelPendingFlush() => throw new NotSupportedException("writes are ended by aborting the transport");

    /// <summary>Ends our direction (FIN); the peer's stays open.</summary>
    public override void Complete(Exception? exception = null)
    {
        _buffer.Release();
        try
        {
            _socket.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The peer, or Abort, was faster: the direction has ended, which is what was asked for.
        }
    }
}
