using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace MiniGrpc.Wire.Transport.Tls;

/// <summary>Certificates of our own, as TLS wants them.</summary>
internal static class CertificateContexts
{
    /// <summary>A certificate alone; those that lead to its root are taken from the system's store where it has them, and not downloaded.</summary>
    /// <exception cref="ArgumentException">It has no private key.</exception>
    public static SslStreamCertificateContext Create(X509Certificate2 certificate)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        return certificate.HasPrivateKey
            ? SslStreamCertificateContext.Create(certificate, additionalCertificates: null, offline: true)
            : throw new ArgumentException($"The certificate '{certificate.Subject}' has no private key, and can't be shown to prove anything.", nameof(certificate));
    }
}
