using Grpc.Core;

namespace MiniGrpc.Client.Repeating;

/// <summary>A call with many responses that may be tried again: server-streaming, or both ways.</summary>
internal sealed class RepeatedStreamingResponseCall<TRequest, TResponse> : RepeatedCall<TRequest, TResponse>
    where TRequest : class
    where TResponse : class
{
    public RepeatedStreamingResponseCall(MiniChannel channel, Method<TRequest, TResponse> method, MethodPlan plan, CallOptions options, bool awaitsConfig)
        : base(channel, method, plan, options, awaitsConfig)
    {
        Reader = new ResponseReader(this);
    }

    /// <summary>The responses.</summary>
    public IAsyncStreamReader<TResponse> Reader { get; }

    /// <inheritdoc />
    protected override TypedCall<EncodedMessage, TResponse> CreateAttempt(MiniChannel channel, Method<EncodedMessage, TResponse> method, CallOptions options) =>
        new StreamingResponseCall<EncodedMessage, TResponse>(channel, method, options);

    /// <summary>Reads from the attempt that was chosen, when one was.</summary>
    private sealed class ResponseReader(RepeatedStreamingResponseCall<TRequest, TResponse> call) : IAsyncStreamReader<TResponse>
    {
        private IAsyncStreamReader<TResponse>? _chosen;
        private Task<bool>? _first;

        /// <inheritdoc />
        public TResponse Current => _chosen is null ? default! : _chosen.Current;

        /// <inheritdoc />
        public Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            if (_first is { IsCompleted: false })
            {
                throw new InvalidOperationException("Can't read the next message because the previous read is still in progress.");
            }

            return _chosen?.MoveNext(cancellationToken) ?? (_first = MoveToFirstAsync(cancellationToken));
        }

        private async Task<bool> MoveToFirstAsync(CancellationToken cancellationToken)
        {
            // The token of a read ends the call, whether it has fired already or does so meanwhile.
            using (cancellationToken.UnsafeRegister(
                static call => ((RepeatedCall<TRequest, TResponse>)call!).Cancel(new Status(StatusCode.Cancelled, "The call was cancelled by the token of a read.")), call))
            {
                var chosen = (StreamingResponseCall<EncodedMessage, TResponse>)await call.ChosenAsync().ConfigureAwait(false);
                _chosen = chosen.Reader;
            }

            return await _chosen.MoveNext(cancellationToken).ConfigureAwait(false);
        }
    }
}
