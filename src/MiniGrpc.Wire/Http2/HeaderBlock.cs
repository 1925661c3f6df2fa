using MiniGrpc.Wire.Buffers;

namespace MiniGrpc.Wire.Http2;

/// <summary>
/// A field block that came in more than one frame: HEADERS followed by CONTINUATION (RFC 9113 section 4.3). The fragments
/// are gathered, since one block is one unit for HPACK, and no other frame may stand between them (section 6.10).
/// </summary>
/// <remarks>Owned by the receive loop. Memory is held only between the first fragment and END_HEADERS.</remarks>
internal sealed class HeaderBlock
{
    private OutputBuffer? _octets; // most peers send each block in one frame
    private readonly int _maxLength;
    private readonly int _maxFragments;
    private int _fragments;

    /// <summary>
    /// Creates a gatherer for blocks of up to <paramref name="maxLength"/> octets in up to <paramref name="maxFragments"/> frames.
    /// Empty ones count too, else they could go on for ever.
    /// </summary>
    public HeaderBlock(int maxLength, int maxFragments)
    {
        _maxLength = maxLength;
        _maxFragments = maxFragments;
    }

    /// <summary>The stream whose block is being gathered, or 0.</summary>
    public int StreamId { get; private set; }

    /// <summary>Whether the HEADERS frame carried END_STREAM.</summary>
    public bool EndStream { get; private set; }

    /// <summary>The octets gathered so far.</summary>
    public ReadOnlySpan<byte> Octets => _octets is null ? [] : _octets.WrittenSpan;

    /// <summary>Starts with the fragment of a HEADERS frame that has no END_HEADERS.</summary>
    public ProtocolError? Begin(int streamId, bool endStream, ReadOnlySpan<byte> fragment)
    {
        StreamId = streamId;
        EndStream = endStream;
        _fragments = 0;
        return Append(fragment);
    }

    /// <summary>Adds a fragment.</summary>
    public ProtocolError? Append(ReadOnlySpan<byte> fragment)
    {
        _octets ??= new OutputBuffer();
        if (_octets.Length + fragment.Length > _maxLength)
        {
            const string Limit = nameof(ReceiveLimits.MaxHeaderListSize); // 4 times that
            string reason = $"the field block of stream {StreamId} is longer than {_maxLength} octets (limit {Limit})";
            return ProtocolError.Connection(ErrorCode.EnhanceYourCalm, "10.5.1", reason) with { Limit = Limit };
        }

        if (++_fragments > _maxFragments)
        {
            return AbuseBudgets.Exceeded(
                nameof(AbuseLimits.HeaderBlockFrames), $"the field block of stream {StreamId} has more than {_maxFragments} frames");
        }

        _octets.Write(fragment);
        return null;
    }

    /// <summary>Forgets the block and gives its memory back.</summary>
    public void End()
    {
        StreamId = 0;
        _octets?.Release();
    }
}
