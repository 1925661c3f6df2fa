using System.Buffers;

namespace MiniGrpc.Conformance.Fuzz.Engine;

/// <summary>Octets in several pieces, as they come from a socket.</summary>
internal sealed class Segments : ReadOnlySequenceSegment<byte>
{
    private Segments(ReadOnlyMemory<byte> memory, Segments? previous)
    {
        Memory = memory;
        if (previous is not null)
        {
            RunningIndex = previous.RunningIndex + previous.Memory.Length;
            previous.Next = this;
        }
    }

    /// <summary>Cuts <paramref name="octets"/> at places that <paramref name="random"/> chooses; empty pieces occur.</summary>
    public static ReadOnlySequence<byte> Cut(byte[] octets, Random random)
    {
        Segments? first = null;
        Segments? last = null;
        int position = 0;
        do
        {
            int length = int.Min(octets.Length - position, random.Next(int.Max(2, octets.Length / 3)));
            last = new Segments(octets.AsMemory(position, length), last);
            first ??= last;
            position += length;
        }
        while (position < octets.Length);
        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }
}
