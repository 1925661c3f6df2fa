using MiniGrpc.Benchmarks.Compare.Control;
using MiniGrpc.Benchmarks.Compare.Orchestration;
using MiniGrpc.Benchmarks.Compare.Report;

namespace MiniGrpc.Benchmarks.Compare.Experiments;

/// <summary>What the experiments bring in.</summary>
internal sealed class Results
{
    private readonly List<Sample> _samples = [];
    private readonly List<string> _notes = [];
    private readonly List<string> _failures = [];
    private readonly List<string> _processes = [];
    private readonly Dictionary<string, List<string>> _unsettled = [];

    public IReadOnlyList<Sample> Samples => _samples;

    /// <summary>What was left out, and why.</summary>
    public IEnumerable<string> Notes =>
    [
        .. _notes,
        .. _unsettled.Select(work => $"{work.Key}: the JIT was still compiling when the warm-up was given up ({string.Join("; ", work.Value)})."),
    ];

    /// <summary>What went wrong.</summary>
    public IReadOnlyList<string> Failures => _failures;

    /// <summary>The processes that were measured, each kind of surroundings once.</summary>
    public IReadOnlyList<string> Processes => _processes;

    public void Add(Sample sample) => _samples.Add(sample);

    public void Note(string note) => _notes.Add(note);

    /// <summary>The JIT had not come to rest when the measurement began.</summary>
    public void NoteUnsettled(string experiment, string who)
    {
        if (!_unsettled.TryGetValue(experiment, out List<string>? pairs))
        {
            _unsettled.Add(experiment, pairs = []);
        }

        pairs.Add(who);
    }

    public void AddProcess(string role, Ready ready)
    {
        string line = $"{role} {ready.Peer}: {ready.Runtime}, cores {ready.Cores}, {ready.ProcessorCount} seen by the runtime, GC {ready.GarbageCollector}{(ready.PoolSpins is { } spins ? $", pool spins 0x{spins}" : "")}";
        if (!_processes.Contains(line))
        {
            _processes.Add(line);
        }
    }

    /// <summary>Says on the error output how far things are; the standard output holds the outcome alone.</summary>
    public static void Progress(string what) => Console.Error.WriteLine(what);

    /// <summary>Makes a measurement. If it fails, that is an outcome too; the others go on.</summary>
    public Task TryAsync(string experiment, string client, string server, Func<Task> measurement) =>
        TryAsync($"{experiment}, {client} to {server}", measurement);

    /// <summary>The same for a whole experiment, which may fail before it measures anything.</summary>
    public async Task TryAsync(string what, Func<Task> measurement)
    {
        try
        {
            await measurement();
        }
        catch (BenchmarkException exception)
        {
            _failures.Add($"{what}: {exception.Message}");
            Progress(_failures[^1]);
        }
    }
}
