using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace MiniGrpc.Conformance.Simulator;

/// <summary>
/// The content of every message follows from its call, its direction and its number, so a receiver knows what it must be:
/// lost, doubled, swapped and damaged messages all show.
/// </summary>
internal static class Payload
{
    /// <summary>The message's octets.</summary>
    public static byte[] Make(ulong key, int number, int length)
    {
        byte[] octets = new byte[length];
        Fill(Key(key, number), octets);
        return octets;
    }

    /// <summary>Whether these are the message's octets.</summary>
    public static bool Matches(ReadOnlySpan<byte> octets, ulong key, int number, int length)
    {
        if (octets.Length != length)
        {
            return false;
        }

        ulong state = Key(key, number);
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(octets);
        foreach (ulong word in words)
        {
            if (word != (state = Next(state)))
            {
                return false;
            }
        }

        Span<byte> rest = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(rest, Next(state));
        return octets[(words.Length * sizeof(ulong))..].SequenceEqual(rest[..(octets.Length % sizeof(ulong))]);
    }

    private static void Fill(ulong state, Span<byte> octets)
    {
        Span<ulong> words = MemoryMarshal.Cast<byte, ulong>(octets);
        foreach (ref ulong word in words)
        {
            word = state = Next(state);
        }

        Span<byte> rest = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(rest, Next(state));
        rest[..(octets.Length % sizeof(ulong))].CopyTo(octets[(words.Length * sizeof(ulong))..]);
    }

    private static ulong Key(ulong key, int number) => SimRandom.Mix(key ^ (ulong)number);

    private static ulong Next(ulong state) => (state * 0x5851f42d4c957f2d) + 0x14057b7ef767814f;
}
