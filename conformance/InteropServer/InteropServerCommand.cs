using System.CommandLine;
using System.IO.Compression;
using System.Net;
using MiniGrpc.Conformance.InteropClient;
using MiniGrpc.Conformance.InteropServer.Http2;
using MiniGrpc.Server;
using MiniGrpc.Wire;

namespace MiniGrpc.Conformance.InteropServer;

/// <summary>The command line, with the flags that the official interoperability servers have.</summary>
internal static class InteropServerCommand
{
    private static readonly Option<int> s_port = new Option<int>("--port")
    {
        Description = "The TCP port to listen on, on every interface; 0 lets the system choose.",
        Required = true,
    }.Within(0, InteropProgram.LastPort);

    private static readonly Option<bool> s_useTls = new("--use_tls") { Description = "Listen with TLS; needs a certificate." };
    private static readonly Option<FileInfo?> s_certificate = new("--tls_cert_file") { Description = "The certificate and those between it and its authority, as PEM." };
    private static readonly Option<FileInfo?> s_key = new("--tls_key_file") { Description = "The certificate's private key, as PEM." };

    private static readonly Option<string?> s_http2Case = new Option<string?>("--http2_case")
    {
        Description = $"Don't serve, but break the rules as a negative HTTP/2 case wants it: {string.Join(", ", Http2Case.All)}.",
    }.Checked(name => Http2Case.All.Any(each => each.Name == name)
        ? null
        : $"There is no case '{name}'. There are: {string.Join(", ", Http2Case.All)}.");

    /// <summary>Runs the program until it is told to stop.</summary>
    public static Task<int> RunAsync(IReadOnlyList<string> arguments, InvocationConfiguration configuration) =>
        InteropProgram.RunAsync(Create(), arguments, configuration);

    private static RootCommand Create()
    {
        var command = new RootCommand("Serves grpc.testing.TestService to the interoperability clients of any language.")
        {
            s_port, s_useTls, s_certificate, s_key, s_http2Case,
        };
        command.CheckTls(s_useTls, s_certificate, s_key);
        command.Validators.Add(result =>
        {
            if (result.GetValue(s_useTls) && (result.GetValue(s_certificate) is null || result.GetValue(s_key) is null))
            {
                result.AddError("--use_tls needs --tls_cert_file and --tls_key_file.");
            }
        });
        command.SetAction((parsed, stop) =>
        {
            ServerTls? tls = parsed.GetValue(s_useTls)
                ? new ServerTls(PemFiles.LoadCertificate(parsed.GetValue(s_certificate)!.FullName, parsed.GetValue(s_key)!.FullName))
                : null;
            TextWriter output = parsed.InvocationConfiguration.Output;
            return parsed.GetValue(s_http2Case) is { } name
                ? RunAsync(Http2Case.All.Single(each => each.Name == name), parsed.GetValue(s_port), tls, output, stop)
                : RunAsync(parsed.GetValue(s_port), tls, output, stop);
        });
        return command;
    }

    private static async Task<int> RunAsync(int port, ServerTls? tls, TextWriter output, CancellationToken stop)
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
        await output.WriteLineAsync($"Serving grpc.testing.TestService on port {server.Ports[0]}{(tls is null ? "" : " with TLS")}. Ctrl+C ends.");
        await WaitAsync(stop);
        await server.ShutdownAsync(TimeSpan.FromSeconds(1));
        return 0;
    }

    private static async Task<int> RunAsync(Http2Case test, int port, ServerTls? tls, TextWriter output, CancellationToken stop)
    {
        await using var server = new Http2CaseServer(test, IPAddress.Any, port, tls);
        await output.WriteLineAsync($"Serving the case {test} on port {server.Port}{(tls is null ? "" : " with TLS")}. Ctrl+C ends.");
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
