using Grpc.Core;

namespace MiniGrpc.Client;

/// <summary>The requests of a streaming call, from its caller.</summary>
/// <remarks>One write at a time. A write completes when the message is accepted for sending, not when it was sent.</remarks>
internal abstract class RequestWriter<TRequest>(WriteOptions? writeOptions) : IClientStreamWriter<TRequest>
    where TRequest : class
{
    private Task<bool>? _pending;
    private bool _completed;

    /// <inheritdoc />
    public WriteOptions? WriteOptions { get; set; } = writeOptions;

    /// <inheritdoc />
    public Task WriteAsync(TRequest message) => WriteAsync(message, CancellationToken.None);

    /// <inheritdoc />
    public Task WriteAsync(TRequest message, CancellationToken cancellationToken)
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

        if (_completed)
        {
            throw new InvalidOperationException("Can't write the message because CompleteAsync was called: no more requests follow.");
        }

        _pending = SendAsync(message, WriteOptions);
        return _pending.IsCompletedSuccessfully && _pending.Result ? Task.CompletedTask : FinishAsync(_pending, cancellationToken);
    }

    /// <inheritdoc />
    public Task CompleteAsync()
    {
        if (_pending is { IsCompleted: false })
        {
            throw new InvalidOperationException("Can't complete the requests because a write is in progress.");
        }

        _completed = true;
        return SayCompleteAsync();
    }

    /// <summary>Sends a request; false when the call has ended.</summary>
    protected abstract Task<bool> SendAsync(TRequest message, WriteOptions? options);

    /// <summary>Says that no more requests follow.</summary>
    protected abstract Task SayCompleteAsync();

    /// <summary>Why no request can be written any more, once the call has ended.</summary>
    protected abstract Task<Exception> EndedExceptionAsync();

    private async Task FinishAsync(Task<bool> pending, CancellationToken cancellationToken)
    {
        if (!await pending.WaitAsync(cancellationToken).ConfigureAwait(false))
        {
            throw await EndedExceptionAsync().ConfigureAwait(false);
        }
    }
}
