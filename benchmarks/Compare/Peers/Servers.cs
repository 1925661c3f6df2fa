using System.Net;
using System.Security.Cryptography.X509Certificates;
using Grpc.AspNetCore.Server.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using MiniGrpc.Benchmarks.Compare.Limits;
using MiniGrpc.Benchmarks.Protos;
using MiniGrpc.Server;

namespace MiniGrpc.Benchmarks.Compare.Peers;

/// <summary>
/// The servers that are compared. Each gets the leanest set-up that its own documentation offers, no limit on the size of a
/// message, and the same limit on the calls of a connection.
/// </summary>
internal static class Servers
{
    public const string MiniGrpc = "minigrpc";
    public const string Kestrel = "kestrel";

    /// <summary>No gRPC server: see <see cref="SocketServer"/>.</summary>
    public const string Socket = "socket";

    private const int CallsPerConnection = 1000;

    public static IReadOnlyList<string> Kinds { get; } = [MiniGrpc, Kestrel];

    /// <summary>Starts a server that lives as long as the process, and gives its address; over TLS, if it gets a certificate.</summary>
    public static Task<string> StartAsync(string kind, X509Certificate2? certificate = null) => kind switch
    {
        MiniGrpc => StartMiniGrpcAsync(certificate),
        Kestrel => StartKestrelAsync(certificate),
        Socket => Task.FromResult(SocketServer.Start(certificate)),
        _ => throw new ArgumentException($"There is no server '{kind}'.", nameof(kind)),
    };

    private static async Task<string> StartMiniGrpcAsync(X509Certificate2? certificate)
    {
        var server = new GrpcServer(new GrpcServerOptions { MaxReceiveMessageSize = null, MaxConcurrentStreams = CallsPerConnection });
        server.Services.Add(Benchmark.BindService(new EchoService()));
        server.Services.Add(BytesService.Define(new BytesService()));
        if (certificate is null)
        {
            server.Listen("http://127.0.0.1:0");
        }
        else
        {
            server.Listen("https://127.0.0.1:0", new ServerTls(certificate));
        }

        await server.StartAsync();
        return server.Addresses[0];
    }

    private static async Task<string> StartKestrelAsync(X509Certificate2? certificate)
    {
        // The empty builder: no logging provider, no configuration files, no middleware but routing and gRPC.
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.Http2.MaxStreamsPerConnection = CallsPerConnection;
            kestrel.Limits.MaxRequestBodySize = null;

            // A pair keeps its connections while it waits for its turn.
            kestrel.Limits.KeepAliveTimeout = TimeSpan.FromHours(1);
            kestrel.Listen(IPAddress.Loopback, 0, listen =>
            {
                listen.Protocols = HttpProtocols.Http2;
                if (certificate is not null)
                {
                    listen.UseHttps(certificate);
                }
            });
        });
        builder.Services.AddRoutingCore();
        builder.Services.AddGrpc(options => options.MaxReceiveMessageSize = null);

        // Without this, Grpc.AspNetCore makes a service for every call; MiniGrpc makes one for all.
        builder.Services.AddSingleton<EchoService>();
        builder.Services.AddSingleton<BytesService>();
        builder.Services.AddSingleton<IServiceMethodProvider<BytesService>, BytesMethods>();

        WebApplication app = builder.Build();
        app.MapGrpcService<EchoService>();
        app.MapGrpcService<BytesService>();
        await app.StartAsync();
        return app.Urls.First();
    }
}
