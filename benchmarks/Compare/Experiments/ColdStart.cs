using System.Diagnostics;
using MiniGrpc.Benchmarks.Compare.Orchestration;
using MiniGrpc.Benchmarks.Compare.Peers;
using MiniGrpc.Benchmarks.Compare.Probes;

namespace MiniGrpc.Benchmarks.Compare.Experiments;

/// <summary>The warm side of the experiments with a cold one: the same process for all that is measured.</summary>
internal static class ColdStart
{
    /// <summary>A client; the server that warmed it is gone.</summary>
    public static Task<ChildProcess> WarmProbeAsync(BenchmarkOptions options, Results results) => WarmAsync(options, results, keepProbe: true);

    /// <summary>A MiniGrpc server; the client that warmed it is gone.</summary>
    public static Task<ChildProcess> WarmServerAsync(BenchmarkOptions options, Results results) => WarmAsync(options, results, keepProbe: false);

    /// <returns>The file of the program that is started cold.</returns>
    public static Task<string> MakeAsync(string name, bool readyToRun)
    {
        var program = new StartupProgram(name);
        return readyToRun ? program.PublishReadyToRunAsync() : program.BuildAsync();
    }

    private static async Task<ChildProcess> WarmAsync(BenchmarkOptions options, Results results, bool keepProbe)
    {
        ChildProcess server = await ChildProcess.StartAsync(options.Cores.Server, options, "server", "--kind", Servers.MiniGrpc);
        ChildProcess? probe = null;
        bool warm = false;
        try
        {
            probe = await ChildProcess.StartAsync(options.Cores.Client, options, ProbeCommand.Name);
            long start = Stopwatch.GetTimestamp();
            while (Stopwatch.GetElapsedTime(start) < options.WarmUp)
            {
                await probe.AskForReplyAsync(Probe.FirstCallsCommand, server.Ready.Address!);
            }

            results.AddProcess(keepProbe ? "warm client" : "warm server", keepProbe ? probe.Ready : server.Ready);
            warm = true;
            return keepProbe ? probe : server;
        }
        finally
        {
            if (!warm || keepProbe)
            {
                await server.DisposeAsync();
            }

            if (probe is not null && (!warm || !keepProbe))
            {
                await probe.DisposeAsync();
            }
        }
    }
}
