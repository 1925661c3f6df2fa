using MiniGrpc.Benchmarks.Compare.Control;
using MiniGrpc.Benchmarks.Compare.Orchestration;
using MiniGrpc.Benchmarks.Compare.Report;

namespace MiniGrpc.Benchmarks.Compare.Experiments;

/// <summary>A load and its size.</summary>
internal sealed record Scenario
{
    public required string Name { get; init; }

    public required string Work { get; init; }

    /// <summary>Calls at once, all on one connection.</summary>
    public required int InFlight { get; init; }

    /// <summary>Bytes in a message's payload.</summary>
    public int Payload { get; init; } = 16;
}

/// <summary>
/// One scenario between each client and each server. The matrix is what makes it fair: a client is compared with the other
/// client at the same server, a server with the other server under the same client, and never a pair with a pair alone.
/// </summary>
internal sealed class SteadyLoad(Scenario scenario) : IExperiment
{
    public string Name => scenario.Name;

    public async Task RunAsync(BenchmarkOptions options, Results results)
    {
        var order = new List<(string Client, string Server)>();
        foreach (string server in options.Servers)
        {
            order.AddRange(options.Clients.Select(client => (client, server)));
        }

        Dictionary<(string, string), Pair> running = [];
        try
        {
            for (int round = 1; round <= options.Rounds; round++)
            {
                Results.Progress($"{Name}, round {round} of {options.Rounds}");
                foreach ((string client, string server) in order)
                {
                    await results.TryAsync(Name, client, server, () => TakeTurnAsync(client, server, round, running, options, results));
                }

                // Back and forth, so that a machine that grows slower or faster over a round favours nobody.
                order.Reverse();
            }
        }
        finally
        {
            foreach (Pair pair in running.Values)
            {
                await pair.DisposeAsync();
            }
        }
    }

    /// <summary>Pairs that wait for their turn are idle, and stay warm.</summary>
    private async Task TakeTurnAsync(
        string client, string server, int round, Dictionary<(string, string), Pair> running, BenchmarkOptions options, Results results)
    {
        if (!running.TryGetValue((client, server), out Pair? pair))
        {
            pair = await Pair.StartAsync(client, server, scenario, options, results);
            running.Add((client, server), pair);
        }

        try
        {
            (Window ofClient, Window ofServer) = await pair.MeasureAsync(options.Length);
            foreach ((Figure figure, double value) in Figures(ofClient, ofServer))
            {
                results.Add(new Sample(Name, client, server, round, figure, value));
            }
        }
        catch
        {
            await DropAsync();
            throw;
        }

        if (options.Fresh)
        {
            await DropAsync();
        }

        async Task DropAsync()
        {
            running.Remove((client, server));
            await pair.DisposeAsync();
        }
    }

    private static IEnumerable<(Figure Figure, double Value)> Figures(Window client, Window server)
    {
        double operations = client.Operations;
        if (operations == 0)
        {
            throw new BenchmarkException("No call ended within the window.");
        }

        yield return (Figure.Rate, operations / client.Seconds);
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
        if (client.P50Microseconds is double p50 && client.P99Microseconds is double p99)
        {
            yield return (Figure.P50, p50);
            yield return (Figure.P99, p99);
        }
    }
}
