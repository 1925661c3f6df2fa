using MiniGrpc.Wire.Buffers;

namespace MiniGrpc.Wire.Http2.Frames;

/// <summary>
/// PRIORITY: a wish about the order of streams, deprecated (RFC 9113 section 6.3).
/// <code>
/// +-+-------------------------------------------------------------+
/// |E|                  Stream Dependency (31)                     |
/// +-+-------------+-----------------------------------------------+
/// |   Weight (8)  |
/// +---------------+
/// flags: none
/// </code>
/// </summary>
/// <remarks>
/// Legal in every state of a stream, even idle and closed. RFC 9113 section 5.3.2 took the meaning away, so the
/// contents are not read, and a stream that depends on itself is no error any more; only the length is judged.
/// </remarks>
internal readonly struct PriorityFrame
{
    /// <summary>The length of the payload, and of the priority fields in a HEADERS frame.</summary>
    internal const int PayloadLength = 5;

    private const string Section = "6.3";

    private PriorityFrame(int streamId) => StreamId = streamId;

    /// <summary>The stream that the wish was about; never 0.</summary>
    public int StreamId { get; }

    /// <summary>Reads a PRIORITY frame: it names a stream and has five octets. A wrong length ends only the stream.</summary>
    public static ProtocolError? Parse(in FrameHeader header, ReadOnlySpan<byte> payload, out PriorityFrame frame)
    {
        frame = default;
        if (header.StreamId == 0)
        {
            return FrameRules.NeedsStream("PRIORITY", Section);
        }

        if (payload.Length != PayloadLength)
        {
            return FrameRules.WrongLength("PRIORITY", Section, payload.Length) with
            {
                Scope = ErrorScope.Stream,
                StreamId = header.StreamId,
            };
        }

        frame = new PriorityFrame(header.StreamId);
        return null;
    }

    /// <summary>Writes a frame with the weight that a stream has by default, depending on nothing.</summary>
    public static void Write(OutputBuffer output, int streamId)
    {
        new FrameHeader(PayloadLength, FrameType.Priority, FrameFlags.None, streamId).Write(output);
        ReadOnlySpan<byte> dependencyZeroWeight16 = [0, 0, 0, 0, 15];
        output.Write(dependencyZeroWeight16);
    }
}
