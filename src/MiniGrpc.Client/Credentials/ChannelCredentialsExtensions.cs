using System.Security.Cryptography.X509Certificates;

using Grpc.Core;

using MiniGrpc.Wire;

namespace MiniGrpc.Client;

/// <summary>
/// Takes over channel credentials of Grpc.Core. Apart from <see cref="MiniChannelOptions"/>, so that a program without TLS doesn't carry it.
/// </summary>
public static class ChannelCredentialsExtensions
{
    /// <summary>
    /// Sets <see cref="MiniChannelOptions.Tls"/> and <see cref="MiniChannelOptions.CallCredentials"/> as <paramref name="credentials"/> say: none,
    /// <see cref="SslCredentials"/> with roots and a client certificate in PEM form and a <see cref="VerifyPeerCallback"/> that is asked
    /// about a certificate that is otherwise accepted, or either with call credentials composed.
    /// </summary>
    /// <returns>The same options.</returns>
    /// <exception cref="System.Security.Cryptography.CryptographicException">The PEM text holds no certificate or no key, or they don't belong together.</exception>
    public static MiniChannelOptions UseCredentials(this MiniChannelOptions options, ChannelCredentials credentials)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(credentials);
        options.Tls = null;
        options.CallCredentials = null;
        credentials.InternalPopulateConfiguration(new Configurator(), options);
        return options;
    }

    private sealed class Configurator : ChannelCredentialsConfiguratorBase
    {
        public override void SetInsecureCredentials(object state)
        {
            // Plaintext is what options begin with.
        }

        public override void SetSslCredentials(object state, string? rootCertificates, KeyCertificatePair? keyCertificatePair, VerifyPeerCallback? verifyPeerCallback)
        {
            var options = (MiniChannelOptions)state;
            X509Certificate2Collection? roots = rootCertificates is null ? null : PemFiles.ReadAll(rootCertificates, "the root certificates hold");
            ClientTls certificate = keyCertificatePair is null
                ? new ClientTls()
                : new ClientTls(PemFiles.ReadCertificate(
                    keyCertificatePair.CertificateChain, keyCertificatePair.PrivateKey, "the key pair's certificate chain", "the key pair's private key"));
            options.Tls = certificate.With(roots, verifyPeerCallback);
        }

        public override void SetCompositeCredentials(object state, ChannelCredentials channelCredentials, CallCredentials callCredentials)
        {
            channelCredentials.InternalPopulateConfiguration(this, state);
            var options = (MiniChannelOptions)state;
            options.CallCredentials = options.CallCredentials is null ? callCredentials : CallCredentials.Compose(options.CallCredentials, callCredentials);
        }
    }
}
