using Microsoft.Extensions.Logging;

using MiniGrpc.Wire;
using MiniGrpc.Wire.Connection;

namespace MiniGrpc.Server;

/// <summary>How a <see cref="GrpcServer"/> behaves. Read once, when it starts.</summary>
public sealed class GrpcServerOptions
{
    /// <summary>The largest request message to accept, in bytes, decompressed. Default 4 MiB; null for no limit. A larger one ends its call with RESOURCE_EXHAUSTED.</summary>
    public int? MaxReceiveMessageSize { get; set; } = 4 * 1024 * 1024;

    /// <summary>The largest response message to send, in bytes, before compression. Default null: no limit.</summary>
    public int? MaxSendMessageSize { get; set; }

    /// <summary>
    /// The largest header list to accept, in bytes, counted as name + value + 32 for each field (SETTINGS_MAX_HEADER_LIST_SIZE,
    /// RFC 9113 section 6.5.2). Default 16 KiB. A larger one ends its call with RESOURCE_EXHAUSTED, one of more than 4 times that size the
    /// connection.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Less than 1.</exception>
    public int MaxHeaderListSize
    {
        get;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(value);
            field = value;
        }
    } = 16 * 1024;

    /// <summary>
    /// The most fields that a header list may have, whatever their size, pseudo-header fields included. Default 100. A list of more
    /// ends its call with RESOURCE_EXHAUSTED, one of more than 4 times as many the connection.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Less than 1.</exception>
    public int MaxHeaderFields
    {
        get;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(value);
            field = value;
        }
    } = 100;

    /// <summary>
    /// How many calls a client may have open on one connection (SETTINGS_MAX_CONCURRENT_STREAMS, RFC 9113 section 6.5.2).
    /// Default 1000. Clients queue further calls, or open another connection.
    /// </summary>
    public int MaxConcurrentStreams { get; set; } = 1000;

    /// <summary>How many connections may be open; more are closed at once. Default 20,000; null for no limit but the system's.</summary>
    public int? MaxConnections { get; set; } = 20_000;

    /// <summary>How long a client may take for its part of a connection's start: its TLS handshake, preface and SETTINGS. Default 10 seconds.</summary>
    public TimeSpan HandshakeTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long nothing may come in on a connection before the client is asked by a PING whether it is still there. Default 2 hours;
    /// <see cref="Timeout.InfiniteTimeSpan"/> for never.
    /// </summary>
    public TimeSpan KeepAlivePingDelay { get; set; } = TimeSpan.FromHours(2);

    /// <summary>How long to wait after that PING for anything to come in before the connection is closed. Default 20 seconds.</summary>
    public TimeSpan KeepAlivePingTimeout { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>
    /// How long a connection may have no calls before its client is asked to go (GOAWAY). Default <see cref="Timeout.InfiniteTimeSpan"/>:
    /// for ever. The time counts from the last call's end, or the connection's start.
    /// </summary>
    public TimeSpan MaxConnectionIdle { get; set; } = Timeout.InfiniteTimeSpan;

    /// <summary>
    /// How old a connection may become before its client is asked to go on with another one (GOAWAY), whether it has calls or not; each
    /// connection's age is up to 10 % more or less. Default <see cref="Timeout.InfiniteTimeSpan"/>: as old as it likes. Calls that are
    /// under way are finished; see <see cref="MaxConnectionAgeGrace"/>. With several servers behind one address, this is what brings
    /// clients to those that were started later (gRFC A9).
    /// </summary>
    public TimeSpan MaxConnectionAge { get; set; } = Timeout.InfiniteTimeSpan;

    /// <summary>
    /// How long the calls of a connection may go on after <see cref="MaxConnectionAge"/>; those that are left are cut off with it.
    /// Default <see cref="Timeout.InfiniteTimeSpan"/>: as long as they take.
    /// </summary>
    public TimeSpan MaxConnectionAgeGrace { get; set; } = Timeout.InfiniteTimeSpan;

    /// <summary>What a client may do on a connection that costs it little and the server more, and how slow it may be.</summary>
    public AbuseLimits AbuseLimits { get; set; } = new();

    /// <summary>
    /// The compressions that the server understands, and says so in <c>grpc-accept-encoding</c>. Default none, so that a
    /// trimmed program that doesn't compress doesn't carry it.
    /// </summary>
    public IList<ICompressionProvider> CompressionProviders { get; } = [];

    /// <summary>
    /// The encoding of responses to clients that accept it, by name; a provider of that name must be among
    /// <see cref="CompressionProviders"/>. Default null: responses aren't compressed. A handler switches it off for a message
    /// by <c>WriteFlags.NoCompress</c>.
    /// </summary>
    public string? ResponseCompressionAlgorithm { get; set; }

    /// <summary>Whether the status of a call whose handler threw tells the client the exception's type and message. Default false: they are for the log.</summary>
    public bool EnableDetailedErrors { get; set; }

    /// <summary>Where the server logs. Default null: nowhere.</summary>
    public ILoggerFactory? LoggerFactory { get; set; }

    /// <summary>Takes every frame that comes in or goes out, in order for each connection. Default null: no trace. It must not block.</summary>
    public Action<WireFrame>? WireTrace { get; set; }

    /// <summary>The clock. Default the system's.</summary>
    public TimeProvider TimeProvider { get; set; } = TimeProvider.System;

    /// <summary>What connections are given where none of the other options says otherwise.</summary>
    internal ConnectionOptions Connection { get; set; } = new();
}
