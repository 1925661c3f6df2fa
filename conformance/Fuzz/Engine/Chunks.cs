using System.Buffers.Binary;

namespace MiniGrpc.Conformance.Fuzz.Engine;

/// <summary>An input of several strings of octets, each behind its length in two octets.</summary>
internal static class Chunks
{
    private const int PrefixSize = 2;

    /// <summary>Puts strings together; longer ones than 65,535 octets are cut.</summary>
    public static byte[] Join(IEnumerable<byte[]> chunks)
    {
        var input = new List<byte>();
        Span<byte> prefix = stackalloc byte[PrefixSize];
        foreach (byte[] chunk in chunks)
        {
            int length = int.Min(chunk.Length, ushort.MaxValue);
            BinaryPrimitives.WriteUInt16BigEndian(prefix, (ushort)length);
            input.AddRange(prefix);
            input.AddRange(chunk.AsSpan(0, length));
        }

        return [.. input];
    }

    /// <summary>Takes them apart; a length that is too large reaches to the end.</summary>
    public static List<byte[]> Split(ReadOnlySpan<byte> input)
    {
        var chunks = new List<byte[]>();
        while (input.Length >= PrefixSize)
        {
            int length = int.Min(BinaryPrimitives.ReadUInt16BigEndian(input), input.Length - PrefixSize);
            chunks.Add(input.Slice(PrefixSize, length).ToArray());
            input = input[(PrefixSize + length)..];
        }

        return chunks;
    }
}
