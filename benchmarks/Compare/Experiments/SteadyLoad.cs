using MiniGrpc.Benchmarks.Compare.Control;
using MiniGrpc.Benchmarks.Compare.Orchestration;
using MiniGrpc.Benchmarks.Compare.Peers;
using MiniGrpc.Benchmarks.Compare.Report;

namespace MiniGrpc.Benchmarks.Compare.Experiments;

/// <summary>
/// One scenario between each client and each server. The matrix is what makes it fair: a client is compared with the other
/// client at the same server, a server with the other server under the same client, and never a pair with a pair alone.
/// </summary>
internal sealed class SteadyLoad(Scenario scenario) : IExperiment
{
    public string Name => scenario.Name;

    public async Task RunAsync(BenchmarkOptions options, Results results)
    {
        List<(string Client, string Server)> order = Pairs(options);
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

    public TimeSpan Estimate(BenchmarkOptions options) => Pairs(options).Count * Turns.Estimate(options);

    private List<(string Client, string Server)> Pairs(BenchmarkOptions options)
    {
        IReadOnlyList<string> clients = scenario.Replayed ? [Clients.Replay] : options.Clients;
        List<(string, string)> pairs = [.. options.Servers.SelectMany(server => clients.Select(client => (client, server)))];
        if (scenario.WithLimit)
        {
            pairs.Add((Clients.Socket, Servers.Socket));
        }

        return pairs;
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
            foreach ((Figure figure, double value) in LoadFigures.Of(scenario, ofClient, ofServer))
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
}
