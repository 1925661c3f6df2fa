using System.Net.Security;
using System.Security.Authentication;

namespace MiniGrpc.Wire.Transport.Tls;

/// <summary>
/// Which cipher suites HTTP/2 may run on (RFC 9113 section 9.2.2 and Appendix A). Of TLS 1.2 those that agree on a key for
/// this connection alone (DHE, ECDHE) and authenticate what they encrypt (GCM, CCM, ChaCha20-Poly1305); the Appendix prohibits
/// all others that there were when it was written. Of TLS 1.3 all.
/// </summary>
/// <remarks>
/// We offer fewer than are permitted. Suites with finite-field DHE are left out, since the size of their group would have to be
/// checked besides (section 9.2.1), and whoever has them has the elliptic ones. But where the system offers them, a connection
/// that runs on one is not ended: INADEQUATE_SECURITY is for suites that are prohibited and for no others.
/// </remarks>
internal static class CipherSuites
{
    /// <summary>The first one is the one that every endpoint has to support.</summary>
    private static readonly TlsCipherSuite[] s_offeredOfTls12 =
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

    private static readonly TlsCipherSuite[] s_offered = [.. s_offeredOfTls13, .. s_offeredOfTls12];

    /// <summary>
    /// What TLS is to offer and to accept. Where the system alone decides (Windows, Android) null, and
    /// <see cref="IsPermitted"/> is all that protects us.
    /// </summary>
    public static CipherSuitesPolicy? Policy { get; } = OperatingSystem.IsWindows() || OperatingSystem.IsAndroid()
        ? null
        : new CipherSuitesPolicy(s_offered);

    /// <summary>
    /// Appendix A by the suites' numbers: the first and the last of each run. What lies between the runs is permitted, mostly
    /// pairs of a suite with a key of 128 bits and one of 256: 0x009E and 0x009F are TLS_DHE_RSA with AES-GCM.
    /// </summary>
    private static ReadOnlySpan<ushort> Prohibited =>
    [
        0x0000, 0x001B, 0x001E, 0x0046, 0x0067, 0x006D, 0x0084, 0x009D, 0x00A0, 0x00A1, 0x00A4, 0x00A9, 0x00AC, 0x00C5,
        0x00FF, 0x00FF, 0xC001, 0xC02A, 0xC02D, 0xC02E, 0xC031, 0xC051, 0xC054, 0xC055, 0xC058, 0xC05B, 0xC05E, 0xC05F,
        0xC062, 0xC06B, 0xC06E, 0xC07B, 0xC07E, 0xC07F, 0xC082, 0xC085, 0xC088, 0xC089, 0xC08C, 0xC08F, 0xC092, 0xC09D,
        0xC0A0, 0xC0A1, 0xC0A4, 0xC0A5, 0xC0A8, 0xC0A9,
    ];

    /// <summary>Whether HTTP/2 may run on what was negotiated.</summary>
    public static bool IsPermitted(SslProtocols protocol, TlsCipherSuite suite) =>
        protocol == SslProtocols.Tls13 || (protocol == SslProtocols.Tls12 && !IsProhibited((ushort)suite));

    private static bool IsProhibited(ushort suite)
    {
        ReadOnlySpan<ushort> runs = Prohibited;
        for (int i = 0; i < runs.Length; i += 2)
        {
            if (suite >= runs[i] && suite <= runs[i + 1])
            {
                return true;
            }
        }

        return false;
    }
}
