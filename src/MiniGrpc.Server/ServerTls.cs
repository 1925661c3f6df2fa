using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

using MiniGrpc.Wire;
using MiniGrpc.Wire.Transport;
using MiniGrpc.Wire.Transport.Tls;

namespace MiniGrpc.Server;

/// <summary>
/// TLS for a <see cref="GrpcServer"/>, as HTTP/2 wants it (RFC 9113 section 9.2): version 1.2 or 1.3, the protocol <c>h2</c> by
/// ALPN, only cipher suites that HTTP/2 permits, no renegotiation.
/// <code>
/// server.Listen("https://*:50051", new ServerTls(PemFiles.LoadCertificate("server.pem", "server.key")));
/// </code>
/// </summary>
/// <remarks>Thread-safe. One object may serve several addresses. Callbacks run on the thread pool and hold up their own connection only.</remarks>
public sealed class ServerTls : ITransportSecurity
{
    private SslStreamCertificateContext? _certificate;
    private readonly Func<string, SslStreamCertificateContext?>? _select;

    /// <summary>TLS with a certificate whose private key is at hand.</summary>
    /// <exception cref="ArgumentException">The certificate has no private key.</exception>
    public ServerTls(X509Certificate2 certificate)
        : this(CertificateContexts.Create(certificate))
    {
    }

    /// <summary>TLS with a certificate and those that lead from it to its root; see <see cref="PemFiles.LoadCertificate"/>.</summary>
    public ServerTls(SslStreamCertificateContext certificate)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        _certificate = certificate;
    }

    /// <summary>
    /// TLS with a certificate chosen for each connection by the host name that the client asks for (server name indication, RFC
    /// 6066 section 3); the name is empty when the client doesn't tell it. Null turns the client away. Return the same
    /// objects as long as the certificates are the same: making them is costly. Return another one when a certificate
    /// was renewed: new connections are shown it, and existing ones go on.
    /// </summary>
    public ServerTls(Func<string, SslStreamCertificateContext?> selectCertificate)
    {
        ArgumentNullException.ThrowIfNull(selectCertificate);
        _select = selectCertificate;
    }

    /// <summary>Whether clients are to show certificates. Default <see cref="ClientCertificateMode.None"/>.</summary>
    public ClientCertificateMode ClientCertificateMode { get; init; }

    /// <summary>The authorities whose client certificates are accepted. Default null: those that the system trusts, which is seldom what is wanted.</summary>
    public X509Certificate2Collection? ClientRoots { get; init; }

    /// <summary>
    /// Decides instead of the usual checks whether a client's certificate is accepted; it is told what they found. Asked when
    /// there is a certificate, or when one is required. Default null.
    /// </summary>
    public RemoteCertificateValidationCallback? ClientCertificateValidation { get; init; }

    /// <summary>Whether and how it is checked that a client's certificate was not revoked. Default <see cref="X509RevocationMode.NoCheck"/>.</summary>
    public X509RevocationMode RevocationMode { get; init; } = X509RevocationMode.NoCheck;

    /// <summary>For tests: whether the system decides on the cipher suites, as it does on Windows.</summary>
    internal bool UsesSystemCipherSuites { get; init; }

    /// <summary>
    /// Shows another certificate from now on, a renewed one for example: new connections are shown it, and existing ones go on. May be called on
    /// any thread, while the server runs.
    /// <code>
    /// tls.ReplaceCertificate(PemFiles.LoadCertificate("server.pem", "server.key"));
    /// </code>
    /// </summary>
    /// <exception cref="InvalidOperationException">A function chooses the certificates: let it return another one.</exception>
    public void ReplaceCertificate(SslStreamCertificateContext certificate)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        if (_select is not null)
        {
            throw new InvalidOperationException("The certificate can't be replaced: this ServerTls was made with a function that chooses one for each connection. Let it return another one.");
        }

        Volatile.Write(ref _certificate, certificate);
    }

    /// <inheritdoc cref="ReplaceCertificate(SslStreamCertificateContext)"/>
    /// <exception cref="ArgumentException">The certificate has no private key.</exception>
    public void ReplaceCertificate(X509Certificate2 certificate) => ReplaceCertificate(CertificateContexts.Create(certificate));

    ITransport ITransportSecurity.Secure(ITransport transport, string? host)
    {
        var peer = new PeerCertificate
        {
            Peer = TlsErrors.Client,
            IsRequired = ClientCertificateMode == ClientCertificateMode.Require,
            Override = ClientCertificateValidation,
        };
        return new TlsTransport(transport, peer, stream => stream.AuthenticateAsServerAsync(
            (_, hello, _, _) => ValueTask.FromResult(CreateOptions(peer, hello.ServerName)), null));
    }

    private SslServerAuthenticationOptions CreateOptions(PeerCertificate peer, string name)
    {
        var options = new SslServerAuthenticationOptions
        {
            ServerCertificateContext = Volatile.Read(ref _certificate) ?? _select!(name)
                ?? throw new AuthenticationException($"there is no certificate for the host name '{name}' that the client asked for"),
            ApplicationProtocols = [SslApplicationProtocol.Http2],
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            AllowRenegotiation = false,
            ClientCertificateRequired = ClientCertificateMode != ClientCertificateMode.None,
            RemoteCertificateValidationCallback = peer.Judge,
            CertificateRevocationCheckMode = RevocationMode,
            CertificateChainPolicy = PeerCertificate.ChainPolicy(ClientRoots, RevocationMode, mayDownload: false),
        };
        if (!UsesSystemCipherSuites && CipherSuites.Policy is { } policy)
        {
            options.CipherSuitesPolicy = policy;
        }

        return options;
    }
}
