using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Wire;

namespace MiniGrpc.Conformance.Wire.Tls;

/// <summary>What is said of files that are not what they should be; <see cref="CertificateTests"/> reads those that are.</summary>
public sealed class PemFilesTests : IDisposable
{
    private const string Nothing = "nothing";

    /// <summary>PEM by its looks; what it holds is no certificate.</summary>
    private const string Broken = "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n";

    private static readonly string s_certificate = TestCertificates.Server.ExportCertificatePem();
    private static readonly string s_key = TestCertificates.Server.GetRSAPrivateKey()!.ExportPkcs8PrivateKeyPem();

    private readonly string _folder = Directory.CreateTempSubdirectory("minigrpc-pem-").FullName;

    public static TheoryData<string, string, string> Wrong => new()
    {
        { Nothing, s_key, "'server.pem' holds no certificate in PEM form" },
        { s_key, s_key, "'server.pem' holds no certificate in PEM form" },
        { Broken, s_key, "'server.pem' holds a certificate that can't be read" },
        { $"{s_certificate}\n{Broken}", s_key, "'server.pem' holds a certificate that can't be read" },
        { s_certificate, Nothing, "'server.key' holds no private key in PEM form" },
        { s_certificate, s_certificate, "'server.key' holds no private key in PEM form" },
        { s_certificate, "", "'server.key' holds no private key in PEM form" },
        { s_certificate, Encrypted(), "'server.key' holds an encrypted private key, which can't be read: it has to be decrypted before" },
        { s_certificate, TestCertificates.Client.GetRSAPrivateKey()!.ExportRSAPrivateKeyPem(), "'server.key' is not the key of the certificate in 'server.pem'" },
        { s_certificate, ECDsa.Create().ExportPkcs8PrivateKeyPem(), "'server.key' is not the key of the certificate in 'server.pem'" },
        { s_certificate, ECDsa.Create().ExportECPrivateKeyPem(), "'server.key' is not the key of the certificate in 'server.pem'" },
    };

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Wrong), DisableDiscoveryEnumeration = true)]
    public void The_file_that_is_wrong_is_named(string certificate, string key, string message)
    {
        string certificatePath = Write("server.pem", certificate);
        string keyPath = Write("server.key", key);
        CryptographicException e = Assert.Throws<CryptographicException>(() => PemFiles.LoadCertificate(certificatePath, keyPath));
        Assert.Equal(message, e.Message.Replace(_folder + Path.DirectorySeparatorChar, "", StringComparison.Ordinal));
        Assert.Equal(!message.EndsWith("no certificate in PEM form", StringComparison.Ordinal), e.InnerException is CryptographicException);
    }

    [Fact]
    public void Authorities_that_are_none_are_named()
    {
        string path = Write("ca.pem", Nothing);
        Assert.Equal($"'{path}' holds no certificate in PEM form", Assert.Throws<CryptographicException>(() => PemFiles.LoadRoots(path)).Message);
        Write("ca.pem", $"{s_certificate}\n{Broken}");
        Assert.Equal($"'{path}' holds a certificate that can't be read", Assert.Throws<CryptographicException>(() => PemFiles.LoadRoots(path)).Message);
    }

    [Fact]
    public void Texts_of_channel_credentials_are_named_by_what_they_are_for()
    {
        static string Complaint(string roots, string certificate, string key) => Assert.Throws<CryptographicException>(
            () => new MiniChannelOptions().UseCredentials(new SslCredentials(roots, new KeyCertificatePair(certificate, key)))).Message;

        Assert.Equal("the root certificates hold no certificate in PEM form", Complaint(Nothing, s_certificate, s_key));
        Assert.Equal("the key pair's certificate chain holds no certificate in PEM form", Complaint(s_certificate, Nothing, s_key));
        Assert.Equal("the key pair's private key holds no private key in PEM form", Complaint(s_certificate, s_certificate, Nothing));
    }

    [Fact]
    public void A_file_that_is_not_there_is_an_io_exception()
    {
        string there = Write("server.pem", s_certificate);
        string missing = Path.Combine(_folder, "missing.key");
        IOException e = Assert.ThrowsAny<IOException>(() => PemFiles.LoadCertificate(there, missing));
        Assert.IsType<FileNotFoundException>(e);
        Assert.Contains(missing, e.Message, StringComparison.Ordinal);
        Assert.Throws<FileNotFoundException>(() => PemFiles.LoadRoots(missing));
    }

    private static string Encrypted() => TestCertificates.Server.GetRSAPrivateKey()!.ExportEncryptedPkcs8PrivateKeyPem(
        "secret", new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1000));

    private string Write(string name, string text)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllText(path, text);
        return path;
    }
}
