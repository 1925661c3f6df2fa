using System.IO.Pipelines;
using System.Net.Security;
using System.Runtime.CompilerServices;

using MiniGrpc.Wire.Buffers;

namespace MiniGrpc.Wire.Transport.Tls;

/// <summary>Reads what TLS has decrypted.</summary>
internal sealed class TlsPipeReader(SslStream stream, TlsTurns turns, string peer) : ContiguousPipeReader
{
    private bool _hasReceived;

    /// <summary>Completes when there is something to read, or the end of it. TLS and the transport below hold no buffer meanwhile.</summary>
    public async ValueTask WaitAsync()
    {
        if (HasUnexamined)
        {
            return;
        }

        ReleaseIfEmpty();
        await ReceiveAsync(Memory<byte>.Empty, CancellationToken.None).ConfigureAwait(false);
    }

    /// <inheritdoc />
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    protected override async ValueTask<int> ReceiveAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        int count;
        turns.Enter();
        try
        {
            count = await stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // TLS throws exceptions of many types; to those who read, the transport is broken.
            throw new IOException(TlsErrors.Explain(e, peer), e);
        }
        finally
        {
            turns.Leave();
        }

        if (count == 0 && !buffer.IsEmpty && !_hasReceived)
        {
            // In TLS 1.3 a handshake may end here before the peer has judged our certificate, and not every library sends an alert.
            throw new IOException(TlsErrors.ClosedAfterHandshake(peer));
        }

        _hasReceived |= count > 0;
        return count;
    }
}

/// <summary>Writes through TLS: what is given in one piece goes into as few records as there can be (RFC 8446 section 5.1: 16 KiB each).</summary>
/// <remarks>Used by the flush loop alone.</remarks>
internal sealed class TlsPipeWriter(SslStream stream, TlsTurns turns, PipeWriter below) : PipeWriter
{
    private readonly OutputBuffer _buffer = new();

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
        await stream.WriteAsync(source, cancellationToken).ConfigureAwait(false);
        return default;
    }

    /// <inheritdoc />
    public override void CancelPendingFlush() => throw new NotSupportedException("writes are ended by aborting the transport");

    /// <inheritdoc cref="CompleteAsync"/>
    public override void Complete(Exception? exception = null) => _ = CompleteAsync(exception).AsTask();

    /// <summary>
    /// Ends our direction: close_notify (RFC 8446 section 6.1), so that the peer can tell the end from a cut, then the end of
    /// the transport's. Doesn't throw.
    /// </summary>
    public override async ValueTask CompleteAsync(Exception? exception = null)
    {
        _buffer.Release();
        try
        {
            await turns.ShutdownAsync(stream.ShutdownAsync).ConfigureAwait(false);
        }
        catch (Exception)
        {
            // The peer or Abort was faster. The direction ends all the same, only that the peer isn't told so by TLS.
        }

        await below.CompleteAsync(exception).ConfigureAwait(false);
    }
}
