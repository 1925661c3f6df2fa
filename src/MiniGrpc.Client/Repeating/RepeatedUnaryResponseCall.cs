using Grpc.Core;


namespace MiniGrpc.Client.Repeating;

/// <summary>A call with one response that may be tried again: unary, or client-streaming.</summary>
internal sealed class RepeatedUnaryResponseCall<TRequest, TResponse>(MiniChannel channel, Method<TRequest, TResponse> method, MethodPlan plan, CallOptions options, bool awaitsConfig)
    : RepeatedCall<TRequest, TResponse>(channel, method, plan, options, awaitsConfig)
    where TRequest : class
    where TResponse : class
{
    /// <summary>The response.</summary>
    public Task<TResponse> Response => field ??= WithoutNeed(ReadAsync());

    /// <inheritdoc />
    protected override TypedCall<EncodedMessage, TResponse> CreateAttempt(MiniChannel channel, Method<EncodedMessage, TResponse> method, CallOptions options) =>
        new UnaryResponseCall<EncodedMessage, TResponse>(channel, method, options);

    /// <summary>A caller that cares for the status alone need not look at it.</summary>
    private static Task<TResponse> WithoutNeed(Task<TResponse> response)
    {
        _ = response.ContinueWith(
            static ended => ended.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        return response;
    }

    private async Task<TResponse> ReadAsync()
    {
        var chosen = (UnaryResponseCall<EncodedMessage, TResponse>)await ChosenAsync().ConfigureAwait(false);
        return await chosen.Response.ConfigureAwait(false);
    }
}
