using Grpc.Core;

using MiniGrpc.Wire.Calls;
using MiniGrpc.Wire.Connection;

namespace MiniGrpc.Client.Credentials;

/// <summary>
/// Asks the credentials of one call for metadata to send with it, a token for example: those of the channel first, then those of the
/// call itself, in the order in which they were composed.
/// </summary>
internal sealed class CallAuthorization
{
    private readonly List<AsyncAuthInterceptor> _interceptors = [];
    private readonly CancellationTokenSource _notWanted = new();

    public CallAuthorization(CallCredentials? channel, CallCredentials? call)
    {
        channel?.InternalPopulateConfiguration(new Collector(), _interceptors);
        call?.InternalPopulateConfiguration(new Collector(), _interceptors);
    }

    /// <summary>What they have said.</summary>
    public Metadata Metadata { get; } = [];

    /// <summary>Asks for the metadata of a call of <paramref name="method"/>, <c>/service/method</c>, at <paramref name="origin"/>, <c>https://host:port</c>.</summary>
    /// <exception cref="ArgumentException">They say what can't be sent. Whatever else user code throws.</exception>
    public async Task AskAsync(string origin, string method)
    {
        // The service's address without the method, as audiences of tokens have it (gRPC's authentication guide).
        int lastSlash = method.LastIndexOf('/');
        var context = new AuthInterceptorContext(origin + method[..lastSlash], method[(lastSlash + 1)..], _notWanted.Token);
        foreach (AsyncAuthInterceptor interceptor in _interceptors)
        {
            await interceptor(context, Metadata).ConfigureAwait(false);
        }

        MetadataCodec.Validate(Metadata);
    }

    /// <summary>The call has ended: what is still being asked for is not wanted any more.</summary>
    public void Stop(IDispatcher dispatcher) => _ = dispatcher.Cancel(_notWanted);

    private sealed class Collector : CallCredentialsConfiguratorBase
    {
        public override void SetAsyncAuthInterceptorCredentials(object? state, AsyncAuthInterceptor interceptor) => ((List<AsyncAuthInterceptor>)state!).Add(interceptor);

        public override void SetCompositeCredentials(object? state, IReadOnlyList<CallCredentials> credentials)
        {
            foreach (CallCredentials one in credentials)
            {
                one.InternalPopulateConfiguration(this, state);
            }
        }
    }
}
