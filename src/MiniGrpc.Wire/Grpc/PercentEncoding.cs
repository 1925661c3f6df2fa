using System.Buffers;
using System.Text;

using MiniGrpc.Wire.Buffers;

namespace MiniGrpc.Wire.Grpc;

/// <summary>
/// How <c>grpc-message</c> carries Unicode text in a field value (gRPC over HTTP/2, Percent-Encoded): the text as UTF-8,
/// where space and visible ASCII other than '%' stand for themselves and every other octet becomes "%" and two
/// hexadecimal digits (RFC 3986 section 2.1, with another set of plain octets).
/// </summary>
internal static class PercentEncoding
{
    /// <summary>Percent-Byte-Unencoded: %x20-24 and %x26-7E.</summary>
    private static readonly SearchValues<char> s_unencoded = SearchValues.Create(
        " !\"#$&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~");

    /// <summary>Encodes <paramref name="message"/> and returns the number of octets written. A lone surrogate becomes U+FFFD.</summary>
    /// <remarks>
    /// A space at either end is escaped too, although the gRPC document lets it stand: a field value that starts or ends
    /// with one is malformed (RFC 9113 section 8.2.1), and every decoder understands the escape.
    /// </remarks>
    public static int Encode(ReadOnlySpan<char> message, IBufferWriter<byte> output)
    {
        int written = 0;
        if (message.StartsWith(' '))
        {
            written += WriteEscaped((byte)' ', output);
            message = message[1..];
        }

        bool endsInSpace = message.EndsWith(' ');
        written += EncodeInner(endsInSpace ? message[..^1] : message, output);
        return endsInSpace ? written + WriteEscaped((byte)' ', output) : written;
    }

    /// <summary>Encodes <paramref name="message"/> into an array of its own.</summary>
    public static byte[] Encode(string message)
    {
        var output = new ArrayBufferWriter<byte>();
        Encode(message, output);
        return output.WrittenSpan.ToArray();
    }

    /// <summary>
    /// Decodes what a peer sent; never fails, since a status message must not be lost over its spelling. What is no escape
    /// stays as it is, and what is no UTF-8 becomes U+FFFD.
    /// </summary>
    public static string Decode(ReadOnlySpan<byte> value)
    {
        if (!value.Contains((byte)'%'))
        {
            return Encoding.UTF8.GetString(value);
        }

        byte[] utf8 = BytePool.Rent(value.Length);
        int length = Unescape(value, utf8);
        string message = Encoding.UTF8.GetString(utf8, 0, length);
        BytePool.Return(utf8);
        return message;
    }

    private static int EncodeInner(ReadOnlySpan<char> message, IBufferWriter<byte> output)
    {
        int written = 0;
        while (!message.IsEmpty)
        {
            int plain = message.IndexOfAnyExcept(s_unencoded);
            if (plain != 0)
            {
                plain = plain < 0 ? message.Length : plain;
                output.Advance(Encoding.UTF8.GetBytes(message[..plain], output.GetSpan(plain)));
                written += plain;
                message = message[plain..];
            }
            else
            {
                Rune.DecodeFromUtf16(message, out Rune rune, out int chars);
                written += WriteEscaped(rune, output);
                message = message[chars..];
            }
        }

        return written;
    }

    private static int WriteEscaped(Rune rune, IBufferWriter<byte> output)
    {
        Span<byte> utf8 = stackalloc byte[4];
        int written = 0;
        foreach (byte octet in utf8[..rune.EncodeToUtf8(utf8)])
        {
            written += WriteEscaped(octet, output);
        }

        return written;
    }

    private static int WriteEscaped(byte octet, IBufferWriter<byte> output)
    {
        ReadOnlySpan<byte> digits = "0123456789ABCDEF"u8;
        Span<byte> escape = output.GetSpan(3);
        escape[0] = (byte)'%';
        escape[1] = digits[octet >> 4];
        escape[2] = digits[octet & 0xF];
        output.Advance(3);
        return 3;
    }

    private static int Unescape(ReadOnlySpan<byte> value, Span<byte> destination)
    {
        int length = 0;
        int read = 0;
        while (read < value.Length)
        {
            bool escaped = TryReadEscape(value[read..], out byte octet);
            destination[length++] = escaped ? octet : value[read];
            read += escaped ? 3 : 1;
        }

        return length;
    }

    private static bool TryReadEscape(ReadOnlySpan<byte> value, out byte octet)
    {
        octet = 0;
        return value.Length >= 3
            && value[0] == '%'
            && Convert.FromHexString(value.Slice(1, 2), new Span<byte>(ref octet), out _, out _) == OperationStatus.Done;
    }
}
