using System.Buffers.Binary;
using MiniGrpc.Wire.Buffers;

namespace MiniGrpc.Wire.Http2.Frames;

/// <summary>
/// SETTINGS: what its sender is able to receive, or the acknowledgement of the peer's (RFC 9113 section 6.5).
/// <code>
/// +-------------------------------+
/// |       Identifier (16)         |
/// +-------------------------------+-------------------------------+
/// |                        Value (32)                             |
/// +---------------------------------------------------------------+
///                                    ... and so on, any number of these six octets
/// flags: ACK 0x01
/// </code>
/// </summary>
/// <remarks>
/// The entries apply in the order in which they stand, so that the last of two with the same identifier counts
/// (section 6.5.3); then the receiver answers with an empty frame that has ACK set. The ranges of the values are
/// judged by <see cref="Settings.Apply"/>.
/// </remarks>
internal readonly ref struct SettingsFrame
{
    private const int EntryLength = 6;
    private const string Section = "6.5";

    private readonly ReadOnlySpan<byte> _entries;

    private SettingsFrame(bool isAck, ReadOnlySpan<byte> entries)
    {
        IsAck = isAck;
        _entries = entries;
    }

    /// <summary>Whether the frame acknowledges settings; then it has no entries.</summary>
    public bool IsAck { get; }

    /// <summary>The number of entries.</summary>
    public int Count => _entries.Length / EntryLength;

    /// <summary>The entry at <paramref name="index"/>, in the order of the wire; the identifier may be unknown.</summary>
    public (ushort Identifier, uint Value) this[int index]
    {
        get
        {
            ReadOnlySpan<byte> entry = _entries.Slice(index * EntryLength, EntryLength);
            return (BinaryPrimitives.ReadUInt16BigEndian(entry), BinaryPrimitives.ReadUInt32BigEndian(entry[2..]));
        }
    }

    /// <summary>Reads a SETTINGS frame: on stream 0, whole entries, and none of them in an acknowledgement.</summary>
    public static ProtocolError? Parse(in FrameHeader header, ReadOnlySpan<byte> payload, out SettingsFrame frame)
    {
        frame = default;
        if (header.StreamId != 0)
        {
            return FrameRules.NeedsStreamZero("SETTINGS", Section, header.StreamId);
        }

        bool isAck = header.Has(FrameFlags.Ack);
        if (isAck && !payload.IsEmpty)
        {
            return FrameRules.WrongLength("SETTINGS ACK", Section, payload.Length);
        }

        if (payload.Length % EntryLength != 0)
        {
            return FrameRules.WrongLength("SETTINGS", Section, payload.Length);
        }

        frame = new SettingsFrame(isAck, payload);
        return null;
    }

    /// <summary>Writes a frame with the given entries.</summary>
    public static void Write(OutputBuffer output, ReadOnlySpan<(SettingId Id, uint Value)> entries)
    {
        new FrameHeader(entries.Length * EntryLength, FrameType.Settings, FrameFlags.None, 0).Write(output);
        foreach ((SettingId id, uint value) in entries)
        {
            Span<byte> entry = output.Reserve(EntryLength);
            BinaryPrimitives.WriteUInt16BigEndian(entry, (ushort)id);
            BinaryPrimitives.WriteUInt32BigEndian(entry[2..], value);
        }
    }

    /// <summary>Writes the acknowledgement of the peer's settings.</summary>
    public static void WriteAck(OutputBuffer output) =>
        new FrameHeader(0, FrameType.Settings, FrameFlags.Ack, 0).Write(output);
}
