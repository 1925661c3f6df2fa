using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace MiniGrpc.Conformance.Wire.Tls;

/// <summary>A certificate authority of the tests' own, and certificates that it issues. Made anew in each run.</summary>
internal static class TestCertificates
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.UtcNow;

    /// <summary>The authority that both ends trust where they trust anybody.</summary>
    public static X509Certificate2 Authority { get; } = CreateAuthority("MiniGrpc test authority");

    /// <summary>An authority that nobody trusts.</summary>
    public static X509Certificate2 Stranger { get; } = CreateAuthority("Stranger");

    /// <summary>What both ends trust.</summary>
    public static X509Certificate2Collection Roots { get; } = [WithoutKey(Authority)];

    /// <summary>A server's certificate for localhost and 127.0.0.1.</summary>
    public static X509Certificate2 Server { get; } = Issue("CN=localhost", names => names.AddDnsName("localhost"), withAddress: true);

    /// <summary>The same, out of date.</summary>
    public static X509Certificate2 ExpiredServer { get; } = Issue(
        "CN=localhost", names => names.AddDnsName("localhost"), from: s_now.AddDays(-3), until: s_now.AddDays(-2));

    /// <summary>A client's certificate with names of every kind.</summary>
    public static X509Certificate2 Client { get; } = Issue("CN=ada, O=Engines", names =>
    {
        names.AddDnsName("ada.test");
        names.AddUri(new Uri("spiffe://test/ada"));
        names.AddEmailAddress("ada@test");
        names.AddIpAddress(IPAddress.Parse("10.0.0.1"));
    });

    /// <summary>A certificate for any names and time.</summary>
    public static X509Certificate2 Issue(
        string subject,
        Action<SubjectAlternativeNameBuilder>? addNames = null,
        X509Certificate2? authority = null,
        bool withAddress = false,
        DateTimeOffset? from = null,
        DateTimeOffset? until = null)
    {
        using var key = RSA.Create(2048);
        CertificateRequest request = new(subject, key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        SubjectAlternativeNameBuilder names = new();
        addNames?.Invoke(names);
        if (withAddress)
        {
            names.AddIpAddress(IPAddress.Loopback);
        }

        if (addNames is not null)
        {
            request.CertificateExtensions.Add(names.Build());
        }

        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(
            [new Oid("1.3.6.1.5.5.7.3.1", "server"), new Oid("1.3.6.1.5.5.7.3.2", "client")], critical: false));
        using X509Certificate2 certificate = request.Create(
            authority ?? Authority, from ?? s_now.AddDays(-1), until ?? s_now.AddDays(1), RandomNumberGenerator.GetBytes(8));
        return certificate.CopyWithPrivateKey(key);
    }

    /// <summary>A certificate by an authority that <see cref="Authority"/> vouches for, and that authority's own.</summary>
    public static (X509Certificate2 Certificate, X509Certificate2 Intermediate) IssueByIntermediate(string subject, string name)
    {
        using var key = RSA.Create(2048);
        CertificateRequest request = new("CN=MiniGrpc test intermediate", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, critical: true));
        using X509Certificate2 intermediate = request.Create(Authority, s_now.AddDays(-2), s_now.AddDays(2), RandomNumberGenerator.GetBytes(8));
        using X509Certificate2 withKey = intermediate.CopyWithPrivateKey(key);
        return (Issue(subject, names => names.AddDnsName(name), withKey), WithoutKey(withKey));
    }

    /// <summary>The certificate as anybody may have it.</summary>
    public static X509Certificate2 WithoutKey(X509Certificate2 certificate) => X509CertificateLoader.LoadCertificate(certificate.RawData);

    private static X509Certificate2 CreateAuthority(string name)
    {
        using var key = RSA.Create(2048);
        CertificateRequest request = new($"CN={name}", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, critical: true));
        return request.CreateSelfSigned(s_now.AddDays(-30), s_now.AddDays(30));
    }
}
