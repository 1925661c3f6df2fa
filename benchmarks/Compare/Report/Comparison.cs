using MiniGrpc.Benchmarks.Compare.Peers;

namespace MiniGrpc.Benchmarks.Compare.Report;

/// <summary>One row of the table: a figure of MiniGrpc and of its peer, with everything else the same.</summary>
/// <param name="Experiment">What ran.</param>
/// <param name="Measured">Which side is compared.</param>
/// <param name="Against">What the other side is: the same for both.</param>
/// <param name="Figure">What is compared.</param>
/// <param name="Ours">MiniGrpc's.</param>
/// <param name="Theirs">The peer's.</param>
/// <param name="Ratio">MiniGrpc to peer, each round for itself: what a round does to both cancels out. Null for figures without a better.</param>
internal sealed record Comparison(string Experiment, Side Measured, string Against, Figure Figure, Spread Ours, Spread Theirs, Spread? Ratio)
{
    /// <summary>What stands in <see cref="Against"/> where the peer is no gRPC: bare sockets, or TLS on them.</summary>
    public const string Limit = "peer: sockets";

    /// <summary>Every comparison that the samples allow.</summary>
    public static IEnumerable<Comparison> All(IReadOnlyList<Sample> samples)
    {
        foreach (IGrouping<string, Sample> experiment in samples.GroupBy(sample => sample.Experiment))
        {
            IEnumerable<Comparison> rows =
            [
                .. Servers.Kinds.SelectMany(server => Rows([.. experiment], Side.Client, server, (Clients.MiniGrpc, server), (Clients.GrpcNetClient, server))),
                .. experiment.Select(sample => sample.Client).Distinct()
                    .SelectMany(client => Rows([.. experiment], Side.Server, client, (client, Servers.MiniGrpc), (client, Servers.Kestrel))),
                .. Rows([.. experiment], Side.Server, Limit, (Clients.MiniGrpc, Servers.MiniGrpc), (Clients.MiniGrpc, Servers.Socket)),
                .. Rows([.. experiment], Side.Pair, "", (Clients.MiniGrpc, Servers.MiniGrpc), (Clients.GrpcNetClient, Servers.Kestrel)),
                .. Rows([.. experiment], Side.Pair, Limit, (Clients.MiniGrpc, Servers.MiniGrpc), (Clients.Socket, Servers.Socket)),
            ];
            foreach (Comparison row in rows)
            {
                yield return row;
            }
        }
    }

    /// <summary>Works whose names begin with the same word are shown together.</summary>
    public string Group => Experiment.Split('-')[0];

    private static IEnumerable<Comparison> Rows(
        List<Sample> samples, Side measured, string against, (string Client, string Server) ours, (string Client, string Server) theirs)
    {
        foreach (Figure figure in Figure.All.Where(figure => figure.Side == measured || figure.Side == Side.Pair))
        {
            Dictionary<int, double> mine = ByRound(samples, figure, ours);
            Dictionary<int, double> peers = ByRound(samples, figure, theirs);
            List<double> ratios = [.. mine.Where(own => peers.GetValueOrDefault(own.Key) > 0).Select(own => own.Value / peers[own.Key])];
            if (mine.Count > 0 && peers.Count > 0)
            {
                Spread? ratio = figure.Better == Better.Neither || ratios.Count == 0 ? null : Spread.Of(ratios);
                yield return new Comparison(samples[0].Experiment, measured, against, figure, Spread.Of(mine.Values), Spread.Of(peers.Values), ratio);
            }
        }
    }

    private static Dictionary<int, double> ByRound(List<Sample> samples, Figure figure, (string Client, string Server) pair) => samples
        .Where(sample => sample.Figure == figure && sample.Client == pair.Client && sample.Server == pair.Server)
        .ToDictionary(sample => sample.Round, sample => sample.Value);
}
