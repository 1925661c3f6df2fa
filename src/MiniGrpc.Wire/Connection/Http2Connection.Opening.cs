using Microsoft.Extensions.Logging;

using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Wire.Connection;

/// <content>How a connection begins: the transport is made ready, and a peer that came with the wrong protocol is told so.</content>
internal sealed partial class Http2Connection
{
    /// <summary>Whether the peer speaks plaintext where TLS was expected: it is listened to only to learn what it speaks.</summary>
    internal bool IsUnexpectedPlaintext { get; private set; }

    /// <summary>The TLS handshake, if there is to be one, and what is said first. Answers why the connection ends with that; null if it goes on. Doesn't throw.</summary>
    private async Task<ConnectionEnd?> OpenAsync()
    {
        TransportFailure? failure = await Transport.OpenAsync().ConfigureAwait(false);
        switch (failure?.Kind)
        {
            case TransportFailureKind.Failed:
                return new ConnectionEnd(failure.Reason, Exception: failure.Exception);
            case TransportFailureKind.Inadequate:
                Start(); // SETTINGS come first, even where GOAWAY is all that follows (section 3.4)
                var error = ProtocolError.Connection(ErrorCode.InadequateSecurity, "9.2.2", failure.Reason);
                return new ConnectionEnd($"{Transport.RemoteAddress} is not secure enough: {error}", error);
            case TransportFailureKind.NotTls:
                IsUnexpectedPlaintext = true;
                break;
            default:
                if (_role == Role.Client)
                {
                    Start();
                }

                break;
        }

        return null;
    }

    /// <summary>The peer speaks something else. It is named in the log; HTTP/1.x gets an answer that its user can read.</summary>
    internal ConnectionEnd OnWrongProtocol(PrefaceVerdict verdict)
    {
        if (_role == Role.Client)
        {
            string sentence = IsUnexpectedPlaintext ? ConnectionPreface.DescribePlaintextServer(verdict) : ConnectionPreface.DescribeServer(verdict);
            return new ConnectionEnd($"can't talk to {Transport.RemoteAddress}: {sentence}");
        }

        string reason = IsUnexpectedPlaintext
            ? $"{Transport.RemoteAddress} does not speak TLS: {ConnectionPreface.DescribePlaintext(verdict)}"
            : $"{Transport.RemoteAddress} does not speak plaintext HTTP/2: {ConnectionPreface.Describe(verdict)}";
        Options.Logger.LogWarning("{Reason}", reason);
        if (verdict == PrefaceVerdict.Http1Request)
        {
            string text = $"This port speaks gRPC over HTTP/2 {(IsUnexpectedPlaintext ? "with" : "without")} TLS, and no HTTP/1.x.\n";
            using GateScope gate = Enter();
            if (!gate.Send.IsClosed)
            {
                gate.Send.Output.Write(System.Text.Encoding.ASCII.GetBytes(
                    $"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: {text.Length}\r\n\r\n{text}"));
            }
        }

        return new ConnectionEnd(reason);
    }
}
