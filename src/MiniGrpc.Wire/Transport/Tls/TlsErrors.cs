namespace MiniGrpc.Wire.Transport.Tls;

/// <summary>Says in plain words what TLS libraries say in theirs.</summary>
internal static class TlsErrors
{
    /// <summary>Who the peer of a client is, in sentences.</summary>
    public const string Server = "server";

    /// <summary>Who the peer of a server is, in sentences.</summary>
    public const string Client = "client";

    private const string UnexpectedEnd = "unexpected EOF";

    /// <summary>
    /// How OpenSSL calls the alerts of RFC 8446 section 6 that a peer sends, and what they mean to us. Other libraries don't
    /// tell the alert.
    /// </summary>
    private static readonly KeyValuePair<string, string>[] s_alerts =
    [
        new("alert no application protocol", "it does not speak HTTP/2 here (ALPN 'h2')"),
        new("alert unknown ca", "it does not trust the certificate that it was shown"),
        new("alert bad certificate", "it refused the certificate that it was shown, or requires one and was shown none"),
        new("alert certificate required", "it requires a certificate and was shown none"),
        new("alert certificate expired", "the certificate that it was shown has expired"),
        new("alert certificate unknown", "it refused the certificate that it was shown"),
        new("alert certificate revoked", "the certificate that it was shown was revoked"),
        new("alert unsupported certificate", "it can't use the certificate that it was shown"),
        new("alert unrecognized name", "it has no certificate for the host name that it was asked for"),
        new("alert protocol version", "it wants another version of TLS than 1.2 and 1.3"),
        new("alert handshake failure", "it found nothing in common with what it was offered, or requires a certificate and was shown none"),
        new("alert insufficient security", "it wants stronger cipher suites than it was offered"),
        new("alert access denied", "it does not let the holder of the certificate in"),
    ];

    /// <summary>What our own library objects to.</summary>
    private static readonly KeyValuePair<string, string>[] s_errors =
    [
        new("no application protocol", "the {0} offers no protocol by ALPN that is spoken here; gRPC needs 'h2'"),
        new("unsupported protocol", "the {0} wants another version of TLS than 1.2 and 1.3"),
        new("requested renegotiation", "the {0} started a renegotiation, which HTTP/2 forbids"),
        new("no shared cipher", "the {0} offers no cipher suite that HTTP/2 permits"),
        new("no suitable signature algorithm", "the {0} can't use the kind of certificate that is used here"),
        new(UnexpectedEnd, "the {0} closed the connection in the middle of it"),
    ];

    /// <summary>Why a handshake failed; as <see cref="Explain"/>, and with a guess at what a server means that just closes.</summary>
    public static string ExplainHandshake(Exception exception, string peer)
    {
        string reason = Explain(exception, peer);
        return peer == Server && exception.Message.Contains(UnexpectedEnd, StringComparison.OrdinalIgnoreCase)
            ? reason + "; does it speak TLS on this port?"
            : reason;
    }

    /// <summary>What a peer may mean that closes the connection without a word.</summary>
    public static string ClosedAfterHandshake(string peer) => peer == Server
        ? "the server closed the connection right after the TLS handshake; does it require a client certificate, or not accept the one that it was shown?"
        : "the client closed the connection right after the TLS handshake; does it not trust the server's certificate?";

    /// <summary>Why TLS with the <paramref name="peer"/> (a server or a client) failed.</summary>
    public static string Explain(Exception exception, string peer)
    {
        Exception innermost = exception;
        for (Exception? e = exception; e is not null; e = e.InnerException)
        {
            innermost = e;
            foreach ((string alert, string meaning) in s_alerts)
            {
                if (e.Message.Contains(alert, StringComparison.OrdinalIgnoreCase))
                {
                    return $"the {peer} ended it: {meaning}";
                }
            }
        }

        foreach ((string error, string meaning) in s_errors)
        {
            if (innermost.Message.Contains(error, StringComparison.OrdinalIgnoreCase))
            {
                return string.Format(System.Globalization.CultureInfo.InvariantCulture, meaning, peer);
            }
        }

        return innermost.Message;
    }
}
