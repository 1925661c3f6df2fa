using System.Net;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using MiniGrpc.Conformance.Wire.Tls;

namespace MiniGrpc.Conformance.Interop.Peers;

/// <summary>The official server: Grpc.AspNetCore on Kestrel.</summary>
internal sealed class KestrelPeer : IServerPeer
{
    public string Name => "Grpc.AspNetCore";

    // Response headers are appended to ASP.NET Core's header dictionary, which takes an empty value for none.
    public bool DropsEmptyMetadata => true;

    // ASP.NET Core's routing does.
    public bool IgnoresCaseOfPaths => true;

    // Grpc.AspNetCore joins the values with commas, if the client hasn't, and decodes them as one piece of base64.
    public bool RefusesRepeatedBinaryMetadata => true;

    public async Task<IRunningServer> StartAsync(ServerSetup setup)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.Http2.MaxStreamsPerConnection = setup.MaxConcurrentStreams ?? kestrel.Limits.Http2.MaxStreamsPerConnection;
            kestrel.Listen(IPAddress.Loopback, setup.Port, listen =>
            {
                listen.Protocols = HttpProtocols.Http2;
                if (setup.Transport == Transport.Tls)
                {
                    listen.UseHttps(https =>
                    {
                        https.ServerCertificate = TestCertificates.Server;
                        https.ClientCertificateMode = setup.RequiresClientCertificate ? ClientCertificateMode.RequireCertificate : ClientCertificateMode.NoCertificate;
                        https.ClientCertificateValidation = (certificate, _, _) => IsOfAuthority(certificate);
                    });
                }
            });
        });
        builder.Services.AddRoutingCore();
        builder.Services.AddGrpc(grpc =>
        {
            // Set only what is asked for: setting the null that is there already lifts the default limit.
            if (setup.MaxReceiveMessageSize is not null)
            {
                grpc.MaxReceiveMessageSize = setup.MaxReceiveMessageSize;
            }

            grpc.MaxSendMessageSize = setup.MaxSendMessageSize;
        });

        WebApplication app = builder.Build();
        foreach (ServerServiceDefinition service in setup.Services)
        {
            app.MapGrpcService(service);
        }

        await app.StartAsync();
        return new RunningServer(app, setup.Transport);
    }

    public override string ToString() => Name;

    private static bool IsOfAuthority(X509Certificate2 certificate)
    {
        using X509Chain chain = new() { ChainPolicy = { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck } };
        chain.ChainPolicy.CustomTrustStore.AddRange(TestCertificates.Roots);
        return chain.Build(certificate);
    }

    private sealed class RunningServer(WebApplication app, Transport transport) : IRunningServer
    {
        public ServerAddress Address { get; } = new(transport, app.Urls.Single());

        public async ValueTask DisposeAsync()
        {
            // A token that has already fired: don't wait for calls to end by themselves.
            await app.StopAsync(new CancellationToken(canceled: true));
            await app.DisposeAsync();
        }
    }
}
