using System.Runtime.InteropServices;

namespace MiniGrpc.Conformance.Fuzz.Engine;

/// <summary>
/// What a run has shown: hashes of what happened, such as a frame type, a state and an error code together. An input that
/// shows something no input has shown before is kept, and changed further: this is all the guidance there is.
/// </summary>
/// <remarks>The hash is our own (FNV-1a), so that it is the same in every process.</remarks>
internal sealed class Features
{
    private const ulong Basis = 0xcbf29ce484222325;
    private const ulong Prime = 0x100000001b3;

    private readonly HashSet<ulong> _seen = [];
    private ulong _previous;

    /// <summary>The features of the run.</summary>
    public IReadOnlyCollection<ulong> Seen => _seen;

    /// <summary>Notes that something happened, and that it happened after what was noted last.</summary>
    public void Add(string what, long first = 0, long second = 0)
    {
        ulong hash = Basis;
        foreach (char letter in what)
        {
            hash = (hash ^ letter) * Prime;
        }

        hash = Mix(Mix(hash, first), second);
        _seen.Add(hash);
        _seen.Add(Mix(_previous, (long)hash));
        _previous = hash;
    }

    /// <summary>Notes a number by its order of magnitude.</summary>
    public void AddCount(string what, long count) => Add(what, count <= 0 ? count : 1 + long.Log2(count));

    private static ulong Mix(ulong hash, long value)
    {
        foreach (byte octet in MemoryMarshal.AsBytes(new ReadOnlySpan<long>(in value)))
        {
            hash = (hash ^ octet) * Prime;
        }

        return hash;
    }
}
