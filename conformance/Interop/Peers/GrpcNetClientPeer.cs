using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Net.Client;
using Grpc.Net.Client.Configuration;
using MiniGrpc.Conformance.Wire.Tls;

namespace MiniGrpc.Conformance.Interop.Peers;

/// <summary>The official client: Grpc.Net.Client on HttpClient.</summary>
internal sealed class GrpcNetClientPeer : IClientPeer
{
    public string Name => "Grpc.Net.Client";

    // HttpClient does.
    public bool JoinsRepeatedMetadata => true;

    // GetStatus() is right; but a single response whose headers have come is read from a body that is closed under the reader, and
    // that error becomes Internal (ObjectDisposedException) or Unavailable (IOException).
    public IReadOnlyList<StatusCode> OtherCodesOfReadsEndedByClient => [StatusCode.Internal, StatusCode.Unavailable];

    // What it collects the channel's credentials with still holds the call's.
    public bool AsksCallCredentialsTwice => true;

    public IClientChannel Connect(ServerAddress address, ClientSetup setup)
    {
        GrpcChannelOptions options = new() { HttpHandler = HandlerFor(address), DisposeHttpClient = true };
        options.MaxReceiveMessageSize = setup.MaxReceiveMessageSize ?? options.MaxReceiveMessageSize;
        options.MaxSendMessageSize = setup.MaxSendMessageSize ?? options.MaxSendMessageSize;
        if (setup.Certificate is { } certificate)
        {
            ((SocketsHttpHandler)options.HttpHandler).SslOptions.ClientCertificates = [certificate];
        }

        options.Credentials = setup.CallCredentials is { } credentials ? ChannelCredentials.Create(ChannelCredentials.SecureSsl, credentials) : null;
        options.ServiceConfig = setup.Retry is { } retry ? ConfigWith(retry) : null;
        return new ClientChannel(GrpcChannel.ForAddress(address.Uri, options));
    }

    /// <summary>A handler of our own: the channel's default one opens a second connection when the first has no stream left. Trusts the tests' certificates.</summary>
    internal static SocketsHttpHandler HandlerFor(ServerAddress address)
    {
        SocketsHttpHandler handler = new();
        if (address.Transport == Transport.Tls)
        {
            handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            handler.SslOptions.CertificateChainPolicy.CustomTrustStore.AddRange(TestCertificates.Roots);
        }

        return handler;
    }

    public override string ToString() => Name;

    private static ServiceConfig ConfigWith(RetrySetup retry) => new()
    {
        MethodConfigs =
        {
            new MethodConfig
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
            },
        },
    };

    private sealed class ClientChannel(GrpcChannel channel) : IClientChannel
    {
        public ChannelBase Channel => channel;

        public ValueTask DisposeAsync()
        {
            channel.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
