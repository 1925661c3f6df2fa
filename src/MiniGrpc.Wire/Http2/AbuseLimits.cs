namespace MiniGrpc.Wire;

/// <summary>
/// What one connection's peer may do that costs it little and us more (RFC 9113 section 10.5). Beyond a limit the connection is
/// ended with ENHANCE_YOUR_CALM unless the limit says otherwise; the log and the metric
/// <c>minigrpc.limits.exceeded</c> name the limit. The defaults are far above what sound peers do. For one connection each;
/// docs/security.md says which attack each limit answers.
/// </summary>
public sealed record AbuseLimits
{
    /// <summary>
    /// Streams that end by RST_STREAM: the client's own on a server, and those that a peer's mistakes make us send on either
    /// end. Default 2000 at once and 100 a second; every stream that ends in good order gives one back.
    /// </summary>
    /// <remarks>
    /// 2000: all calls of a full connection (1000 streams) may meet their deadline in one moment, twice. A handler counts against
    /// <c>MaxConcurrentStreams</c> until it returns, so resets don't start more handlers than that.
    /// </remarks>
    public RateLimit StreamResets { get; init; } = new(2000, 100);

    /// <summary>
    /// Frames that change nothing: PRIORITY, unknown types, interim responses, answers to no question, RST_STREAM for streams that have
    /// ended, and HEADERS for those that were reset. Default 10,000 at once and 330 a second, and more for what crosses with the end of a
    /// stream: one for each that ends in good order or that a server resets, three for each that a client resets.
    /// </summary>
    /// <remarks>
    /// Some are normal: a cancellation crosses with the end of its call. DATA of a stream that was reset is not counted: megabytes may be
    /// under way. Nor is WINDOW_UPDATE for a stream that has ended: it counts for <see cref="WindowUpdatesPerDataFrame"/> like any other.
    /// </remarks>
    public RateLimit UselessFrames { get; init; } = new(10_000, 330);

    /// <summary>DATA frames without octets, padding and END_STREAM. Default 100 at once and 10 a second.</summary>
    public RateLimit EmptyDataFrames { get; init; } = new(100, 10);

    /// <summary>SETTINGS frames, each of which may touch every stream. Default 1000 at once and 30 a second.</summary>
    public RateLimit SettingsFrames { get; init; } = new(1000, 30);

    /// <summary>Entries of one SETTINGS frame. Default 32; there are not ten kinds.</summary>
    public int SettingsEntries { get; init; } = 32;

    /// <summary>
    /// Frames of one header block, HEADERS and CONTINUATION, empty ones too. Default 8, and never fewer than the largest header
    /// list takes: at the smallest maximum frame size these are 128 KiB, more than the default limit of the list lets through.
    /// </summary>
    public int HeaderBlockFrames { get; init; } = 8;

    /// <summary>
    /// WINDOW_UPDATE frames for each DATA frame that we have sent and each stream, beyond 1000 for a start, whether their stream has ended or
    /// not. Default 10: a peer that credits every frame at once, for stream and connection, sends 2.
    /// </summary>
    public int WindowUpdatesPerDataFrame { get; init; } = 10;

    /// <summary>
    /// Octets of answers (to PING and SETTINGS, RST_STREAM, refusals) that may wait to be sent. Default 64 KiB. Beyond it nothing
    /// more is read until they have left; a peer that takes none for <see cref="SendStallTimeout"/> is closed.
    /// </summary>
    public int UnsentAnswers { get; init; } = 64 * 1024;

    /// <summary>
    /// Octets of messages that may wait to be sent on all streams. Default 4 MiB. Beyond it a writer waits until its stream's queue is
    /// empty, rather than below 64 KiB; so what waits is this and one message of each stream at most.
    /// </summary>
    public int SendQueue { get; init; } = 4 * 1024 * 1024;

    /// <summary>
    /// Octets that may wait to be read on all streams before the connection's window is held back. Default 4 MiB: one stream that nobody
    /// reads holds up to its own window, and many of them together must not shut out those that are read. Over a path of 2 ms and more the
    /// windows grow by up to as much, if a sender uses them up, and what may wait to be read grows with them.
    /// </summary>
    public int ReceiveQueue { get; init; } = 4 * 1024 * 1024;

    /// <summary>
    /// Server: PINGs that came too soon after the one before, since the last response, before the client is told <c>too_many_pings</c>.
    /// Default 2; <see cref="int.MaxValue"/> for no limit.
    /// </summary>
    public int PingStrikes { get; init; } = 2;

    /// <summary>Server: how soon the next PING may come while there are calls, or always with <see cref="PermitPingsWithoutCalls"/>. Default 5 minutes, as in other implementations.</summary>
    public TimeSpan MinPingInterval { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Server: whether a client without calls may ping as often as one with calls. Default false: then once in 2 hours.</summary>
    public bool PermitPingsWithoutCalls { get; init; }

    /// <summary>How long a peer may take to acknowledge our SETTINGS; then SETTINGS_TIMEOUT. Default 60 seconds; <see cref="Timeout.InfiniteTimeSpan"/> for ever.</summary>
    public TimeSpan SettingsTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// How long a peer may take nothing of what waits for it: its socket takes no octet, or its windows let no DATA out. Default 5
    /// minutes; noticed after that and before twice that. <see cref="Timeout.InfiniteTimeSpan"/> for ever. A client that stops
    /// reading for longer, on all of its streams, needs more.
    /// </summary>
    public TimeSpan SendStallTimeout { get; init; } = TimeSpan.FromMinutes(5);
}
