using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Conformance.Wire.Tls;
using MiniGrpc.Wire;

namespace MiniGrpc.Conformance.Interop.Peers;

/// <summary>Our client.</summary>
internal sealed class MiniClientPeer : IClientPeer
{
    public string Name => "MiniGrpc";

    public IClientChannel Connect(ServerAddress address, ClientSetup setup)
    {
        MiniChannelOptions options = new()
        {
            CompressionProviders = { new GzipCompressionProvider(System.IO.Compression.CompressionLevel.Fastest) },
            MaxSendMessageSize = setup.MaxSendMessageSize,
            ServiceConfig = setup.Retry is { } retry ? new ServiceConfig { MethodConfigs = { ConfigWith(retry) } } : null,
            Tls = address.Transport == Transport.Tls ? new ClientTls { Roots = TestCertificates.Roots } : null,
        };
        if (setup.Certificate is not null || setup.CallCredentials is not null)
        {
            options.UseCredentials(CredentialsOf(setup));
        }

        options.MaxReceiveMessageSize = setup.MaxReceiveMessageSize ?? options.MaxReceiveMessageSize;
        return new ClientChannel(address.InMemory is MemoryEndPoint memory
            ? MiniChannel.ForEndPoint(memory, options)
            : MiniChannel.ForAddress(address.Uri, options));
    }

    /// <summary>What a service config says of all methods.</summary>
    internal static MethodConfig ConfigWith(RetrySetup retry) => new()
    {
        Names = { MethodName.Default },
        RetryPolicy = new RetryPolicy
        {
            MaxAttempts = retry.MaxAttempts,
            InitialBackoff = retry.Backoff,
            MaxBackoff = retry.Backoff,
            BackoffMultiplier = 1,
            RetryableStatusCodes = { StatusCode.Unavailable },
        },
    };

    /// <summary>As a program has them that was written for Grpc.Core.</summary>
    private static ChannelCredentials CredentialsOf(ClientSetup setup)
    {
        string roots = TestCertificates.Authority.ExportCertificatePem();
        SslCredentials ssl = setup.Certificate is { } certificate
            ? new SslCredentials(roots, new KeyCertificatePair(certificate.ExportCertificatePem(), certificate.GetRSAPrivateKey()!.ExportPkcs8PrivateKeyPem()))
            : new SslCredentials(roots);
        return setup.CallCredentials is { } credentials ? ChannelCredentials.Create(ssl, credentials) : ssl;
    }

    private sealed class ClientChannel(MiniChannel channel) : IClientChannel
    {
        public ChannelBase Channel => channel;

        public ValueTask DisposeAsync() => channel.DisposeAsync();
    }
}
