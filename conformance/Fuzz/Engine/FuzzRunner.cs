using System.Diagnostics;

namespace MiniGrpc.Conformance.Fuzz.Engine;

/// <summary>Feeds one target: first with all that is kept for it, then with changes of it, until it is told to stop.</summary>
/// <remarks>Not thread-safe: one target, one runner, one input at a time.</remarks>
internal sealed class FuzzRunner
{
    private readonly FuzzTarget _target;
    private readonly Random _random;
    private readonly List<Corpus.Entry> _kept = [];
    private readonly HashSet<ulong> _seen = [];
    private readonly Watchdog? _watchdog;

    public FuzzRunner(FuzzTarget target, int seed, Watchdog? watchdog = null)
    {
        _target = target;
        _random = new Random(seed);
        _watchdog = watchdog;
    }

    /// <summary>How many inputs were run.</summary>
    public long Runs { get; private set; }

    /// <summary>How many different things have been seen to happen.</summary>
    public int FeatureCount => _seen.Count;

    /// <summary>The inputs that showed something new, in that order; recorded and fixed ones are kept in any case.</summary>
    public IReadOnlyList<Corpus.Entry> Kept => _kept;

    /// <summary>Runs what is kept, and what the target begins with.</summary>
    /// <returns>The first input that broke something, or null.</returns>
    public async Task<FuzzFinding?> ReplayAsync(IEnumerable<Corpus.Entry> entries)
    {
        foreach (Corpus.Entry entry in entries.Concat(_target.Seeds().Select(seed => new Corpus.Entry("seed", seed))))
        {
            if (await TryAsync(entry) is { } finding)
            {
                return finding;
            }
        }

        return null;
    }

    /// <summary>Changes inputs and runs them as long as <paramref name="goOn"/> says so.</summary>
    /// <returns>The first input that broke something, made shorter; or null.</returns>
    public async Task<FuzzFinding?> FuzzAsync(Func<bool> goOn)
    {
        while (goOn())
        {
            byte[] input = _target.Mutate(Pick(), Pick(), _random);
            if (input.Length > _target.MaxLength)
            {
                input = input[.._target.MaxLength];
            }

            if (await TryAsync(new Corpus.Entry("found", input)) is { } finding)
            {
                return await Shortener.ShortenAsync(finding, RunAsync);
            }
        }

        return null;
    }

    private byte[] Pick()
    {
        if (_kept.Count == 0)
        {
            return [];
        }

        // What was found last has been changed least: it gets every second turn.
        int newest = int.Max(0, _kept.Count - 50);
        return _kept[_random.Next(2) == 0 ? _random.Next(_kept.Count) : _random.Next(newest, _kept.Count)].Octets;
    }

    private async Task<FuzzFinding?> TryAsync(Corpus.Entry entry)
    {
        (Features features, FuzzFinding? finding) = await RunAsync(entry.Octets);
        int before = _seen.Count;
        _seen.UnionWith(features.Seen);
        if (_seen.Count > before || !entry.Origin.StartsWith("found", StringComparison.Ordinal))
        {
            _kept.Add(entry);
        }

        return finding;
    }

    private async Task<(Features Features, FuzzFinding? Finding)> RunAsync(byte[] input)
    {
        Runs++;
        var features = new Features();
        _watchdog?.Begin(_target, input);
        try
        {
            await _target.RunAsync(input, features);
            return (features, null);
        }
        catch (Exception e) when (!Debugger.IsAttached)
        {
            return (features, new FuzzFinding(_target, input, e));
        }
        finally
        {
            _watchdog?.End();
        }
    }
}

/// <summary>An input that broke something.</summary>
internal sealed record FuzzFinding(FuzzTarget Target, byte[] Input, Exception Exception)
{
    /// <summary>Writes the input to a file, and answers with what to tell the user.</summary>
    public string Save(string directory)
    {
        string path = Path.Combine(directory, $"fuzz-{Target.Name}-{Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Input))[..12]}.bin");
        File.WriteAllBytes(path, Input);
        return $"""
            {Target.Name}: {Exception}
            Input of {Input.Length} octets: {path}
            Run it again: dotnet run --project conformance/Fuzz -- --target {Target.Name} --replay {path}
            """;
    }
}
