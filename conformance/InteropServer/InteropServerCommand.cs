using System.CommandLine;
using System.IO.Compression;
using System.Net;
using MiniGrpc.Conformance.InteropServer.Http2;
using MiniGrpc.Server;
using MiniGrpc.Wire;

namespace MiniGrpc.Conformance.InteropServer;

/// <summary>The command line, with the flags that the official interoperability servers have.</summary>
internal static class InteropServerCommand
{
    public static RootCommand Create()
    {
        var port = new Option<int>("--port") { Description = "The TCP port to listen on, on every interface; 0 lets the system choose.", Required = true };
        var useTls = new Option<bool>("--use_tls") { Description = "Listen with TLS; needs a certificate." };
        var certificate = new Option<FileInfo?>("--tls_cert_file") { Description = "The certificate and those between it and its authority, as PEM." };
        var key = new Option<FileInfo?>("--tls_key_file") { Description = "The certificate's private key, as PEM." };
        var http2Case = new Option<string?>("--http2_case")
        {
            Description = $"Don't serve, but break the rules as a negative HTTP/2 case wants it: {string.Join(", ", Http2Case.All)}.",
        };
        var command = new RootCommand("Serves grpc.testing.TestService to the interoperability clients of any language.") { port, useTls, certificate, key, http2Case };
        command.Validators.Add(result =>
        {
            if (result.GetValue(useTls) && (result.GetValue(certificate) is null || result.GetValue(key) is null))
            {
                result.AddError("--use_tls needs --tls_cert_file and --tls_key_file.");
            }
        });
        http2Case.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string?>() is { } name && Http2Case.All.All(each => each.Name != name))
            {
                result.AddError($"There is no case '{name}'. There are: {string.Join(", ", Http2Case.All)}.");
            }
        });
        command.SetAction((parsed, stop) =>
        {
            ServerTls? tls = parsed.GetValue(useTls)
                ? new ServerTls(PemFiles.LoadCertificate(parsed.GetValue(certificate)!.FullName, parsed.GetValue(key)!.FullName))
                : null;
            return parsed.GetValue(http2Case) is { } name
                ? RunAsync(Http2Case.All.Single(each => each.Name == name), parsed.GetValue(port), tls, stop)
                : RunAsync(parsed.GetValue(port), tls, stop);
        });
        return command;
    }

    private static async Task<int> RunAsync(int port, ServerTls? tls, CancellationToken stop)
    {
        var options = new GrpcServerOptions();
        options.CompressionProviders.Add(new GzipCompressionProvider(CompressionLevel.Fastest));
        options.CompressionProviders.Add(new DeflateCompressionProvider(CompressionLevel.Fastest));
        await using var server = new GrpcServer(options);
        server.Services.Add(InteropService.Define(context => context.IsRequestCompressed()));
        if (tls is null)
        {
            server.Listen($"http://*:{port}");
        }
        else
        {
            server.Listen($"https://*:{port}", tls);
        }

        await server.StartAsync();
        Console.WriteLine($"Serving grpc.testing.TestService on port {server.Ports[0]}{(tls is null ? "" : " with TLS")}. Ctrl+C ends.");
        await WaitAsync(stop);
        await server.ShutdownAsync(TimeSpan.FromSeconds(1));
        return 0;
    }

    private static async Task<int> RunAsync(Http2Case test, int port, ServerTls? tls, CancellationToken stop)
    {
        await using var server = new Http2CaseServer(test, IPAddress.Any, port, tls);
        Console.WriteLine($"Serving the case {test} on port {server.Port}{(tls is null ? "" : " with TLS")}. Ctrl+C ends.");
        await WaitAsync(stop);
        return 0;
    }

    private static async Task WaitAsync(CancellationToken stop)
    {
        try
        {
            await Task.Delay(Timeout.Infinite, stop);
        }
        catch (OperationCanceledException)
        {
            // Asked to end.
        }
    }
}
