using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace MiniGrpc.Wire;

/// <summary>Reads certificates and keys from files in PEM form ("-----BEGIN CERTIFICATE-----"), as most certificate tools write them.</summary>
public static class PemFiles
{
    private const string EncryptedKey = "ENCRYPTED PRIVATE KEY";

    /// <summary>
    /// Reads a certificate with its private key, for <c>ServerTls</c> or <c>ClientTls</c>. The first certificate in
    /// <paramref name="certificatePath"/> is the one itself; those that follow are sent along to lead from it to a root.
    /// </summary>
    /// <param name="certificatePath">A file with the certificate, and with those that lead from it to its root.</param>
    /// <param name="keyPath">A file with its private key, not encrypted. May be the same file.</param>
    /// <exception cref="IOException">A file can't be read; a <see cref="FileNotFoundException"/> if there is none.</exception>
    /// <exception cref="UnauthorizedAccessException">A file may not be read.</exception>
    /// <exception cref="CryptographicException">
    /// A file holds no certificate or no key, or they don't belong together; the message says which.
    /// </exception>
    public static SslStreamCertificateContext LoadCertificate(string certificatePath, string keyPath) =>
        ReadCertificate(File.ReadAllText(certificatePath), File.ReadAllText(keyPath), $"'{certificatePath}'", $"'{keyPath}'");

    /// <summary>Reads the certificates of authorities to trust, as many as there are in the file.</summary>
    /// <exception cref="IOException">The file can't be read; a <see cref="FileNotFoundException"/> if there is none.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    /// <exception cref="CryptographicException">The file holds no certificate, or a broken one; the message names it.</exception>
    public static X509Certificate2Collection LoadRoots(string path) => ReadAll(File.ReadAllText(path), $"'{path}' holds");

    /// <summary>The same from texts, which the names stand for in exceptions.</summary>
    internal static SslStreamCertificateContext ReadCertificate(string certificates, string key, string certificatesName, string keyName)
    {
        X509Certificate2Collection rest = ReadAll(certificates, $"{certificatesName} holds");
        rest.RemoveAt(0);
        X509Certificate2 certificate = ReadWithKey(certificates, key, certificatesName, keyName);
        if (OperatingSystem.IsWindows())
        {
            // Windows can't use a key for TLS that is only in memory; by way of PKCS #12 it becomes one that it can.
            certificate = X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), null);
        }

        return SslStreamCertificateContext.Create(certificate, rest, offline: true);
    }

    /// <summary>Reads all certificates of a text. <paramref name="holder"/> is how a sentence begins that says what it holds.</summary>
    internal static X509Certificate2Collection ReadAll(string certificates, string holder)
    {
        var all = new X509Certificate2Collection();
        try
        {
            all.ImportFromPem(certificates);
        }
        catch (CryptographicException e)
        {
            throw new CryptographicException($"{holder} a certificate that can't be read", e);
        }

        return all.Count > 0 ? all : throw new CryptographicException($"{holder} no certificate in PEM form");
    }

    /// <summary>The framework says the same of a key that isn't there, can't be used or belongs to another certificate.</summary>
    private static X509Certificate2 ReadWithKey(string certificates, string key, string certificatesName, string keyName)
    {
        try
        {
            return X509Certificate2.CreateFromPem(certificates, key);
        }
        catch (CryptographicException e)
        {
            throw new CryptographicException(
                FindKeyLabel(key) switch
                {
                    null => $"{keyName} holds no private key in PEM form",
                    EncryptedKey => $"{keyName} holds an encrypted private key, which can't be read: it has to be decrypted before",
                    _ => $"{keyName} is not the key of the certificate in {certificatesName}",
                },
                e);
        }
    }

    /// <summary>What kind of private key the text holds, by the words between its dashes (RFC 7468); null for none.</summary>
    private static string? FindKeyLabel(ReadOnlySpan<char> text)
    {
        while (PemEncoding.TryFind(text, out PemFields found))
        {
            ReadOnlySpan<char> label = text[found.Label];
            if (label.EndsWith("PRIVATE KEY"))
            {
                return label.ToString();
            }

            text = text[found.Location.End..];
        }

        return null;
    }
}
