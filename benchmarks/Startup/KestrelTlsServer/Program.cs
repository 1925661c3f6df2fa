using System.Globalization;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using MiniGrpc.Benchmarks.Compare.Peers;

// The empty builder is the leanest: no logging provider, no configuration files, no middleware but routing and gRPC.
WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(
    IPAddress.Loopback,
    int.Parse(args[0], CultureInfo.InvariantCulture),
    listen =>
    {
        listen.Protocols = HttpProtocols.Http2;
        listen.UseHttps(X509Certificate2.CreateFromPemFile(args[1], args[2]));
    }));
builder.Services.AddRoutingCore();

// gzip is among what it can read and write without being told.
builder.Services.AddGrpc(grpc => grpc.ResponseCompressionAlgorithm = "gzip");
builder.Services.AddSingleton<EchoService>();
WebApplication app = builder.Build();
app.MapGrpcService<EchoService>();

// Waiting on the main thread, not on one of the pool, which has few when it starts. The end of the input ends the program.
app.Start();
using Stream input = Console.OpenStandardInput();
input.ReadByte();
