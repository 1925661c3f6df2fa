using System.Buffers.Binary;
using System.Numerics;

namespace MiniGrpc.Wire.Hpack;

/// <summary>
/// The hash by which the encoder looks names and values up: eight octets a step.
/// </summary>
/// <remarks>
/// It is fixed, not seeded. Whoever provokes collisions lengthens a chain to at most the entries of one table (128 at
/// the default size of 4096), of which one integer each is compared.
/// </remarks>
internal static class OctetHash
{
    private const ulong Multiplier = 0x9e3779b97f4a7c15; // 2^64 divided by the golden ratio: spreads neighbouring numbers

    public static uint Of(ReadOnlySpan<byte> octets)
    {
        ulong hash = (ulong)octets.Length;
        while (octets.Length >= sizeof(ulong))
        {
            hash = Mix(hash, BinaryPrimitives.ReadUInt64LittleEndian(octets));
            octets = octets[sizeof(ulong)..];
        }

        if (octets.Length >= sizeof(uint))
        {
            hash = Mix(hash, BinaryPrimitives.ReadUInt32LittleEndian(octets));
            octets = octets[sizeof(uint)..];
        }

        ulong rest = 0;
        foreach (byte octet in octets)
        {
            rest = (rest << 8) | octet;
        }

        hash = Mix(hash, rest);
        return (uint)(hash ^ (hash >> 32));
    }

    private static ulong Mix(ulong hash, ulong octets) => BitOperations.RotateLeft((hash ^ octets) * Multiplier, 29);
}
