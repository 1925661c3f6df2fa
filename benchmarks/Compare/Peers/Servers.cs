using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using MiniGrpc.Benchmarks.Protos;
using MiniGrpc.Server;

namespace MiniGrpc.Benchmarks.Compare.Peers;

/// <summary>The servers that are compared. Each gets the leanest set-up that its own documentation offers.</summary>
internal static class Servers
{
    public const string MiniGrpc = "minigrpc";
    public const string Kestrel = "kestrel";

    private const int CallsPerConnection = 1000;

    public static IReadOnlyList<string> Kinds { get; } = [MiniGrpc, Kestrel];

    /// <summary>Starts a server that lives as long as the process, and gives its address.</summary>
    public static Task<string> StartAsync(string kind) => kind switch
    {
        MiniGrpc => StartMiniGrpcAsync(),
        Kestrel => StartKestrelAsync(),
        _ => throw new ArgumentException($"There is no server '{kind}'.", nameof(kind)),
    };

    private static async Task<string> StartMiniGrpcAsync()
    {
        var server = new GrpcServer(new GrpcServerOptions { MaxConcurrentStreams = CallsPerConnection });
        server.Services.Add(Benchmark.BindService(new EchoService()));
        server.Listen("http://127.0.0.1:0");
        await server.StartAsync();
        return server.Addresses[0];
    }

    private static async Task<string> StartKestrelAsync()
    {
        // The empty builder: no logging provider, no configuration files, no middleware but routing and gRPC.
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.Http2.MaxStreamsPerConnection = CallsPerConnection;
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2);
        });
        builder.Services.AddRoutingCore();
        builder.Services.AddGrpc();

        // Without this, Grpc.AspNetCore makes an EchoService for every call; MiniGrpc makes one for all.
        builder.Services.AddSingleton<EchoService>();

        WebApplication app = builder.Build();
        app.MapGrpcService<EchoService>();
        await app.StartAsync();
        return app.Urls.First();
    }
}
