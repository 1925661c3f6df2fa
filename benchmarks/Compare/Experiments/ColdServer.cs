using System.Globalization;
using MiniGrpc.Benchmarks.Compare.Load;
using MiniGrpc.Benchmarks.Compare.Orchestration;
using MiniGrpc.Benchmarks.Compare.Peers;
using MiniGrpc.Benchmarks.Compare.Probes;
using MiniGrpc.Benchmarks.Compare.Report;

namespace MiniGrpc.Benchmarks.Compare.Experiments;

/// <summary>
/// A server from its start to its first calls, compiled by the JIT as it goes, or as far ahead as ReadyToRun does: a new process every round, called by one client
/// that is warm.
/// </summary>
internal sealed class ColdServer(bool readyToRun) : IExperiment
{
    public string Name => readyToRun ? "cold-server-r2r" : "cold-server";

    public async Task RunAsync(BenchmarkOptions options, Results results)
    {
        var programs = new Dictionary<string, string>
        {
            [Servers.MiniGrpc] = await ColdStart.MakeAsync("MiniGrpcServer", readyToRun),
            [Servers.Kestrel] = await ColdStart.MakeAsync("KestrelServer", readyToRun),
        };
        await using ChildProcess probe = await ColdStart.WarmProbeAsync(options, results);
        await Rounds.TakeAsync(Name, options.Servers.Select(server => (Clients.MiniGrpc, server)), options, results, async (client, server, round) =>
        {
            string port = StartedProgram.FreePort().ToString(CultureInfo.InvariantCulture);
            await using var started = StartedProgram.Start(options.Cores.Server, options, programs[server], port);
            FirstCalls calls = (await probe.AskForReplyAsync(Probe.FirstCallsCommand, $"http://127.0.0.1:{port}")).FirstCalls!;
            TimeSpan cpu = started.Cpu;
            results.Add(new Sample(Name, client, server, round, StartFigures.ServerFirstCall, started.MillisecondsUntil(calls.FirstAnswered)));
            results.Add(new Sample(Name, client, server, round, StartFigures.ServerAllCalls, started.MillisecondsUntil(calls.AllAnswered)));
            results.Add(new Sample(Name, client, server, round, StartFigures.ServerAllCallsCpu, cpu.TotalMilliseconds));
        });
    }
}
