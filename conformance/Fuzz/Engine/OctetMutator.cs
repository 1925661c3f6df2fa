using System.Buffers.Binary;

namespace MiniGrpc.Conformance.Fuzz.Engine;

/// <summary>Changes octets without knowing what they mean.</summary>
internal static class OctetMutator
{
    /// <summary>Values at which lengths and prefixes turn.</summary>
    private static readonly byte[] s_edges = [0, 1, 2, 0x0f, 0x10, 0x1f, 0x20, 0x3f, 0x40, 0x7e, 0x7f, 0x80, 0x81, 0xbe, 0xfe, 0xff];

    private static readonly uint[] s_numbers =
        [0, 1, 255, 256, 16_383, 16_384, 16_385, 65_535, 65_536, 0x00ff_ffff, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff];

    /// <summary>A few changes, one on top of the other.</summary>
    public static byte[] Mutate(byte[] input, byte[] other, Random random)
    {
        var octets = new List<byte>(input);
        int changes = 1 + random.Next(4);
        for (int i = 0; i < changes; i++)
        {
            Change(octets, other, random);
        }

        return [.. octets];
    }

    private static void Change(List<byte> octets, byte[] other, Random random)
    {
        int at = random.Next(octets.Count + 1);
        int count = int.Min(octets.Count - at, 1 + random.Next(random.Next(2) == 0 ? 4 : 64));
        switch (random.Next(9))
        {
            case 0 when at < octets.Count:
                octets[at] ^= (byte)(1 << random.Next(8));
                break;
            case 1 when at < octets.Count:
                octets[at] = s_edges[random.Next(s_edges.Length)];
                break;
            case 2 when at < octets.Count:
                octets[at] = (byte)random.Next(256);
                break;
            case 3:
                octets.RemoveRange(at, count);
                break;
            case 4:
                octets.InsertRange(at, octets.GetRange(at, count));
                break;
            case 5 when other.Length > 0:
                int from = random.Next(other.Length);
                octets.InsertRange(at, other.AsSpan(from, int.Min(other.Length - from, 1 + random.Next(64))).ToArray());
                break;
            case 6:
                WriteNumber(octets, at, s_numbers[random.Next(s_numbers.Length)]);
                break;
            case 7:
                octets.RemoveRange(at, octets.Count - at);
                break;
            default:
                octets.Insert(at, s_edges[random.Next(s_edges.Length)]);
                break;
        }
    }

    private static void WriteNumber(List<byte> octets, int at, uint number)
    {
        Span<byte> four = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(four, number);
        for (int i = 0; i < four.Length && at + i < octets.Count; i++)
        {
            octets[at + i] = four[i];
        }
    }
}
