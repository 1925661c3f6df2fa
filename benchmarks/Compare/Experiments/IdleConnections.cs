using System.Globalization;
using MiniGrpc.Benchmarks.Compare.Control;
using MiniGrpc.Benchmarks.Compare.Orchestration;
using MiniGrpc.Benchmarks.Compare.Peers;
using MiniGrpc.Benchmarks.Compare.Probes;
using MiniGrpc.Benchmarks.Compare.Report;

namespace MiniGrpc.Benchmarks.Compare.Experiments;

/// <summary>
/// What a connection costs a server that has made one call and is idle since: the server's memory with many of them, less that
/// with a few, after a collection each time.
/// </summary>
internal sealed class IdleConnections : IExperiment
{
    private const int Wanted = 10_000;
    private const int Step = 1000;

    // What the first connections bring about is there once, and not for each of them.
    private const int Few = 100;

    // Servers let go of some things only when no call has come for a while.
    private static readonly TimeSpan s_idle = TimeSpan.FromSeconds(12);

    public string Name => "idle-connections";

    public async Task RunAsync(BenchmarkOptions options, Results results)
    {
        int count = OpenFiles.AllowFor(Wanted) / Step * Step;
        results.Note(string.Create(CultureInfo.InvariantCulture, $"{Name}: {count:#,0} connections; a process may have {OpenFiles.Limit()} files open."));
        if (count == 0)
        {
            return;
        }

        await Rounds.TakeAsync(Name, options.Servers.Select(server => (Clients.MiniGrpc, server)), options, results, async (client, server, round) =>
        {
            await using ChildProcess process = await ChildProcess.StartAsync(options.Cores.Server, options, "server", "--kind", server);
            await using ChildProcess probe = await ChildProcess.StartAsync(options.Cores.Client, options, ProbeCommand.Name);
            results.AddProcess("server", process.Ready);
            await HoldAsync(probe, process, Few);
            MemoryUse before = await ReadAsync(process);
            for (int held = 0; held < count; held += Step)
            {
                await HoldAsync(probe, process, Step);
            }

            await Task.Delay(s_idle);
            MemoryUse after = await ReadAsync(process);
            Add(SharingFigures.HeapPerConnection, after.HeapBytes - before.HeapBytes);
            Add(SharingFigures.ResidentPerConnection, after.ResidentBytes - before.ResidentBytes);

            void Add(Figure figure, double bytes) => results.Add(new Sample(Name, client, server, round, figure, bytes / count));
        });
    }

    private static Task HoldAsync(ChildProcess probe, ChildProcess server, int more) =>
        probe.AskForReplyAsync(Probe.HoldCommand, server.Ready.Address!, more.ToString(CultureInfo.InvariantCulture));

    private static async Task<MemoryUse> ReadAsync(ChildProcess server) => (await server.AskForReplyAsync(Command.Memory)).Memory!;
}
