using System.Buffers;
using System.IO.Pipelines;

namespace MiniGrpc.Wire.Transport.Tls;

/// <summary>
/// A transport as the stream that <see cref="System.Net.Security.SslStream"/> reads its records from and writes them to.
/// </summary>
/// <remarks>
/// Threading: one reader and one writer, as the transport itself. Records are copied once more than they would be from a
/// socket straight into TLS; in return one system call fetches four of them, and sockets, Unix sockets and memory are alike.
/// </remarks>
internal sealed class TransportStream(ITransport transport, TlsTurns turns) : Stream
{
    /// <summary>The types of record that a handshake can start with: an alert or a handshake message (RFC 8446 section 5.1).</summary>
    private const byte Alert = 21;
    private const byte Handshake = 22;

    private bool _judged;
    private volatile bool _aborted;

    /// <inheritdoc />
    public override bool CanRead => true;

    /// <inheritdoc />
    public override bool CanSeek => false;

    /// <inheritdoc />
    public override bool CanWrite => true;

    /// <inheritdoc />
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc />
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>From here on nothing is read or written.</summary>
    public void Abort() => _aborted = true;

    /// <summary>An empty <paramref name="buffer"/> waits for input and holds no memory meanwhile.</summary>
    /// <exception cref="NotTlsException">The peer's first octets are no TLS. They stay in the transport's input, to be read from there.</exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ThrowIfAborted();
        turns.Leave();
        if (buffer.IsEmpty)
        {
            await transport.WaitForInputAsync().ConfigureAwait(false);
            turns.Enter();
            return 0;
        }

        ReadResult result = await transport.Input.ReadAsync(cancellationToken).ConfigureAwait(false);
        turns.Enter();
        ReadOnlySequence<byte> octets = result.Buffer;
        if (result.IsCanceled)
        {
            transport.Input.AdvanceTo(octets.Start);
            throw new IOException("the connection was aborted");
        }

        if (!_judged && !octets.IsEmpty && octets.FirstSpan[0] is not (Alert or Handshake))
        {
            transport.Input.AdvanceTo(octets.Start);
            throw new NotTlsException();
        }

        _judged = true;
        int count = (int)long.Min(octets.Length, buffer.Length);
        octets.Slice(0, count).CopyTo(buffer.Span);
        transport.Input.AdvanceTo(octets.GetPosition(count));
        return count;
    }

    /// <inheritdoc />
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ThrowIfAborted();
        FlushResult result = await transport.Output.WriteAsync(buffer, cancellationToken).ConfigureAwait(false);
        if (result.IsCanceled)
        {
            throw new IOException("the connection was aborted");
        }
    }

    /// <inheritdoc />
    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc />
    public override void Flush()
    {
        // A write has left when it completes.
    }

    /// <inheritdoc />
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("read asynchronously");

    /// <inheritdoc />
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("write asynchronously");

    /// <inheritdoc />
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc />
    public override void SetLength(long value) => throw new NotSupportedException();

    private void ThrowIfAborted()
    {
        if (_aborted)
        {
            throw new IOException("the connection was aborted");
        }
    }
}

/// <summary>Ends a handshake with a peer that speaks plaintext.</summary>
internal sealed class NotTlsException() : IOException("the peer does not speak TLS");
