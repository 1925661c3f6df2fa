using System.Buffers;
using System.Buffers.Text;

namespace MiniGrpc.Wire.Grpc;

/// <summary>
/// Metadata whose name ends in "-bin": any octets, carried as base64 (gRPC over HTTP/2, Binary-Header; the alphabet of
/// RFC 4648 section 4). Written without padding; read with or without, and split at commas before it is decoded.
/// </summary>
internal static class BinaryHeader
{
    /// <summary>Whether <paramref name="name"/> names a binary field. Field names are lower-case in HTTP/2, so no case is folded.</summary>
    public static bool IsBinary(ReadOnlySpan<byte> name) => name.EndsWith("-bin"u8);

    /// <summary>The octets that <paramref name="length"/> octets take: four for three, and one more than there are for a rest.</summary>
    public static int GetEncodedLength(int length)
    {
        (int groups, int rest) = int.DivRem(length, 3);
        return checked((groups * 4) + (rest == 0 ? 0 : rest + 1));
    }

    /// <summary>Writes <paramref name="value"/> as base64 without padding.</summary>
    /// <param name="value">The octets to carry.</param>
    /// <param name="destination">At least <see cref="GetEncodedLength"/> octets.</param>
    /// <param name="written">The octets written.</param>
    public static void Encode(ReadOnlySpan<byte> value, Span<byte> destination, out int written)
    {
        int whole = value.Length - (value.Length % 3);
        Base64.EncodeToUtf8(value[..whole], destination, out _, out int wholeWritten);
        Span<byte> lastGroup = stackalloc byte[4];
        Base64.EncodeToUtf8(value[whole..], lastGroup, out _, out _);

        written = GetEncodedLength(value.Length);
        lastGroup[..(written - wholeWritten)].CopyTo(destination[wholeWritten..]);
    }

    /// <summary>Decodes one value; false when it is no base64.</summary>
    /// <remarks>
    /// Bits left over behind the last octet are ignored, which RFC 4648 section 3.5 leaves open: nothing of the value
    /// depends on them, and other implementations ignore them too.
    /// </remarks>
    public static bool TryDecode(ReadOnlySpan<byte> value, out byte[] decoded)
    {
        value = TrimPadding(value);
        int rest = value.Length % 4;
        int whole = value.Length - rest;
        decoded = [];
        if (rest == 1)
        {
            return false;
        }

        byte[] octets = new byte[(whole / 4 * 3) + (rest == 0 ? 0 : rest - 1)];
        if (!TryDecodeGroups(value[..whole], octets) || !TryDecodeRest(value[whole..], octets.AsSpan(whole / 4 * 3)))
        {
            return false;
        }

        decoded = octets;
        return true;
    }

    /// <summary>The values that a sender, or somebody on the way, joined with commas. Each is decoded by itself.</summary>
    public static CommaList Split(ReadOnlySpan<byte> value) => new(value);

    /// <summary>Padding counts as such only where it fills the last group of four; anywhere else '=' is no base64.</summary>
    private static ReadOnlySpan<byte> TrimPadding(ReadOnlySpan<byte> value)
    {
        if (value.Length % 4 != 0 || !value.EndsWith((byte)'='))
        {
            return value;
        }

        return value[^2] == '=' ? value[..^2] : value[..^1];
    }

    /// <summary>The framework skips spaces and line ends; they are no base64 here, and show in that too little comes out.</summary>
    private static bool TryDecodeGroups(ReadOnlySpan<byte> groups, Span<byte> destination) =>
        Base64.DecodeFromUtf8(groups, destination, out _, out int written) == OperationStatus.Done && written == groups.Length / 4 * 3;

    /// <summary>Decodes the two or three digits of an incomplete group by completing it with 'A', the digit of six zero bits.</summary>
    private static bool TryDecodeRest(ReadOnlySpan<byte> rest, Span<byte> destination)
    {
        if (rest.IsEmpty)
        {
            return true;
        }

        Span<byte> group = [(byte)'A', (byte)'A', (byte)'A', (byte)'A'];
        Span<byte> octets = stackalloc byte[3];
        rest.CopyTo(group);
        bool valid = TryDecodeGroups(group, octets);
        octets[..destination.Length].CopyTo(destination);
        return valid;
    }
}
