using MiniGrpc.Benchmarks.Compare.Load;
using MiniGrpc.Benchmarks.Compare.Orchestration;
using MiniGrpc.Benchmarks.Compare.Peers;
using MiniGrpc.Benchmarks.Compare.Report;

namespace MiniGrpc.Benchmarks.Compare.Experiments;

/// <summary>
/// A client from its start to its first calls, compiled by the JIT as it goes, or as far ahead as ReadyToRun does: a new process every round, served by one server
/// that is warm.
/// </summary>
internal sealed class ColdClient(bool readyToRun) : IExperiment
{
    public string Name => readyToRun ? "cold-client-r2r" : "cold-client";

    public async Task RunAsync(BenchmarkOptions options, Results results)
    {
        var programs = new Dictionary<string, string>
        {
            [Clients.MiniGrpc] = await ColdStart.MakeAsync("MiniGrpcClient", readyToRun),
            [Clients.GrpcNetClient] = await ColdStart.MakeAsync("GrpcNetClient", readyToRun),
        };
        await using ChildProcess server = await ColdStart.WarmServerAsync(options, results);
        await Rounds.TakeAsync(Name, options.Clients.Select(client => (client, Servers.MiniGrpc)), options, results, async (client, _, round) =>
        {
            await using var started = StartedProgram.Start(options.Cores.Client, options, programs[client], server.Ready.Address!);
            var calls = FirstCalls.Parse(await started.ReadLineAsync());
            results.Add(new Sample(Name, client, Servers.MiniGrpc, round, StartFigures.ClientFirstCall, started.MillisecondsUntil(calls.FirstAnswered)));
            results.Add(new Sample(Name, client, Servers.MiniGrpc, round, StartFigures.ClientAllCalls, started.MillisecondsUntil(calls.AllAnswered)));
            results.Add(new Sample(Name, client, Servers.MiniGrpc, round, StartFigures.ClientAllCallsCpu, calls.Cpu.TotalMilliseconds));
        });
    }
}
