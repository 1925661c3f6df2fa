namespace MiniGrpc.Conformance.Fuzz.Engine;

/// <summary>
/// Ends the process when one input takes too long, since a loop without an end can't be left in any other way. The input is
/// saved first.
/// </summary>
/// <remarks>Thread-safe: one runner begins and ends, a timer looks.</remarks>
internal sealed class Watchdog : IDisposable
{
    /// <summary>An input takes a millisecond or less, and a connection that gives up on its peer half a minute at the most.</summary>
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(2);

    private readonly Timer _timer;
    private readonly string _directory;
    private Current? _current;

    public Watchdog(string directory)
    {
        _directory = directory;
        _timer = new Timer(_ => Look(), null, TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(10));
    }

    /// <summary>An input is run now.</summary>
    public void Begin(FuzzTarget target, byte[] input) => Volatile.Write(ref _current, new Current(target, input, TimeProvider.System.GetTimestamp()));

    /// <summary>It has come to its end.</summary>
    public void End() => Volatile.Write(ref _current, null);

    public void Dispose() => _timer.Dispose();

    private void Look()
    {
        if (Volatile.Read(ref _current) is { } current && TimeProvider.System.GetElapsedTime(current.Start) > s_limit)
        {
            var finding = new FuzzFinding(current.Target, current.Input, new FuzzException($"The input was still running after {s_limit}."));
            Console.Error.WriteLine(finding.Save(_directory));
            Environment.Exit(3);
        }
    }

    private sealed record Current(FuzzTarget Target, byte[] Input, long Start);
}
