using Grpc.Core;


namespace MiniGrpc.Client.Repeating;

/// <summary>A call with one response that may be tried again: unary, or client-streaming.</summary>
internal sealed class RepeatedUnaryResponseCall<TRequest, TResponse>(MiniChannel channel, Method<TRequest, TResponse> method, CallOptions options)
    : RepeatedCall<TRequest, TResponse>(channel, method, options)
    where TRequest : class
    where TResponse : class
{
    /// <summary>The response.</summary>
    public Task<TResponse> Response => field ??= ReadAsync();

    /// <inheritdoc />
    protected override TypedCall<EncodedMessage, TResponse> CreateAttempt(MiniChannel channel, Method<EncodedMessage, TResponse> method, CallOptions options) =>
        new UnaryResponseCall<EncodedMessage, TResponse>(channel, method, options);

    private async Task<TResponse> ReadAsync()
    {
        var chosen = (UnaryResponseCall<EncodedMessage, TResponse>)await ChosenAsync().ConfigureAwait(false);
        return await chosen.Response.ConfigureAwait(false);
    }
}
