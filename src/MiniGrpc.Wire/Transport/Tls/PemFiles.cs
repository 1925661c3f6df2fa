using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace MiniGrpc.Wire;

/// <summary>Reads certificates and keys from files in PEM form ("-----BEGIN CERTIFICATE-----"), as most certificate tools write them.</summary>
public static class PemFiles
{
    /// <summary>
    /// Reads a certificate with its private key, for <c>ServerTls</c> or <c>ClientTls</c>. The first certificate in
    /// <paramref name="certificatePath"/> is the one itself; those that follow are sent along to lead from it to a root.
    /// </summary>
    /// <param name="certificatePath">A file with the certificate, and with those that lead from it to its root.</param>
    /// <param name="keyPath">A file with its private key, not encrypted. May be the same file.</param>
    /// <exception cref="IOException">A file can't be read.</exception>
    /// <exception cref="CryptographicException">A file holds no certificate or no key, or they don't belong together.</exception>
    public static SslStreamCertificateContext LoadCertificate(string certificatePath, string keyPath) =>
        ReadCertificate(File.ReadAllText(certificatePath), File.ReadAllText(keyPath));

    /// <summary>Reads the certificates of authorities to trust, as many as there are in the file.</summary>
    /// <exception cref="IOException">The file can't be read.</exception>
    /// <exception cref="CryptographicException">The file holds no certificate, or a broken one.</exception>
    public static X509Certificate2Collection LoadRoots(string path) => ReadRoots(File.ReadAllText(path), $"'{path}'");

    /// <summary>The same from texts.</summary>
    internal static SslStreamCertificateContext ReadCertificate(string certificates, string key)
    {
        X509Certificate2 fromPem = X509Certificate2.CreateFromPem(certificates, key);
        X509Certificate2 certificate = fromPem;
        if (OperatingSystem.IsWindows())
        {
            // Windows can't use a key for TLS that is only in memory; by way of PKCS #12 it becomes one that it can.
            certificate = X509CertificateLoader.LoadPkcs12(fromPem.Export(X509ContentType.Pkcs12), null);
        }

        var rest = new X509Certificate2Collection();
        rest.ImportFromPem(certificates);
        rest.RemoveAt(0);
        return SslStreamCertificateContext.Create(certificate, rest, offline: true);
    }

    /// <summary>Reads authorities from a text, which <paramref name="name"/> stands for in the exception.</summary>
    internal static X509Certificate2Collection ReadRoots(string certificates, string name)
    {
        var roots = new X509Certificate2Collection();
        roots.ImportFromPem(certificates);
        return roots.Count > 0 ? roots : throw new CryptographicException($"{name} holds no certificate in PEM form");
    }
}
