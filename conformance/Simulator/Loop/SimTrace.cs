using System.Globalization;

namespace MiniGrpc.Conformance.Simulator;

/// <summary>
/// What happened in a run, in order: as a number that two runs of one seed must have in common, and on demand as text.
/// </summary>
internal sealed class SimTrace(bool keepsLines)
{
    private readonly List<string> _lines = [];
    private ulong _hash = 0xcbf29ce484222325;

    /// <summary>Whether text is kept. It must make no difference to what happens.</summary>
    public bool KeepsLines => keepsLines;

    /// <summary>The number.</summary>
    public ulong Hash => _hash;

    /// <summary>How many events there were.</summary>
    public long Count { get; private set; }

    /// <summary>The text.</summary>
    public IReadOnlyList<string> Lines => _lines;

    /// <summary>Notes an event that belongs to the run.</summary>
    public void Add(long ticks, string what, long first = 0, long second = 0)
    {
        Count++;
        ulong hash = _hash ^ (ulong)ticks;
        foreach (char letter in what)
        {
            hash = (hash ^ letter) * 0x100000001b3;
        }

        _hash = SimRandom.Mix(hash ^ ((ulong)first << 32) ^ (ulong)second);
        if (keepsLines)
        {
            AddLine(ticks, $"{what} {first} {second}");
        }
    }

    /// <summary>Adds text that explains; it is no event.</summary>
    public void AddLine(long ticks, string text) => _lines.Add(string.Create(
        CultureInfo.InvariantCulture, $"{(double)ticks / TimeSpan.TicksPerMillisecond,12:0.0000} ms  {text}"));
}
