using System.Diagnostics;
using System.Globalization;
using MiniGrpc.Benchmarks.Compare.Control;
using MiniGrpc.Benchmarks.Compare.Orchestration;
using MiniGrpc.Benchmarks.Compare.Probes;
using MiniGrpc.Benchmarks.Compare.Report;

namespace MiniGrpc.Benchmarks.Compare.Experiments;

/// <summary>A server, and a probe that downloads from it through one of the clients.</summary>
internal sealed class Downloads : IAsyncDisposable
{
    private readonly string _client;
    private readonly ChildProcess _server;
    private readonly ChildProcess _probe;
    private readonly TimeSpan _length;

    private Downloads(string client, ChildProcess server, ChildProcess probe, TimeSpan length)
    {
        _client = client;
        _server = server;
        _probe = probe;
        _length = length;
    }

    /// <summary>Gives every pair of client and server its turns; the processes stay, as those of a steady load do.</summary>
    public static async Task CompareAsync(
        string experiment, BenchmarkOptions options, Results results, Func<Downloads, Task<(Figure Figure, double Value)[]>> measure)
    {
        Dictionary<(string, string), Downloads> running = [];
        try
        {
            IEnumerable<(string, string)> pairs = options.Servers.SelectMany(server => options.Clients.Select(client => (client, server)));
            await Rounds.TakeAsync(experiment, pairs, options, results, async (client, server, round) =>
            {
                if (!running.TryGetValue((client, server), out Downloads? downloads))
                {
                    running.Add((client, server), downloads = await StartAsync(client, server, options, results));
                    await WarmUpAsync(options.WarmUp, () => measure(downloads));
                }

                foreach ((Figure figure, double value) in await measure(downloads))
                {
                    results.Add(new Sample(experiment, client, server, round, figure, value));
                }
            });
        }
        finally
        {
            foreach (Downloads downloads in running.Values)
            {
                await downloads.DisposeAsync();
            }
        }
    }

    /// <summary>Opens the streams on a new connection, counts for the length of a measurement, and ends them.</summary>
    public async Task<StreamCounts> CountAsync(int readers, int stalled) => (await _probe.AskForReplyAsync(
        Probe.DownloadsCommand, _server.Ready.Address!, _client, Word(readers), Word(stalled), Word((int)_length.TotalMilliseconds))).Streams!;

    public async ValueTask DisposeAsync()
    {
        await _probe.DisposeAsync();
        await _server.DisposeAsync();
    }

    private static async Task<Downloads> StartAsync(string client, string serverKind, BenchmarkOptions options, Results results)
    {
        ChildProcess server = await ChildProcess.StartAsync(options.Cores.Server, options, "server", "--kind", serverKind);
        try
        {
            ChildProcess probe = await ChildProcess.StartAsync(options.Cores.Client, options, ProbeCommand.Name);
            results.AddProcess("server", server.Ready);
            results.AddProcess("client", probe.Ready);
            return new Downloads(client, server, probe, options.Length);
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    private static async Task WarmUpAsync(TimeSpan atLeast, Func<Task> measure)
    {
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < atLeast)
        {
            await measure();
        }
    }

    private static string Word(int number) => number.ToString(CultureInfo.InvariantCulture);
}
