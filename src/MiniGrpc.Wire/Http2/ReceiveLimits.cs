namespace MiniGrpc.Wire.Http2;

/// <summary>What an end allows its peer; announced in SETTINGS where there is one for it.</summary>
/// <param name="MaxFrameSize">SETTINGS_MAX_FRAME_SIZE, octets.</param>
/// <param name="MaxHeaderListSize">SETTINGS_MAX_HEADER_LIST_SIZE, octets as section 6.5.2 counts them.</param>
/// <param name="HeaderTableSize">SETTINGS_HEADER_TABLE_SIZE, octets.</param>
/// <param name="StreamWindow">SETTINGS_INITIAL_WINDOW_SIZE, octets: what a stream that nobody reads may hold.</param>
/// <param name="LargestStreamWindow">What it grows to for a reader that waits for more, octets.</param>
/// <param name="ConnectionWindow">
/// The connection's window at first, octets. Where the path is long and fast it grows by up to <see cref="AbuseLimits.ReceiveQueue"/>, and the
/// streams' windows with it.
/// </param>
/// <param name="MaxConcurrentStreams">SETTINGS_MAX_CONCURRENT_STREAMS.</param>
/// <param name="MaxHeaderFields">
/// Fields of a header list. Real calls carry a few dozen, and each costs memory beyond its octets; 100 is what established proxies allow.
/// </param>
internal sealed record ReceiveLimits(
    int MaxFrameSize = 16_384,
    int MaxHeaderListSize = 16_384,
    int HeaderTableSize = 4_096,
    int StreamWindow = 64 * 1024,
    int LargestStreamWindow = 512 * 1024,
    int ConnectionWindow = 1024 * 1024,
    int MaxConcurrentStreams = 100,
    int MaxHeaderFields = 100)
{
    /// <summary>What a peer may do that costs it little and us more.</summary>
    public AbuseLimits Abuse { get; init; } = new();
}
