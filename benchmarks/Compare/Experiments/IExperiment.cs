using MiniGrpc.Benchmarks.Compare.Orchestration;

namespace MiniGrpc.Benchmarks.Compare.Experiments;

/// <summary>
/// Something that can be measured. It turns into samples, and whatever has samples of both sides gets its rows in the table;
/// so a new experiment needs a class and a line in <see cref="Catalogue"/>, and nothing else changes.
/// </summary>
internal interface IExperiment
{
    /// <summary>Its name on the command line and in the table.</summary>
    string Name { get; }

    /// <summary>How long it will take, by and large; zero for what is over in no time.</summary>
    TimeSpan Estimate(BenchmarkOptions options) => TimeSpan.Zero;

    Task RunAsync(BenchmarkOptions options, Results results);
}
