namespace MiniGrpc.Wire.Http2.Frames;

/// <summary>
/// What several frame types have in common: which stream they may name, how long they are, and padding
/// (RFC 9113 sections 4.2 and 6.1).
/// </summary>
/// <remarks>
/// <c>Parse</c> of a frame type judges what can be judged from the frame alone. What depends on the state of a stream,
/// on the settings or on the frame before is judged by whoever holds that state.
/// </remarks>
internal static class FrameRules
{
    /// <summary>The error for a frame on stream 0 that has to belong to a stream.</summary>
    public static ProtocolError NeedsStream(string frame, string section) =>
        ProtocolError.Connection(ErrorCode.ProtocolError, section, $"a {frame} frame on stream 0");

    /// <summary>The error for a frame on a stream that has to belong to the connection.</summary>
    public static ProtocolError NeedsStreamZero(string frame, string section, int streamId) =>
        ProtocolError.Connection(ErrorCode.ProtocolError, section, $"a {frame} frame on stream {streamId} instead of 0");

    /// <summary>The error for a frame whose payload can't be <paramref name="length"/> octets long.</summary>
    public static ProtocolError WrongLength(string frame, string section, int length) =>
        ProtocolError.Connection(ErrorCode.FrameSizeError, section, $"a {frame} frame with a payload of {length} octets");

    /// <summary>
    /// Takes the padding off a payload: the pad length octet in front and that many octets at the end.
    /// <code>
    /// +---------------+-----------------------+------------------+
    /// | Pad Length? 8 |  Content ...          |  Padding ...     |
    /// +---------------+-----------------------+------------------+
    /// </code>
    /// </summary>
    /// <param name="header">The frame's header, which says whether it is padded.</param>
    /// <param name="payload">The whole payload.</param>
    /// <param name="fixedLength">The octets of content that have to be there whatever the padding.</param>
    /// <param name="frame">The name of the frame type.</param>
    /// <param name="section">The section of the frame type.</param>
    /// <param name="content">What is left; at least <paramref name="fixedLength"/> octets.</param>
    /// <returns>An error, or null when <paramref name="content"/> is good.</returns>
    /// <remarks>The padding's octets are not looked at: a receiver need not check that they are zero (section 6.1).</remarks>
    public static ProtocolError? RemovePadding(
        in FrameHeader header, ReadOnlySpan<byte> payload, int fixedLength, string frame, string section, out ReadOnlySpan<byte> content)
    {
        int padLength = 0;
        content = payload;
        if (header.Has(FrameFlags.Padded))
        {
            if (payload.IsEmpty)
            {
                return WrongLength(frame, section, payload.Length);
            }

            padLength = payload[0];
            content = payload[1..];
        }

        if (content.Length < fixedLength)
        {
            return WrongLength(frame, section, payload.Length);
        }

        if (padLength > content.Length - fixedLength)
        {
            string reason = $"a {frame} frame with {padLength} octets of padding in a payload of {payload.Length} octets";
            return ProtocolError.Connection(ErrorCode.ProtocolError, section, reason);
        }

        content = content[..^padLength];
        return null;
    }
}
