using System.Net.Security;
using System.Runtime.CompilerServices;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

using Grpc.Core;

using MiniGrpc.Wire;
using MiniGrpc.Wire.Transport;
using MiniGrpc.Wire.Transport.Tls;

namespace MiniGrpc.Client;

/// <summary>
/// TLS for a <see cref="MiniChannel"/>, as HTTP/2 wants it (RFC 9113 section 9.2): version 1.2 or 1.3, the protocol <c>h2</c> by
/// ALPN, only cipher suites that HTTP/2 permits, no renegotiation. The host name of the channel's address is sent to
/// the server (server name indication), and the server's certificate has to be for it.
/// <code>
/// MiniChannel.ForAddress("https://example.com", new MiniChannelOptions { Tls = new ClientTls() });
/// </code>
/// </summary>
/// <remarks>Thread-safe. One object may serve several channels. Callbacks run on the thread pool.</remarks>
public sealed class ClientTls : ITransportSecurity
{
    private readonly SslStreamCertificateContext? _certificate;

    /// <summary>TLS without a certificate of the client's own.</summary>
    public ClientTls()
    {
    }

    /// <summary>TLS with a certificate, whose private key is at hand, for servers that ask for one.</summary>
    /// <exception cref="ArgumentException">The certificate has no private key.</exception>
    public ClientTls(X509Certificate2 certificate)
        : this(CertificateContexts.Create(certificate))
    {
    }

    /// <summary>TLS with a certificate and those that lead from it to its root; see <see cref="PemFiles.LoadCertificate"/>.</summary>
    public ClientTls(SslStreamCertificateContext certificate)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        _certificate = certificate;
    }

    private ClientTls(ClientTls other) => _certificate = other._certificate;

    /// <summary>The authorities that servers' certificates have to lead to. Default null: those that the system trusts.</summary>
    public X509Certificate2Collection? Roots { get; init; }

    /// <summary>
    /// Decides instead of the usual checks whether a server's certificate is accepted; it is told what they found. Default
    /// null. One that answers true to everything lets anybody on the way read and change everything.
    /// </summary>
    public RemoteCertificateValidationCallback? ServerCertificateValidation { get; init; }

    /// <summary>
    /// The name that is sent to the server and that its certificate has to be for. Default null: the host of the channel's
    /// address (<c>localhost</c> for Unix sockets and memory). For tests, and for servers that are reached by another name.
    /// </summary>
    public string? TargetHost { get; init; }

    /// <summary>Whether and how it is checked that a server's certificate was not revoked. Default <see cref="X509RevocationMode.NoCheck"/>.</summary>
    public X509RevocationMode RevocationMode { get; init; } = X509RevocationMode.NoCheck;

    /// <summary>For tests: whether the system decides on the cipher suites, as it does on Windows.</summary>
    internal bool UsesSystemCipherSuites { get; init; }

    /// <summary>The same with what Grpc.Core's credentials say besides the certificate.</summary>
    internal ClientTls With(X509Certificate2Collection? roots, VerifyPeerCallback? verify)
    {
        RemoteCertificateValidationCallback? validation = verify is null ? null : (sender, certificate, _, errors) =>
            errors == SslPolicyErrors.None && certificate is X509Certificate2 accepted
            && verify(CreateContext(((SslStream)sender).TargetHostName, accepted.ExportCertificatePem()));
        return new ClientTls(this) { Roots = roots, ServerCertificateValidation = validation };
    }

    ITransport ITransportSecurity.Secure(ITransport transport, string? host)
    {
        string name = TargetHost ?? host ?? "";
        var peer = new PeerCertificate
        {
            Peer = TlsErrors.Server,
            IsRequired = true,
            ExpectedName = name,
            Override = ServerCertificateValidation,
        };
        return new TlsTransport(transport, peer, stream => stream.AuthenticateAsClientAsync(CreateOptions(peer, name)));
    }

    /// <summary>Grpc.Core's argument of a <see cref="VerifyPeerCallback"/>; its own constructor is closed to other libraries.</summary>
    [UnsafeAccessor(UnsafeAccessorKind.Constructor)]
    private static extern VerifyPeerContext CreateContext(string targetName, string peerPem);

    private SslClientAuthenticationOptions CreateOptions(PeerCertificate peer, string name)
    {
        var options = new SslClientAuthenticationOptions
        {
            TargetHost = name,
            ClientCertificateContext = _certificate,
            ApplicationProtocols = [SslApplicationProtocol.Http2],
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            AllowRenegotiation = false,
            RemoteCertificateValidationCallback = peer.Judge,
            CertificateRevocationCheckMode = RevocationMode,
            CertificateChainPolicy = PeerCertificate.ChainPolicy(Roots, RevocationMode, mayDownload: true),
        };
        if (!UsesSystemCipherSuites && CipherSuites.Policy is { } policy)
        {
            options.CipherSuitesPolicy = policy;
        }

        return options;
    }
}
