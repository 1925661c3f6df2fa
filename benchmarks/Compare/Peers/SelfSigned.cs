using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace MiniGrpc.Benchmarks.Compare.Peers;

/// <summary>
/// The certificate of a server under test. It is made when the server starts, and its public part is what the orchestrator hands
/// to the client, so that every client trusts just that one.
/// </summary>
internal static class SelfSigned
{
    public static X509Certificate2 Create()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=benchmark", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30));
    }

    public static string Export(X509Certificate2 certificate) => Convert.ToBase64String(certificate.RawData);

    public static X509Certificate2 Import(string exported) => X509CertificateLoader.LoadCertificate(Convert.FromBase64String(exported));
}
