using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using MiniGrpc.Benchmarks.Compare.Control;
using MiniGrpc.Benchmarks.Compare.Orchestration;
using MiniGrpc.Benchmarks.Compare.Peers;
using MiniGrpc.Benchmarks.Compare.Probes;
using MiniGrpc.Benchmarks.Compare.Report;

namespace MiniGrpc.Benchmarks.Compare.Experiments;

/// <summary>
/// Servers that NativeAOT has compiled: how soon they speak HTTP/2 after their start, what memory they take, and how large the
/// program is. With TLS the certificate is read and gzip is linked in; no load is made then. Beside the two servers there is the
/// least that such a program can be: sockets, and TLS and gzip on them, without gRPC.
/// </summary>
internal sealed class AotServer(bool tls) : IExperiment
{
    // What a start leaves to be done later has been done by then.
    private static readonly TimeSpan s_idle = TimeSpan.FromMilliseconds(500);

    public string Name => tls ? "aot-server-tls" : "aot-server";

    public async Task RunAsync(BenchmarkOptions options, Results results)
    {
        var programs = new Dictionary<string, string>();
        try
        {
            Results.Progress($"{Name}: publishing, which takes a few minutes the first time");
            foreach ((string server, string name) in (IEnumerable<(string, string)>)[(Servers.MiniGrpc, "MiniGrpc"), (Servers.Kestrel, "Kestrel"), (Servers.Socket, "Socket")])
            {
                programs[server] = await new StartupProgram(tls ? $"{name}TlsServer" : $"{name}Server").PublishNativeAsync();
            }
        }
        catch (BenchmarkException exception)
        {
            results.Note($"{Name}: skipped. NativeAOT needs clang and the headers of zlib (on Debian and Ubuntu: clang, zlib1g-dev). {exception.Message}");
            return;
        }

        await using ChildProcess probe = await ChildProcess.StartAsync(options.Cores.Client, options, ProbeCommand.Name);
        await WarmUpAsync(probe, programs[Servers.MiniGrpc], options);
        await Rounds.TakeAsync(Name, Measured(options).Select(server => (Clients.MiniGrpc, server)), options, results, async (client, server, round) =>
        {
            Uri address = NewAddress();
            await using StartedProgram started = Start(programs[server], address, options);
            Add(StartFigures.FirstSettings, started.MillisecondsUntil(await FirstSettingsAsync(probe, address)));
            await Task.Delay(s_idle);
            Add(StartFigures.IdleResident, started.ResidentBytes / 1e6);
            Add(StartFigures.BinarySize, new FileInfo(programs[server]).Length / 1e6);
            if (!tls && server != Servers.Socket)
            {
                Add(StartFigures.LoadedResident, await LoadAsync(started, address, options) / 1e6);
            }

            void Add(Figure figure, double value) => results.Add(new Sample(Name, client, server, round, figure, value));
        });
    }

    private static IEnumerable<string> Measured(BenchmarkOptions options) => [.. options.Servers, Servers.Socket];

    /// <summary>A few starts that don't count: the probe compiles its code, and the system gets the program from the disk.</summary>
    private async Task WarmUpAsync(ChildProcess probe, string program, BenchmarkOptions options)
    {
        for (int i = 0; i < 3; i++)
        {
            Uri address = NewAddress();
            await using StartedProgram started = Start(program, address, options);
            await FirstSettingsAsync(probe, address);
        }
    }

    private StartedProgram Start(string program, Uri address, BenchmarkOptions options)
    {
        string port = address.Port.ToString(CultureInfo.InvariantCulture);
        return StartedProgram.Start(options.Cores.Server, options, program, tls ? [port, .. PemFiles()] : [port]);
    }

    private Uri NewAddress() => new(string.Create(CultureInfo.InvariantCulture, $"{(tls ? "https" : "http")}://127.0.0.1:{StartedProgram.FreePort()}"));

    private static async Task<long> FirstSettingsAsync(ChildProcess probe, Uri address) =>
        (await probe.AskForReplyAsync(Probe.FirstSettingsCommand, address.OriginalString)).Moment!.Value;

    /// <returns>The server's resident bytes while 64 calls are in flight.</returns>
    private static async Task<long> LoadAsync(StartedProgram server, Uri address, BenchmarkOptions options)
    {
        await using ChildProcess client = await ChildProcess.StartAsync(
            options.Cores.Client, options, "client", "--kind", Clients.MiniGrpc, "--work", "unary", "--in-flight", "64", "--address", address.OriginalString);
        await client.AskAsync(Command.Start);
        await Task.Delay(options.Length);
        long resident = server.ResidentBytes;
        await client.AskAsync(Command.Stop);
        return resident;
    }

    /// <summary>A certificate and its key, made once.</summary>
    private static string[] PemFiles()
    {
        string certificateFile = Path.Combine(StartupProgram.Artifacts, "localhost.pem");
        string keyFile = Path.Combine(StartupProgram.Artifacts, "localhost.key");
        if (!File.Exists(keyFile))
        {
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
            using X509Certificate2 certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddYears(10));
            File.WriteAllText(certificateFile, certificate.ExportCertificatePem());
            File.WriteAllText(keyFile, key.ExportPkcs8PrivateKeyPem());
        }

        return [certificateFile, keyFile];
    }
}
