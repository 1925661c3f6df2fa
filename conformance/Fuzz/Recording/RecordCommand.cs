using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.IO.Compression;
using Grpc.Core;
using Grpc.Net.Client;
using MiniGrpc.Client;
using MiniGrpc.Conformance.Fuzz.Engine;
using MiniGrpc.Conformance.Fuzz.Sessions;
using MiniGrpc.Conformance.Fuzz.Targets;
using MiniGrpc.Server;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Fuzz.Recording;

/// <summary>
/// Records the sessions that the targets "server", "client" and "receive" begin with: three clients with our server, and our
/// client with two servers. Needs Python with grpcio; run it by hand when the script of the sessions changes.
/// </summary>
internal static class RecordCommand
{
    private const string Python = "/usr/bin/python3";

    public static Command Create()
    {
        var command = new Command("record", "Record real sessions anew, into the corpus.");
        command.SetAction((_, _) => RunAsync());
        return command;
    }

    private static async Task<int> RunAsync()
    {
        var up = new List<Corpus.Entry>();
        var down = new List<Corpus.Entry>();
        await using var server = new GrpcServer(new GrpcServerOptions
        {
            ResponseCompressionAlgorithm = "gzip",
            CompressionProviders = { new GzipCompressionProvider(CompressionLevel.Fastest) },
        });
        server.Services.Add(EchoService.Bind());
        server.Listen("http://127.0.0.1:0");
        await server.StartAsync();
        int port = server.Ports[0];
        await RecordAsync("minigrpc", port, RunMiniGrpcAsync, up, down);
        await RecordAsync("grpc-dotnet", port, RunGrpcNetClientAsync, up, down);
        await RecordAsync("grpcio", port, RunPythonAsync, up, down);

        using Process python = Start("server");
        int pythonPort = int.Parse((await python.StandardOutput.ReadLineAsync())!, CultureInfo.InvariantCulture);
        await RecordAsync("minigrpc-with-grpcio", pythonPort, RunMiniGrpcAsync, up, down);
        await python.StandardInput.WriteLineAsync();
        await python.WaitForExitAsync();

        var corpus = new Corpus(Corpus.DefaultDirectory);
        Replace(corpus, "server", up);
        Replace(corpus, "client", down);
        Replace(corpus, "receive", [
            .. up.Select(entry => entry with { Octets = [0, .. entry.Octets.AsSpan(ConnectionPreface.Length)] }),
            .. down.Select(entry => entry with { Octets = [1, .. WithStreams(entry.Octets)] }),
        ]);
        return 0;
    }

    private static void Replace(Corpus corpus, string target, IEnumerable<Corpus.Entry> recorded) =>
        corpus.Save(target, [.. recorded, .. corpus.Load(target).Where(entry => !entry.Origin.StartsWith("recorded", StringComparison.Ordinal))]);

    /// <summary>Behind the server's SETTINGS, the streams that it answers on are opened.</summary>
    private static byte[] WithStreams(byte[] octets)
    {
        var opening = new OutputBuffer();
        for (int i = 0; i < Script.Calls; i++)
        {
            ReceiveBench.WriteCommand(opening, LocalCommand.Open, 0);
        }

        int settings = FrameHeader.Size + FrameHeader.Read(octets).Length;
        return [.. octets.AsSpan(0, settings), .. opening.WrittenSpan, .. octets.AsSpan(settings)];
    }

    private static async Task RecordAsync(
        string name, int serverPort, Func<int, Task> client, List<Corpus.Entry> up, List<Corpus.Entry> down)
    {
        await using var recorder = new Recorder(serverPort);
        await client(recorder.Port);
        await recorder.Done;
        Console.WriteLine($"{name}: {recorder.Up.Count} octets up, {recorder.Down.Count} down");
        up.Add(new Corpus.Entry("recorded-" + name, [.. recorder.Up]));
        down.Add(new Corpus.Entry("recorded-" + name, [.. recorder.Down]));
    }

    private static async Task RunMiniGrpcAsync(int port)
    {
        var options = new MiniChannelOptions { CompressionProviders = { new GzipCompressionProvider(CompressionLevel.Fastest) } };
        await using MiniChannel channel = MiniChannel.ForAddress($"http://127.0.0.1:{port}", options);
        await RunAsync(channel.CreateCallInvoker());
    }

    private static async Task RunGrpcNetClientAsync(int port)
    {
        using GrpcChannel channel = GrpcChannel.ForAddress($"http://127.0.0.1:{port}");
        await RunAsync(channel.CreateCallInvoker());
    }

    private static async Task RunAsync(CallInvoker invoker)
    {
        await await Script.StartAsync(invoker, _ => Task.Delay(100));

        // What only a server sees: a compressed request, a status, a cancelled call.
        CallOptions gzip = new(new Metadata { { "grpc-internal-encoding-request", "gzip" } });
        await invoker.AsyncUnaryCall(EchoService.UnaryMethod, null, gzip, new byte[2000]).ResponseAsync;
        await ((Task)invoker.AsyncUnaryCall(EchoService.UnaryMethod, null, default, [0xff]).ResponseAsync)
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        using AsyncDuplexStreamingCall<byte[], byte[]> cancelled = invoker.AsyncDuplexStreamingCall(EchoService.DuplexMethod, null, default);
        await cancelled.RequestStream.WriteAsync([1]);
        await cancelled.ResponseStream.MoveNext(default);
    }

    private static async Task RunPythonAsync(int port)
    {
        using Process python = Start("client", port.ToString(CultureInfo.InvariantCulture));
        Console.Write(await python.StandardOutput.ReadToEndAsync());
        await python.WaitForExitAsync();
    }

    private static Process Start(params string[] arguments) =>
        Process.Start(new ProcessStartInfo(Python, [Path.Combine(AppContext.BaseDirectory, "Recording", "record.py"), .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
}
