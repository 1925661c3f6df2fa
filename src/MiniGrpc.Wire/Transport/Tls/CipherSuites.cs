using System.Net.Security;
using System.Security.Authentication;

namespace MiniGrpc.Wire.Transport.Tls;

/// <summary>
/// Which cipher suites HTTP/2 may run on (RFC 9113 section 9.2.2 and Appendix A). Of TLS 1.2 those that agree on a key for
/// this connection alone and authenticate what they encrypt; the Appendix prohibits all that don't. Of TLS 1.3 all.
/// </summary>
/// <remarks>
/// Suites with finite-field DHE are permitted too, but left out: the size of their group would have to be checked besides
/// (section 9.2.1), and whoever has them has the elliptic ones.
/// </remarks>
internal static class CipherSuites
{
    /// <summary>The first one is the one that every endpoint has to support.</summary>
    private static readonly TlsCipherSuite[] s_permittedOfTls12 =
    [
        TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        TlsCipherSuite.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ];

    /// <summary>Those of TLS 1.3 that all of its libraries have (RFC 8446 section 9.1).</summary>
    private static readonly TlsCipherSuite[] s_offeredOfTls13 =
    [
        TlsCipherSuite.TLS_AES_128_GCM_SHA256,
        TlsCipherSuite.TLS_AES_256_GCM_SHA384,
        TlsCipherSuite.TLS_CHACHA20_POLY1305_SHA256,
    ];

    private static readonly TlsCipherSuite[] s_offered = [.. s_offeredOfTls13, .. s_permittedOfTls12];

    /// <summary>
    /// What TLS is to offer and to accept. Where the system alone decides (Windows, Android) null, and
    /// <see cref="IsPermitted"/> is all that protects us.
    /// </summary>
    public static CipherSuitesPolicy? Policy { get; } = OperatingSystem.IsWindows() || OperatingSystem.IsAndroid()
        ? null
        : new CipherSuitesPolicy(s_offered);

    /// <summary>Whether HTTP/2 may run on what was negotiated.</summary>
    public static bool IsPermitted(SslProtocols protocol, TlsCipherSuite suite) =>
        protocol == SslProtocols.Tls13 || (protocol == SslProtocols.Tls12 && s_permittedOfTls12.Contains(suite));
}
