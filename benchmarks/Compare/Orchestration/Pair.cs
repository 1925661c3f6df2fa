using System.Globalization;
using MiniGrpc.Benchmarks.Compare.Control;
using MiniGrpc.Benchmarks.Compare.Experiments;

namespace MiniGrpc.Benchmarks.Compare.Orchestration;

/// <summary>A server process, a client process, and one load between them.</summary>
internal sealed class Pair : IAsyncDisposable
{
    // Time for the pool to wake its threads and for the flow of calls to become even.
    private static readonly TimeSpan s_runUp = TimeSpan.FromMilliseconds(200);

    private readonly ChildProcess _server;
    private readonly ChildProcess _client;

    private Pair(ChildProcess server, ChildProcess client)
    {
        _server = server;
        _client = client;
    }

    /// <summary>Starts both and warms them up.</summary>
    public static async Task<Pair> StartAsync(string clientKind, string serverKind, Scenario scenario, BenchmarkOptions options, Results results)
    {
        string[] tls = scenario.Tls ? ["--tls"] : [];
        ChildProcess server = await ChildProcess.StartAsync(options.Cores.Server, options, ["server", "--kind", serverKind, .. tls]);
        ChildProcess? client = null;
        try
        {
            client = await ChildProcess.StartAsync(options.Cores.Client, options, ClientArguments(clientKind, scenario, server.Ready));
            var pair = new Pair(server, client);
            results.AddProcess("server", server.Ready);
            results.AddProcess("client", client.Ready);

            if (!await Settling.RunAsync(options.WarmUp, options.Settle, pair.CompiledMethodsAsync))
            {
                results.Note($"{scenario.Name}, {clientKind} to {serverKind}: the JIT was still compiling when the warm-up was given up.");
            }

            return pair;
        }
        catch
        {
            await server.DisposeAsync();
            await (client?.DisposeAsync() ?? ValueTask.CompletedTask);
            throw;
        }
    }

    /// <summary>
    /// Loads the pair for <paramref name="length"/> and a little more on either side: the window begins when the load is under
    /// way and ends before it does, so that neither the start nor the last calls count.
    /// </summary>
    public async Task<(Window Client, Window Server)> MeasureAsync(TimeSpan length)
    {
        await _client.AskAsync(Command.Start);
        await Task.Delay(s_runUp);
        await _server.AskAsync(Command.Begin);
        await _client.AskAsync(Command.Begin);
        await Task.Delay(length);
        Window? client = await _client.AskAsync(Command.End);
        Window? server = await _server.AskAsync(Command.End);
        await _client.AskAsync(Command.Stop);
        return (client!, server!);
    }

    public async ValueTask DisposeAsync()
    {
        await _client.DisposeAsync();
        await _server.DisposeAsync();
    }

    private static string[] ClientArguments(string kind, Scenario scenario, Ready server)
    {
        string[] trust = server.Certificate is null ? [] : ["--trust", server.Certificate];
        return
        [
            "client",
            "--kind", kind,
            "--work", scenario.Work,
            "--in-flight", scenario.InFlight.ToString(CultureInfo.InvariantCulture),
            "--connections", scenario.Connections.ToString(CultureInfo.InvariantCulture),
            "--payload", scenario.Payload.ToString(CultureInfo.InvariantCulture),
            "--address", server.Address!,
            .. trust,
        ];
    }

    /// <summary>A measurement whose outcome is thrown away, so that the code that measures is warm, too.</summary>
    private async Task<long> CompiledMethodsAsync(TimeSpan length)
    {
        (Window client, Window server) = await MeasureAsync(length);
        return client.CompiledMethods + server.CompiledMethods;
    }
}
