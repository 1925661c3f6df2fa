using Grpc.Core;

using MiniGrpc.Client.Credentials;

namespace MiniGrpc.Client;

/// <content>What call credentials add to a call before it is sent. Only calls that have some come here.</content>
internal abstract partial class ClientCall
{
    private readonly CallAuthorization? _authorization;

    /// <summary>Asks the credentials, and starts the call with what they say.</summary>
    private async Task AuthorizeAsync()
    {
        try
        {
            await _authorization!.AskAsync(Channel.Origin, MethodName).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // Whatever the user's code throws: that is the call's end.
            End(e is RpcException rpc ? rpc.Status : new Status(StatusCode.Unavailable, $"The call credentials failed: {e.Message}", e), abort: true);
            return;
        }

        if (!HasEnded)
        {
            StartLater();
        }
    }
}
