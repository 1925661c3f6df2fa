using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Net.Client;
using MiniGrpc.Benchmarks.Compare.Limits;
using MiniGrpc.Benchmarks.Compare.Load.Replay;
using MiniGrpc.Client;

namespace MiniGrpc.Benchmarks.Compare.Peers;

/// <summary>The clients that are compared. Both give channels to the same generated client, and a channel uses one connection.</summary>
internal static class Clients
{
    public const string MiniGrpc = "minigrpc";
    public const string GrpcNetClient = "grpc-net-client";

    /// <summary>No gRPC client: see <see cref="SocketLoad"/>.</summary>
    public const string Socket = "socket";

    /// <summary>Nor this one: see <see cref="ReplayLoad"/>.</summary>
    public const string Replay = "replay";

    public static IReadOnlyList<string> Kinds { get; } = [MiniGrpc, GrpcNetClient];

    /// <param name="kind">Which client.</param>
    /// <param name="address">The server's.</param>
    /// <param name="trusted">The certificate of a server at https, whose own root it is.</param>
    public static ChannelBase Open(string kind, string address, X509Certificate2? trusted = null) => kind switch
    {
        MiniGrpc => MiniChannel.ForAddress(address, new MiniChannelOptions
        {
            MaxReceiveMessageSize = null,
            Tls = trusted is null ? null : new ClientTls { Roots = [trusted] },
        }),
        GrpcNetClient => OpenGrpcNetClient(address, trusted),
        _ => throw new ArgumentException($"There is no client '{kind}'.", nameof(kind)),
    };

    /// <summary>Trust in one certificate, in the terms of <see cref="SslStream"/>.</summary>
    public static SslClientAuthenticationOptions TlsOptions(X509Certificate2 trusted) => new()
    {
        CertificateChainPolicy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            CustomTrustStore = { trusted },
            RevocationMode = X509RevocationMode.NoCheck,
        },
    };

    private static GrpcChannel OpenGrpcNetClient(string address, X509Certificate2? trusted)
    {
        // The channel's default handler opens a second connection when the first has no stream left; one made here does not.
        // A proxy that the environment names would sit between the two processes.
        // Connections are kept while a pair waits for its turn.
        var handler = new SocketsHttpHandler { UseProxy = false, PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan };
        if (trusted is not null)
        {
            handler.SslOptions = TlsOptions(trusted);
        }

        return GrpcChannel.ForAddress(
            address, new GrpcChannelOptions { HttpHandler = handler, DisposeHttpClient = true, MaxReceiveMessageSize = null });
    }
}
