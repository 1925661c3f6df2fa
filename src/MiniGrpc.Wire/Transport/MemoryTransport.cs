using System.IO.Pipelines;

namespace MiniGrpc.Wire.Transport;

/// <summary>Two pipes crosswise: a connection inside the process, for tests and for parts of one program.</summary>
internal sealed class MemoryTransport : ITransport
{
    /// <summary>The writer waits while this much is unread: what a socket's buffers would hold.</summary>
    private const int Capacity = 128 * 1024;

    private readonly PipeReader _input;

    private MemoryTransport(PipeReader input, PipeWriter output, string remote)
    {
        _input = input;
        Output = output;
        RemoteAddress = remote;
    }

    /// <inheritdoc />
    public PipeReader Input => _input;

    /// <inheritdoc />
    public PipeWriter Output { get; }

    /// <inheritdoc />
    public string RemoteAddress { get; }

    /// <summary>
    /// Creates both ends of a connection. Continuations run on the thread pool, as a socket's do. With a capacity of one octet,
    /// a write ends when the reader has looked at all of it.
    /// </summary>
    public static (ITransport Client, ITransport Server) CreatePair(string name, int capacity = Capacity)
    {
        var options = new PipeOptions(
            pauseWriterThreshold: capacity, resumeWriterThreshold: (capacity + 1) / 2, minimumSegmentSize: 16 * 1024, useSynchronizationContext: false);
        var up = new Pipe(options);
        var down = new Pipe(options);
        string address = "memory:" + name;
        return (
            new MemoryTransport(down.Reader, up.Writer, address),
            new MemoryTransport(up.Reader, down.Writer, address));
    }

    /// <summary>An empty pipe holds no memory: there is nothing to wait for first.</summary>
    public ValueTask WaitForInputAsync() => ValueTask.CompletedTask;

    /// <inheritdoc />
    public void Abort()
    {
        _input.CancelPendingRead();
        Output.CancelPendingFlush();
        Output.Complete(new IOException("the connection was aborted"));
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        await _input.CompleteAsync().ConfigureAwait(false);
        await Output.CompleteAsync().ConfigureAwait(false);
    }
}
