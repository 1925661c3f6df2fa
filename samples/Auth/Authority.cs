using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace MiniGrpc.Samples.Auth;

/// <summary>
/// A certificate authority for this run, in memory. Real ones are files that somebody keeps safe: see <c>PemFiles.LoadCertificate</c> and
/// <c>PemFiles.LoadRoots</c>.
/// </summary>
internal sealed class Authority : IDisposable
{
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    private readonly X509Certificate2 _certificate;

    public Authority(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, critical: true));
        _certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddMinutes(-5), DateTimeOffset.UtcNow.AddDays(1));
        Roots = [X509CertificateLoader.LoadCertificate(_certificate.RawData)];
    }

    /// <summary>What those who trust this authority are given: its certificate, without the key.</summary>
    public X509Certificate2Collection Roots { get; }

    /// <summary>A server's certificate: it says for which host.</summary>
    public X509Certificate2 IssueForServer(string host)
    {
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(host);
        return Issue(host, names.Build(), ServerAuthentication);
    }

    /// <summary>A client's certificate: it says who.</summary>
    public X509Certificate2 IssueForClient(string name) => Issue(name, null, ClientAuthentication);

    public void Dispose() => _certificate.Dispose();

    private X509Certificate2 Issue(string name, X509Extension? names, string usage)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: false, hasPathLengthConstraint: false, 0, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(usage)], critical: false));
        if (names is not null)
        {
            request.CertificateExtensions.Add(names);
        }

        using X509Certificate2 certificate = request.Create(_certificate, _certificate.NotBefore, _certificate.NotAfter, RandomNumberGenerator.GetBytes(8));
        using X509Certificate2 withKey = certificate.CopyWithPrivateKey(key);

        // Windows can't show a certificate whose key was never stored anywhere; this way it was.
        return X509CertificateLoader.LoadPkcs12(withKey.Export(X509ContentType.Pkcs12), null);
    }
}
