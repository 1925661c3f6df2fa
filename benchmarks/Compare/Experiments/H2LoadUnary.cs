using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Google.Protobuf;
using MiniGrpc.Benchmarks.Compare.Control;
using MiniGrpc.Benchmarks.Compare.Orchestration;
using MiniGrpc.Benchmarks.Compare.Report;
using MiniGrpc.Benchmarks.Protos;

namespace MiniGrpc.Benchmarks.Compare.Experiments;

/// <summary>
/// The servers under h2load, nghttp2's load generator: a source of load that neither side has written, and that replays an
/// encoded request faster than either server answers it, so that the server's core is the one that is busy.
/// </summary>
internal sealed partial class H2LoadUnary : IExperiment
{
    private const int PayloadBytes = 16;
    private const int RequestsPerWarmUpStep = 20_000;
    private const string Program = "h2load";

    public string Name => "h2load-unary";

    public TimeSpan Estimate(BenchmarkOptions options) => options.Servers.Count * Turns.Estimate(options);

    public async Task RunAsync(BenchmarkOptions options, Results results)
    {
        if (Cores.FindProgram(Program) is null)
        {
            results.Note($"{Name}: skipped, since there is no {Program} on the path. Debian and Ubuntu have it in the package nghttp2-client.");
            return;
        }

        string request = Path.GetTempFileName();
        Dictionary<string, Target> running = [];
        try
        {
            byte[] framed = Framed();
            await File.WriteAllBytesAsync(request, framed);
            List<string> order = [.. options.Servers];
            for (int round = 1; round <= options.Rounds; round++)
            {
                Results.Progress($"{Name}, round {round} of {options.Rounds}");
                foreach (string server in order)
                {
                    await results.TryAsync(Name, Program, server, () => TakeTurnAsync(server, round, request, framed.Length, running, options, results));
                }

                order.Reverse();
            }
        }
        finally
        {
            foreach (Target target in running.Values)
            {
                await target.Process.DisposeAsync();
            }

            File.Delete(request);
        }
    }

    private async Task TakeTurnAsync(
        string server, int round, string request, int replyBytes, Dictionary<string, Target> running, BenchmarkOptions options, Results results)
    {
        if (!running.TryGetValue(server, out Target? target))
        {
            ChildProcess process = await ChildProcess.StartAsync(options.Cores.Server, options, "server", "--kind", server);
            results.AddProcess("server", process.Ready);
            running.Add(server, target = new Target(process));
            if (!await Settling.RunAsync(options.WarmUp, options.Settle, length => CompiledMethodsAsync(target, length, request, replyBytes, options)))
            {
                results.NoteUnsettled(Name, server);
            }
        }

        // A count rather than a time: h2load then waits for every reply, and CPU divided by calls is exact.
        int requests = Math.Max(1000, (int)(target.Rate * options.Length.TotalSeconds));
        await target.Process.AskAsync(Command.Begin);
        double rate = await LoadAsync(target, request, requests, replyBytes, options);
        Window window = (await target.Process.AskAsync(Command.End))!;
        Add(Figure.Rate, rate);
        Add(Figure.ServerCpu, window.CpuSeconds * 1e6 / requests);
        Add(Figure.ServerBusy, 100 * window.CpuSeconds / window.Seconds);
        Add(Figure.ServerAllocated, window.AllocatedBytes / (double)requests);
        Add(Figure.ServerPeak, window.PeakResidentBytes / 1e6);
        Add(Figure.ServerCompiled, window.CompiledMethods);

        void Add(Figure figure, double value) => results.Add(new Sample(Name, Program, server, round, figure, value));
    }

    private static async Task<long> CompiledMethodsAsync(Target target, TimeSpan length, string request, int replyBytes, BenchmarkOptions options)
    {
        long start = Stopwatch.GetTimestamp();
        await target.Process.AskAsync(Command.Begin);
        do
        {
            target.Rate = await LoadAsync(target, request, RequestsPerWarmUpStep, replyBytes, options);
        }
        while (Stopwatch.GetElapsedTime(start) < length);
        return (await target.Process.AskAsync(Command.End))!.CompiledMethods;
    }

    /// <summary>Makes <paramref name="requests"/> calls; gives calls a second.</summary>
    private static async Task<double> LoadAsync(Target target, string request, int requests, int replyBytes, BenchmarkOptions options)
    {
        string[] arguments =
        [
            "-n", requests.ToString(CultureInfo.InvariantCulture), "-c", "4", "-m", "50", "-t", "1", "-d", request,
            "-H", "content-type: application/grpc", "-H", "te: trailers",
            $"{target.Process.Ready.Address}/benchmark.Benchmark/Unary",
        ];
        ProcessStartInfo start = Cores.StartInfo(options.Cores.Client, Program, arguments);
        start.RedirectStandardOutput = true;
        using Process process = Process.Start(start)!;
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();

        // h2load calls any status 200 a success, and a gRPC error is one. Only a reply has DATA, so the bytes tell.
        long succeeded = (long)Number(Succeeded(), output);
        long data = (long)Number(DataBytes(), output);
        if (succeeded != requests || data != (long)requests * replyBytes)
        {
            throw new BenchmarkException($"Of {requests} calls, {succeeded} got status 200, and {data} B of replies came:\n{output}");
        }

        return Number(RequestRate(), output);
    }

    private static double Number(Regex pattern, string output) =>
        double.TryParse(pattern.Match(output).Groups[1].Value, CultureInfo.InvariantCulture, out double value) ? value : -1;

    /// <summary>The request as it goes into DATA frames: not compressed, length, message (gRPC over HTTP/2, Length-Prefixed-Message).</summary>
    private static byte[] Framed()
    {
        byte[] message = new Echo { Payload = ByteString.CopyFrom(new byte[PayloadBytes]) }.ToByteArray();
        return [0, 0, 0, 0, (byte)message.Length, .. message];
    }

    [GeneratedRegex(@"finished in \S+, ([\d.]+) req/s")]
    private static partial Regex RequestRate();

    [GeneratedRegex(@"(\d+) succeeded")]
    private static partial Regex Succeeded();

    [GeneratedRegex(@"\((\d+)\) data")]
    private static partial Regex DataBytes();

    private sealed class Target(ChildProcess process)
    {
        public ChildProcess Process => process;

        public double Rate { get; set; }
    }
}
