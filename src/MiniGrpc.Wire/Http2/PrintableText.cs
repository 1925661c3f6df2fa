using System.Globalization;
using System.Text;

namespace MiniGrpc.Wire.Http2;

/// <summary>
/// Octets that a peer chose, made fit for a log: quoted, cut to a length, and whatever isn't visible ASCII as an escape, so
/// that no peer can write lines of its own into a log.
/// </summary>
internal static class PrintableText
{
    /// <summary>The octets between quotes, at most <paramref name="limit"/> of them.</summary>
    public static string Quote(ReadOnlySpan<byte> octets, int limit)
    {
        var text = new StringBuilder();
        Quote(text, octets, limit);
        return text.ToString();
    }

    /// <summary>Appends the octets between quotes, at most <paramref name="limit"/> of them.</summary>
    public static void Quote(StringBuilder text, ReadOnlySpan<byte> octets, int limit)
    {
        text.Append('"');
        foreach (byte octet in octets[..int.Min(limit, octets.Length)])
        {
            switch (octet)
            {
                case (byte)'"' or (byte)'\\':
                    text.Append('\\').Append((char)octet);
                    break;
                case >= 0x20 and < 0x7f:
                    text.Append((char)octet);
                    break;
                default:
                    text.Append(CultureInfo.InvariantCulture, $"\\x{octet:x2}");
                    break;
            }
        }

        text.Append(octets.Length > limit ? "…\"" : "\"");
    }
}
