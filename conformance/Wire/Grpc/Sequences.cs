using System.Buffers;

namespace MiniGrpc.Conformance.Wire.GrpcProtocol;

/// <summary>Makes sequences of many segments, as a pipe delivers them.</summary>
internal static class Sequences
{
    public static ReadOnlySequence<byte> Cut(byte[] bytes, params IEnumerable<int> cuts)
    {
        Segment? first = null;
        Segment? last = null;
        int start = 0;
        foreach (int cut in cuts.Select(c => Math.Min(c, bytes.Length)).Append(bytes.Length).Order())
        {
            last = new Segment(bytes.AsMemory(start..cut), last);
            first ??= last;
            start = cut;
        }

        return new ReadOnlySequence<byte>(first!, 0, last!, last!.Memory.Length);
    }

    public static ReadOnlySequence<byte> OctetByOctet(byte[] bytes) => Cut(bytes, Enumerable.Range(0, bytes.Length));

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, Segment? previous)
        {
            Memory = memory;
            if (previous is not null)
            {
                RunningIndex = previous.RunningIndex + previous.Memory.Length;
                previous.Next = this;
            }
        }
    }
}
