using Grpc.Core;

namespace MiniGrpc.Client.Repeating;

/// <summary>The requests of a streaming call that may be tried again, from its caller.</summary>
/// <remarks>One write at a time. A write completes when an attempt has accepted the message for sending.</remarks>
internal sealed class RepeatedRequestWriter<TRequest, TResponse>(RepeatedCall<TRequest, TResponse> call, WriteOptions? writeOptions) : RequestWriter<TRequest>(writeOptions)
    where TRequest : class
    where TResponse : class
{
    /// <inheritdoc />
    protected override Task<bool> SendAsync(TRequest message, WriteOptions? options) => call.WriteAsync(message, options);

    /// <inheritdoc />
    protected override Task SayCompleteAsync()
    {
        call.Complete();
        return Task.CompletedTask;
    }

    /// <inheritdoc />
    protected override async Task<Exception> EndedExceptionAsync()
    {
        await call.WaitForEndAsync().ConfigureAwait(false);
        return call.EndedException();
    }
}
