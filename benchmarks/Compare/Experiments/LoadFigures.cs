using MiniGrpc.Benchmarks.Compare.Control;
using MiniGrpc.Benchmarks.Compare.Orchestration;
using MiniGrpc.Benchmarks.Compare.Report;

namespace MiniGrpc.Benchmarks.Compare.Experiments;

/// <summary>What the two accounts of a window say about a load.</summary>
internal static class LoadFigures
{
    // Below this a message is mostly what surrounds it, and the number of messages says more than their bytes.
    private const int LargePayload = 1024;

    public static IEnumerable<(Figure Figure, double Value)> Of(Scenario scenario, Window client, Window server)
    {
        double operations = client.Operations;
        if (operations == 0)
        {
            throw new BenchmarkException("No operation ended within the window.");
        }

        yield return (Figure.Rate, operations / client.Seconds);
        if (scenario.Payload >= LargePayload)
        {
            yield return (Figure.Throughput, operations * scenario.Payload / client.Seconds / 1e6);
        }

        yield return (Figure.P50, client.P50Microseconds!.Value);
        yield return (Figure.P99, client.P99Microseconds!.Value);
        yield return (Figure.P999, client.P999Microseconds!.Value);
        yield return (Figure.ClientCpu, client.CpuSeconds * 1e6 / operations);
        yield return (Figure.ClientBusy, 100 * client.CpuSeconds / client.Seconds);
        yield return (Figure.ClientAllocated, client.AllocatedBytes / operations);
        yield return (Figure.ClientPeak, client.PeakResidentBytes / 1e6);
        yield return (Figure.ClientCompiled, client.CompiledMethods);
        yield return (Figure.ServerCpu, server.CpuSeconds * 1e6 / operations);
        yield return (Figure.ServerBusy, 100 * server.CpuSeconds / server.Seconds);
        yield return (Figure.ServerAllocated, server.AllocatedBytes / operations);
        yield return (Figure.ServerPeak, server.PeakResidentBytes / 1e6);
        yield return (Figure.ServerCompiled, server.CompiledMethods);
    }
}
