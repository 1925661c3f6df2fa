namespace MiniGrpc.Wire.Http2.Frames;

/// <summary>
/// The flags octet of a frame header (RFC 9113 section 4.1). What a bit means depends on the frame type, which is why
/// bit 0 has two names; a bit that has no meaning for a type is ignored.
/// </summary>
[Flags]
internal enum FrameFlags : byte
{
    /// <summary>No flag.</summary>
    None = 0x00,

    /// <summary>DATA, HEADERS: the sender sends nothing more on this stream.</summary>
    EndStream = 0x01,

    /// <summary>SETTINGS, PING: this is the answer to the peer's frame.</summary>
    Ack = EndStream,

    /// <summary>HEADERS, PUSH_PROMISE, CONTINUATION: the header block ends here.</summary>
    EndHeaders = 0x04,

    /// <summary>DATA, HEADERS, PUSH_PROMISE: the payload starts with a pad length and ends with that much padding.</summary>
    Padded = 0x08,

    /// <summary>HEADERS: the payload starts (behind the pad length) with five octets of deprecated priority.</summary>
    Priority = 0x20,
}
