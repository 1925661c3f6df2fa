using MiniGrpc.Benchmarks.Compare.Orchestration;

namespace MiniGrpc.Benchmarks.Compare.Experiments;

/// <summary>The order in which the sides are measured.</summary>
internal static class Rounds
{
    /// <summary>
    /// Each pair once a round, back and forth, so that a machine that grows slower or faster over a round favours nobody.
    /// </summary>
    public static async Task TakeAsync(
        string experiment, IEnumerable<(string Client, string Server)> pairs, BenchmarkOptions options, Results results, Func<string, string, int, Task> turn)
    {
        List<(string Client, string Server)> order = [.. pairs];
        for (int round = 1; round <= options.Rounds; round++)
        {
            Results.Progress($"{experiment}, round {round} of {options.Rounds}");
            foreach ((string client, string server) in order)
            {
                await results.TryAsync(experiment, client, server, () => turn(client, server, round));
            }

            order.Reverse();
        }
    }
}
