using Grpc.Core;

using MiniGrpc.Client.Credentials;

namespace MiniGrpc.Client;

/// <content>What call credentials add to a call before it is sent. Only calls that have some come here.</content>
internal abstract partial class ClientCall
{
    private readonly CallAuthorization? _authorization;

    /// <summary>Whether user code is asked for what proves who is calling.</summary>
    public bool AsksCredentials => _authorization is not null;

    /// <summary>Asks the credentials, and starts the call with what they say.</summary>
    private async Task AuthorizeAsync()
    {
        using CancellationTokenRegistration closing = Channel.Core.Router.Closing.UnsafeRegister(
            static call => ((ClientCall)call!).OnUnavailable(new Status(StatusCode.Cancelled, ChannelClosed)), this);
        try
        {
            await _authorization!.AskAsync(Channel.Origin, MethodName).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // Whatever the user's code throws: that is the call's end.
            End(LocalStatus.Of(e, StatusCode.Unavailable, "The call credentials failed"), abort: true);
            return;
        }

        if (!HasEnded)
        {
            StartLater();
        }
    }
}
