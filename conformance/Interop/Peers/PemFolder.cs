using System.Security.Cryptography.X509Certificates;
using MiniGrpc.Conformance.Interop.Peers;
using MiniGrpc.Conformance.Wire.Tls;

[assembly: AssemblyFixture(typeof(PemFolder))]

namespace MiniGrpc.Conformance.Interop.Peers;

/// <summary>The tests' certificates as files, for programs in other languages. Gone after the last test.</summary>
public sealed class PemFolder : IDisposable
{
    private static readonly DirectoryInfo s_folder = Directory.CreateTempSubdirectory("minigrpc-pem-");

    /// <summary>The authority that clients trust.</summary>
    public static string Authority { get; } = Write("ca.pem", TestCertificates.Authority.ExportCertificatePem());

    /// <summary>A server's certificate for localhost and 127.0.0.1.</summary>
    public static string ServerCertificate { get; } = Write("server.pem", TestCertificates.Server.ExportCertificatePem());

    /// <summary>Its key.</summary>
    public static string ServerKey { get; } = Write("server.key", TestCertificates.Server.GetRSAPrivateKey()!.ExportPkcs8PrivateKeyPem());

    /// <summary>A client's certificate.</summary>
    public static string ClientCertificate { get; } = Write("client.pem", TestCertificates.Client.ExportCertificatePem());

    /// <summary>Its key.</summary>
    public static string ClientKey { get; } = Write("client.key", TestCertificates.Client.GetRSAPrivateKey()!.ExportPkcs8PrivateKeyPem());

    public void Dispose() => s_folder.Delete(recursive: true);

    private static string Write(string name, string pem)
    {
        string path = Path.Combine(s_folder.FullName, name);
        File.WriteAllText(path, pem);
        return path;
    }
}
