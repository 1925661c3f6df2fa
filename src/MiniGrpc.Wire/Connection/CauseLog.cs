using Microsoft.Extensions.Logging;

using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Wire.Connection;

/// <summary>
/// Says what the peer of one connection does wrong: each cause aloud once, its repetitions at Debug. A peer that breaks the same
/// rule in a million calls must not fill the log with it.
/// </summary>
/// <remarks>Thread-safe: causes come from the receive loop and from the readers of messages.</remarks>
internal sealed class CauseLog(ILogger logger, ITransport transport)
{
    /// <summary>
    /// Some causes quote the peer, who could think of a new one each time. A connection with more than this many different ones
    /// has been named often enough; it also bounds what is remembered.
    /// </summary>
    private const int MostCauses = 16;

    private HashSet<string>? _said; // most peers do nothing wrong

    /// <summary>Notes what the peer did.</summary>
    /// <param name="code">An HTTP/2 error code or a gRPC status code.</param>
    /// <param name="cause">What makes two mistakes the same one.</param>
    /// <param name="sentence">The mistake; turned into text only if somebody listens.</param>
    public void Note(int code, string cause, object sentence)
    {
        if (!logger.IsEnabled(LogLevel.Information))
        {
            return;
        }

        LogLevel level = IsNew(code, cause) ? LogLevel.Information : LogLevel.Debug;
        if (logger.IsEnabled(level))
        {
            logger.Log(level, "{Peer}: {Cause}", transport.RemoteAddress, PrintableText.Escape(sentence.ToString()!));
        }
    }

    private bool IsNew(int code, string cause)
    {
        HashSet<string> said = LazyInitializer.EnsureInitialized(ref _said);
        lock (said)
        {
            return said.Count < MostCauses && said.Add($"{code} {cause}");
        }
    }
}
