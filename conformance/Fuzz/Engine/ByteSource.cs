using System.Buffers.Binary;
using System.Text;

namespace MiniGrpc.Conformance.Fuzz.Engine;

/// <summary>
/// Reads an input as a row of decisions. What is built from them is always well-formed up to a point, and a small change of
/// the input is a small change of it. Behind the end everything is zero.
/// </summary>
internal sealed class ByteSource(byte[] input)
{
    private int _position;

    /// <summary>Whether there is more.</summary>
    public bool HasMore => _position < input.Length;

    /// <summary>The next octet.</summary>
    public byte Octet() => _position < input.Length ? input[_position++] : (byte)0;

    /// <summary>A number below <paramref name="limit"/>.</summary>
    public int Below(int limit) => limit <= 256 ? Octet() % limit : (int)(Number() % (uint)limit);

    /// <summary>Two octets as a number.</summary>
    public int Word() => (Octet() << 8) | Octet();

    /// <summary>Four octets as a number.</summary>
    public uint Number()
    {
        Span<byte> four = [Octet(), Octet(), Octet(), Octet()];
        return BinaryPrimitives.ReadUInt32BigEndian(four);
    }

    /// <summary>One of several.</summary>
    public T OneOf<T>(ReadOnlySpan<T> choices) => choices[Octet() % choices.Length];

    /// <summary>As many octets as there are, up to <paramref name="count"/>.</summary>
    public byte[] Octets(int count)
    {
        int length = int.Min(count, input.Length - _position);
        byte[] octets = input.AsSpan(_position, length).ToArray();
        _position += length;
        return octets;
    }

    /// <summary>All that is left.</summary>
    public byte[] Rest() => Octets(input.Length - _position);

    /// <summary>Text of up to <paramref name="maxLength"/> characters below 256.</summary>
    public string Text(int maxLength) => Encoding.Latin1.GetString(Octets(Below(maxLength + 1)));
}
