using System.Buffers;
using System.Globalization;
using System.Text;

namespace MiniGrpc.Wire.Buffers;

/// <summary>What a peer chose, made fit for a log: no peer can write lines of its own into it, or move a terminal's cursor.</summary>
internal static class PrintableText
{
    /// <summary>What isn't text: C0, DEL and C1 (which has a line break, too), and the line breaks of Unicode.</summary>
    private static readonly SearchValues<char> s_controls = SearchValues.Create(
        [.. Enumerable.Range(0, 0xa0).Select(c => (char)c).Where(char.IsControl), '\u2028', '\u2029']);

    /// <summary>
    /// A sentence that quotes a peer, with control characters as escapes, and cut after <paramref name="limit"/> characters. It is the same
    /// object when nothing is to be done.
    /// </summary>
    public static string Escape(string sentence, int limit = int.MaxValue)
    {
        sentence = sentence.Length > limit ? $"{sentence.AsSpan(0, limit)}…" : sentence;
        if (!sentence.AsSpan().ContainsAny(s_controls))
        {
            return sentence;
        }

        var text = new StringBuilder();
        foreach (char c in sentence)
        {
            _ = s_controls.Contains(c) ? text.Append(CultureInfo.InvariantCulture, $"\\x{(int)c:x2}") : text.Append(c);
        }

        return text.ToString();
    }

    /// <summary>
    /// The octets between quotes, at most <paramref name="limit"/> of them; whatever isn't visible ASCII is an escape.
    /// </summary>
    public static string Quote(ReadOnlySpan<byte> octets, int limit)
    {
        var text = new StringBuilder();
        Quote(text, octets, limit);
        return text.ToString();
    }

    /// <summary>Appends the octets between quotes, as the other method has them.</summary>
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
