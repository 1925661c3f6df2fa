using System.Globalization;
using System.Text;
using MiniGrpc.Wire.Buffers;

namespace MiniGrpc.Wire;

/// <summary>
/// One HTTP/2 frame as the wire trace shows it. <see cref="ToString"/> gives it as one line.
/// </summary>
public sealed class WireFrame
{
    internal WireFrame(string peer, bool isSent, string type, int streamId, string summary)
    {
        Peer = peer;
        IsSent = isSent;
        Type = type;
        StreamId = streamId;
        Summary = summary;
    }

    /// <summary>The address of the other end of the connection, such as <c>ipv4:127.0.0.1:50051</c>.</summary>
    public string Peer { get; }

    /// <summary>Whether this end sent the frame; otherwise it came in.</summary>
    public bool IsSent { get; }

    /// <summary>The frame's type in the words of RFC 9113 section 6: <c>HEADERS</c>, <c>DATA</c>, …</summary>
    public string Type { get; }

    /// <summary>The stream it belongs to; 0 for the connection.</summary>
    public int StreamId { get; }

    /// <summary>Type, stream, flags, and what the payload says.</summary>
    public string Summary { get; }

    /// <summary>The header fields of a block that this frame completes, in order; secrets are left out. Empty for other frames.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Fields { get; internal set; } = [];

    /// <summary>After DATA: how many octets its sender may still send on the stream (RFC 9113 section 5.2).</summary>
    public long? StreamWindow { get; internal set; }

    /// <summary>After DATA: how many octets its sender may still send on the connection.</summary>
    public long? ConnectionWindow { get; internal set; }

    /// <summary>The frame as one line: direction, summary, fields, windows.</summary>
    public override string ToString()
    {
        var line = new StringBuilder();
        line.Append(IsSent ? "-> " : "<- ").Append(Summary);
        foreach ((string name, string value) in Fields)
        {
            line.Append(' ').Append('[').Append(PrintableText.Escape(name)).Append(": ").Append(PrintableText.Escape(value)).Append(']');
        }

        if (StreamWindow is not null)
        {
            line.Append(CultureInfo.InvariantCulture, $" window={StreamWindow}/{ConnectionWindow}");
        }

        return line.ToString();
    }
}
