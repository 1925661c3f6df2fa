using Grpc.Core;

namespace MiniGrpc.Server;

/// <summary>The responses of a streaming call, from its handler.</summary>
/// <remarks>One write at a time.</remarks>
internal sealed class ResponseWriter<T>(ServerCall call, Marshaller<T> marshaller) : IServerStreamWriter<T>
{
    private WriteOptions? _writeOptions;
    private Task<bool>? _pending;

    /// <inheritdoc />
    public WriteOptions? WriteOptions
    {
        get => _writeOptions ?? call.WriteOptions;
        set => _writeOptions = value;
    }

    /// <inheritdoc />
    public Task WriteAsync(T message) => WriteAsync(message, CancellationToken.None);

    /// <inheritdoc />
    public Task WriteAsync(T message, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(message);
        if (cancellationToken.IsCancellationRequested)
        {
            return Task.FromCanceled(cancellationToken);
        }

        if (_pending is { IsCompleted: false })
        {
            throw new InvalidOperationException("Can't write the message because the previous write is in progress.");
        }

        _pending = call.WriteMessageAsync(marshaller, message, WriteOptions);
        if (_pending.IsCompleted && _pending.Result)
        {
            return Task.CompletedTask;
        }

        return FinishAsync(_pending, cancellationToken);
    }

    private async Task FinishAsync(Task<bool> write, CancellationToken cancellationToken)
    {
        if (!await write.WaitAsync(cancellationToken).ConfigureAwait(false))
        {
            throw call.RefusedException();
        }
    }
}
