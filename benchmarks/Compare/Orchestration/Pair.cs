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
    private readonly ChildProcess? _path;
    private readonly ChildProcess _client;

    private Pair(ChildProcess server, ChildProcess? path, ChildProcess client)
    {
        _server = server;
        _path = path;
        _client = client;
    }

    /// <summary>Starts both and warms them up.</summary>
    public static async Task<Pair> StartAsync(string clientKind, string serverKind, Scenario scenario, BenchmarkOptions options, Results results)
    {
        string[] tls = scenario.Tls ? ["--tls"] : [];
        ChildProcess server = await ChildProcess.StartAsync(options.Cores.Server, options, ["server", "--kind", serverKind, .. tls]);
        ChildProcess? path = null;
        ChildProcess? client = null;
        try
        {
            path = scenario.RoundTrip == 0 ? null : await StartPathAsync(scenario, options, server);
            Ready near = server.Ready with { Address = path?.Ready.Address ?? server.Ready.Address };
            client = await ChildProcess.StartAsync(options.Cores.Client, options, ClientArguments(clientKind, scenario, near));
            var pair = new Pair(server, path, client);
            results.AddProcess("server", server.Ready);
            results.AddProcess("client", client.Ready);

            if (!await Settling.RunAsync(options.WarmUp, options.Settle, pair.CompiledMethodsAsync))
            {
                results.NoteUnsettled(scenario.Name, $"{clientKind} to {serverKind}");
            }

            return pair;
        }
        catch
        {
            await server.DisposeAsync();
            await (path?.DisposeAsync() ?? ValueTask.CompletedTask);
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
        await (_path?.DisposeAsync() ?? ValueTask.CompletedTask);
        await _server.DisposeAsync();
    }

    /// <summary>On no core of its own: it takes what the two leave.</summary>
    private static Task<ChildProcess> StartPathAsync(Scenario scenario, BenchmarkOptions options, ChildProcess server) => ChildProcess.StartAsync(
        null, options, RoleCommands.PathName, "--address", server.Ready.Address!, "--round-trip", scenario.RoundTrip.ToString(CultureInfo.InvariantCulture));

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
