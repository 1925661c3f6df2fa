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
    private OutputBuffer? _buffer; // for those who write through it; the flush loop has its own

    public SocketPipeWriter(Socket socket) => _socket = socket;

    private OutputBuffer Buffer => _buffer ??= new OutputBuffer();

    /// <inheritdoc />
    public override void Advance(int bytes) => Buffer.Advance(bytes);

    /// <inheritdoc />
    public override Memory<byte> GetMemory(int sizeHint = 0) => Buffer.GetMemory(Math.Max(1, sizeHint));

    /// <inheritdoc />
    public override Span<byte> GetSpan(int sizeHint = 0) => Buffer.GetSpan(Math.Max(1, sizeHint));

    /// <inheritdoc />
    public override async ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        FlushResult result = await WriteAsync(Buffer.WrittenMemory, cancellationToken).ConfigureAwait(false);
        Buffer.Clear();
        return result;
    }

    /// <summary>
    /// Nearly always the socket takes all there is at once. Only if it doesn't are the objects made that an asynchronous send takes; a
    /// connection whose peer reads what it is sent has none.
    /// </summary>
    public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
    {
        int sent = _socket.Send(source.Span, SocketFlags.None, out SocketError error);
        if (error is not (SocketError.Success or SocketError.WouldBlock))
        {
            throw new SocketException((int)error);
        }

        return sent == source.Length ? default : WriteRestAsync(source[sent..], cancellationToken);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<FlushResult> WriteRestAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken)
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
        _buffer?.Release();
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
