namespace MiniGrpc.Wire.Http2;

/// <summary>What the first octets of a connection turn out to be.</summary>
internal enum PrefaceVerdict
{
    /// <summary>Too few octets to tell; they are right so far.</summary>
    NeedMore,

    /// <summary>An HTTP/2 client.</summary>
    Valid,

    /// <summary>A TLS handshake: the peer expects TLS where none is.</summary>
    TlsClientHello,

    /// <summary>A request line of HTTP/1.x.</summary>
    Http1Request,

    /// <summary>Something else.</summary>
    Unknown,
}

/// <summary>
/// The 24 octets that a client sends first, ahead of its SETTINGS (RFC 9113 section 3.4), and what peers send that came
/// with the wrong protocol.
/// <code>
/// PRI * HTTP/2.0 CR LF CR LF SM CR LF CR LF
/// </code>
/// </summary>
/// <remarks>
/// It looks like a request of HTTP/1.1, so that a server which knows no HTTP/2 fails at once. The other way round, a server
/// that only knows HTTP/2 can tell what it got instead, so that nobody is left guessing at a closed connection.
/// </remarks>
internal static class ConnectionPreface
{
    /// <summary>The number of octets of the preface.</summary>
    public const int Length = 24;

    /// <summary>
    /// A TLS record of type handshake (22) and version 3.x with two octets of length, which holds a ClientHello (1); see
    /// RFC 8446 sections 5.1 and 4.
    /// </summary>
    private const int ClientHelloOctets = 6;

    private const int Http1MethodCount = 9;

    /// <summary>What it takes to tell a status line; shorter than any frame.</summary>
    private const int FirstServerOctets = 5;

    /// <summary>A TLS record of type alert (21) and version 3.x: what a server that expected a ClientHello says.</summary>
    private static ReadOnlySpan<byte> TlsAlert => [21, 3];

    /// <summary>The preface as it goes over the wire.</summary>
    public static ReadOnlySpan<byte> Octets => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    /// <summary>Judges the first octets that a client has sent so far; more than 24 may be there.</summary>
    public static PrefaceVerdict Judge(ReadOnlySpan<byte> bytes)
    {
        if (StartsLike(bytes, Octets))
        {
            return bytes.Length >= Length ? PrefaceVerdict.Valid : PrefaceVerdict.NeedMore;
        }

        return LooksLikeClientHello(bytes)
            ? bytes.Length >= ClientHelloOctets ? PrefaceVerdict.TlsClientHello : PrefaceVerdict.NeedMore
            : JudgeHttp1(bytes);
    }

    /// <summary>
    /// Judges the first octets of a server. Its preface is a SETTINGS frame, whose first octet is the high one of a length and
    /// so 0; a server of another protocol starts with a TLS alert or with a status line.
    /// </summary>
    public static PrefaceVerdict JudgeServer(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < FirstServerOctets)
        {
            return PrefaceVerdict.NeedMore;
        }

        return bytes.StartsWith("HTTP/"u8) ? PrefaceVerdict.Http1Request
            : bytes.StartsWith(TlsAlert) ? PrefaceVerdict.TlsClientHello
            : PrefaceVerdict.Valid;
    }

    /// <summary>A sentence about a server for the status of calls.</summary>
    public static string DescribeServer(PrefaceVerdict verdict) => verdict switch
    {
        PrefaceVerdict.TlsClientHello => "the server expects TLS on this port, but the channel speaks plaintext HTTP/2 (http://)",
        PrefaceVerdict.Http1Request => "the server answered with HTTP/1.x: it does not speak HTTP/2 without TLS on this port",
        _ => "the server speaks HTTP/2",
    };

    /// <summary>A sentence for the log.</summary>
    public static string Describe(PrefaceVerdict verdict) => verdict switch
    {
        PrefaceVerdict.NeedMore => "The peer has not sent the whole HTTP/2 connection preface.",
        PrefaceVerdict.Valid => "The peer speaks HTTP/2.",
        PrefaceVerdict.TlsClientHello =>
            "The peer started a TLS handshake, but this port speaks HTTP/2 without TLS: use http:// on the client or set up TLS here.",
        PrefaceVerdict.Http1Request =>
            "The peer sent an HTTP/1.x request, but this port speaks only HTTP/2: use a client that starts with HTTP/2 (prior knowledge).",
        _ => "The peer sent something that is neither HTTP/2 nor TLS nor HTTP/1.x.",
    };

    /// <summary>A sentence about a server that answered a TLS handshake with plaintext, for the status of calls.</summary>
    public static string DescribePlaintextServer(PrefaceVerdict verdict) => verdict == PrefaceVerdict.Http1Request
        ? "the server answered the TLS handshake with plaintext HTTP/1.x: it does not speak TLS on this port"
        : "the server does not speak TLS on this port: use http:// (plaintext HTTP/2) or another port";

    /// <summary>A sentence about a client that came with plaintext to a port that expects TLS, for the log.</summary>
    public static string DescribePlaintext(PrefaceVerdict verdict) => verdict switch
    {
        PrefaceVerdict.Valid or PrefaceVerdict.NeedMore =>
            "The peer started plaintext HTTP/2, but this port expects TLS: use https:// on the client.",
        PrefaceVerdict.Http1Request =>
            "The peer sent a plaintext HTTP/1.x request, but this port speaks only HTTP/2, and with TLS.",
        _ => "The peer sent something that is neither TLS nor HTTP.",
    };

    private static bool LooksLikeClientHello(ReadOnlySpan<byte> bytes) =>
        StartsLike(bytes, [22, 3]) && (bytes.Length < ClientHelloOctets || bytes[5] == 1);

    private static PrefaceVerdict JudgeHttp1(ReadOnlySpan<byte> bytes)
    {
        PrefaceVerdict verdict = PrefaceVerdict.Unknown;
        for (int i = 0; i < Http1MethodCount; i++)
        {
            ReadOnlySpan<byte> method = Http1Method(i);
            if (StartsLike(bytes, method))
            {
                verdict = bytes.Length >= method.Length ? PrefaceVerdict.Http1Request : PrefaceVerdict.NeedMore;
            }
        }

        return verdict;
    }

    /// <summary>The methods of RFC 9110 section 9 and PATCH, with the space behind them. No one starts like another.</summary>
    private static ReadOnlySpan<byte> Http1Method(int index) => index switch
    {
        0 => "GET "u8,
        1 => "POST "u8,
        2 => "HEAD "u8,
        3 => "PUT "u8,
        4 => "OPTIONS "u8,
        5 => "DELETE "u8,
        6 => "CONNECT "u8,
        7 => "PATCH "u8,
        _ => "TRACE "u8,
    };

    /// <summary>Whether as many octets as both have are the same.</summary>
    private static bool StartsLike(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> start)
    {
        int common = int.Min(bytes.Length, start.Length);
        return bytes[..common].SequenceEqual(start[..common]);
    }
}
