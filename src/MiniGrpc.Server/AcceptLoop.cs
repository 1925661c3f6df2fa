using System.Net.Sockets;

using Microsoft.Extensions.Logging;

using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Server;

/// <summary>
/// Accepts peers of one listener until it is closed. It waits for nothing but the next peer, and survives a system that has no
/// more file handles to give: it tries again, less and less often, and says so once.
/// </summary>
internal static class AcceptLoop
{
    private static readonly TimeSpan s_firstWait = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan s_longestWait = TimeSpan.FromSeconds(1);

    /// <summary>Runs to the end of <paramref name="listener"/>, with TLS if there is <paramref name="security"/>. Doesn't throw.</summary>
    public static async Task RunAsync(ITransportListener listener, ServerCore core, ITransportSecurity? security = null)
    {
        TimeSpan wait = s_firstWait;
        bool failing = false;
        while (true)
        {
            try
            {
                ITransport? transport = await listener.AcceptAsync().ConfigureAwait(false);
                if (transport is null)
                {
                    return;
                }

                core.Serve(security is null ? transport : security.Secure(transport));
                wait = s_firstWait;
                failing = false;
            }
            catch (SocketException e)
            {
                // Out of file handles, most likely: connections that end give some back. Until then, don't spin.
                if (!failing)
                {
                    core.Logger.LogError(e, "Can't accept connections on {Address} for now; trying again until it works", listener.Address);
                }

                failing = true;
                await Task.Delay(wait, core.Options.TimeProvider).ConfigureAwait(false);
                wait = wait * 2 < s_longestWait ? wait * 2 : s_longestWait;
            }
        }
    }
}
