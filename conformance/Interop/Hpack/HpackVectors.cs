using System.Text;

namespace MiniGrpc.Conformance.Interop.Hpack;

/// <summary>Header blocks made at random, the same for the same seed: fields that come again and fields that don't, and tables that change.</summary>
internal static class HpackVectors
{
    private static readonly string[] s_names =
        [":method", ":path", ":status", "content-type", "grpc-status", "grpc-timeout", "te", "user-agent", "x", "x-trace-id", "authorization", "data-bin"];

    private static readonly string[] s_values = ["POST", "GET", "/", "/index.html", "200", "404", "application/grpc", "0", "trailers", "", "1S"];

    private static readonly uint[] s_sizes = [0, 33, 64, 200, 1000, 4096, 16_384];

    /// <summary>So many blocks. A size that goes down and up again is there too, which takes two size updates (RFC 7541 section 4.2).</summary>
    public static Step[] Steps(int seed, int count)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => new Step(Sizes(random), [.. Enumerable.Range(0, 1 + random.Next(8)).Select(_ => AnyField(random))]))];
    }

    /// <summary>Changes up to three octets.</summary>
    public static void Damage(byte[] block, Random random)
    {
        for (int i = 1 + random.Next(3); i > 0 && block.Length > 0; i--)
        {
            block[random.Next(block.Length)] = (byte)random.Next(256);
        }
    }

    private static uint[] Sizes(Random random) => random.Next(12) switch
    {
        0 => [s_sizes[random.Next(s_sizes.Length)]],
        1 => [s_sizes[random.Next(3)], s_sizes[3 + random.Next(4)]],
        _ => [],
    };

    private static Field AnyField(Random random)
    {
        byte[] name = Encoding.Latin1.GetBytes(random.Next(4) > 0 ? s_names[random.Next(s_names.Length)] : "n" + random.Next(30));
        byte[] value;
        switch (random.Next(4))
        {
            case 0:
                value = new byte[random.Next(random.Next(10) == 0 ? 600 : 40)];
                random.NextBytes(value);
                break;
            case 1:
                value = Encoding.Latin1.GetBytes(new string((char)('a' + random.Next(26)), random.Next(100)));
                break;
            default:
                value = Encoding.Latin1.GetBytes(s_values[random.Next(s_values.Length)]);
                break;
        }

        return new Field(name, value, NeverIndexed: random.Next(10) == 0);
    }
}
