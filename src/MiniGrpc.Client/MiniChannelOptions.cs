using Grpc.Core;

using Microsoft.Extensions.Logging;

using MiniGrpc.Client.Balancing;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Client.Resolving;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Client;

/// <summary>How a <see cref="MiniChannel"/> behaves. Read once, when the channel is made.</summary>
public sealed class MiniChannelOptions
{
    /// <summary>The largest response message to accept, in bytes, decompressed. Default 4 MiB; null for no limit. A larger one ends its call with RESOURCE_EXHAUSTED.</summary>
    public int? MaxReceiveMessageSize { get; set; } = 4 * 1024 * 1024;

    /// <summary>The largest request message to send, in bytes, before compression. Default null: no limit.</summary>
    public int? MaxSendMessageSize { get; set; }

    /// <summary>
    /// The largest header list to accept, in bytes, counted as name + value + 32 for each field (SETTINGS_MAX_HEADER_LIST_SIZE,
    /// RFC 9113 section 6.5.2). Default 16 KiB. A larger one ends its call with INTERNAL, one of more than 4 times that size the
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
    /// ends its call with INTERNAL, one of more than 4 times as many the connection.
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
    /// The compressions that the channel understands, and says so in <c>grpc-accept-encoding</c>. Default none, so that a
    /// trimmed program that doesn't compress doesn't carry it.
    /// </summary>
    public IList<ICompressionProvider> CompressionProviders { get; } = [];

    /// <summary>
    /// The encoding of requests, by name; a provider of that name must be among <see cref="CompressionProviders"/>. Default
    /// null: requests aren't compressed. A call overrides it with the metadata entry <c>grpc-internal-encoding-request</c>, as in
    /// Grpc.Net.Client, and switches it off for a message by <c>WriteFlags.NoCompress</c>.
    /// </summary>
    public string? RequestCompressionAlgorithm { get; set; }

    /// <summary>TLS, for <c>https://</c> addresses, and for Unix sockets and end points that are to have it. Default null: plaintext.</summary>
    public ClientTls? Tls { get; set; }

    /// <summary>
    /// What every call is authorized by, with a token for example; a call's own (<c>CallOptions.Credentials</c>) come after it. Default null:
    /// nothing. See also <see cref="ChannelCredentialsExtensions.UseCredentials"/>.
    /// </summary>
    public CallCredentials? CallCredentials { get; set; }

    /// <summary>
    /// Whether call credentials may be sent without TLS, where anybody on the way can read them. Default false: such a call throws. For tests, and
    /// where something else protects the connection.
    /// </summary>
    public bool UnsafeUseInsecureChannelCallCredentials { get; set; }

    /// <summary>
    /// How long one attempt to connect may take, the TLS handshake and the server's first SETTINGS included. Default 20 seconds, the least
    /// that gRPC's connection backoff gives an attempt (MIN_CONNECT_TIMEOUT): looking an address up and the way there are in it, too.
    /// </summary>
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>
    /// How long to wait after the first failed attempt to connect. Default 1 second; grows by 1.6 with every further one, and
    /// each wait varies by 20 % (gRPC connection backoff). Calls made meanwhile fail at once unless they wait for ready.
    /// </summary>
    public TimeSpan InitialReconnectBackoff { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>The longest wait between attempts to connect. Default 120 seconds.</summary>
    public TimeSpan MaxReconnectBackoff { get; set; } = TimeSpan.FromSeconds(120);

    /// <summary>
    /// The most connections to one address. Default 1: calls beyond the server's limit of concurrent calls wait for a free stream. With more, a
    /// further connection is made when none has a free stream; one that has had no calls for a minute is closed.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Less than 1.</exception>
    public int MaxConnectionsPerAddress
    {
        get;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(value);
            field = value;
        }
    } = 1;

    /// <summary>
    /// How long the channel may have no calls before it becomes idle: it closes its connections, and disposes of its resolver and load-balancing
    /// policy, until the next call. Default 30 minutes; <see cref="Timeout.InfiniteTimeSpan"/> for never. The channel checks once in that time,
    /// so it may take up to twice as long.
    /// </summary>
    public TimeSpan IdleTimeout { get; set; } = TimeSpan.FromMinutes(30);

    /// <summary>
    /// How long nothing may come in on a connection with calls before the server is asked by a PING whether it is still there.
    /// Default 6 minutes, a little more than servers allow at the least; <see cref="Timeout.InfiniteTimeSpan"/> for never. A
    /// server that allows less often than this ends the connection (<c>too_many_pings</c>).
    /// </summary>
    public TimeSpan KeepAlivePingDelay { get; set; } = TimeSpan.FromMinutes(6);

    /// <summary>How long to wait after that PING for anything to come in before the connection is closed. Default 20 seconds.</summary>
    public TimeSpan KeepAlivePingTimeout { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>Whether to ask also while there are no calls. Default false; most servers don't allow it.</summary>
    public bool KeepAlivePingWithoutCalls { get; set; }

    /// <summary>
    /// How calls are balanced, repeated and limited (gRPC's service config). Default null: <c>pick_first</c>, nothing repeated. A resolver's own
    /// comes before it.
    /// </summary>
    public ServiceConfig? ServiceConfig { get; set; }

    /// <summary>How often a call is tried at the most, whatever the service config says, the first attempt included. Default 5; 1 switches retries and hedging off.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Less than 1.</exception>
    public int MaxRetryAttempts
    {
        get;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(value);
            field = value;
        }
    } = 5;

    /// <summary>
    /// The most memory that the requests of one call may take while they are kept for a further attempt, in bytes. Default 1 MiB; null for no
    /// limit. A call with more isn't tried again. Streaming calls without a policy are kept until they are answered, in case that the server
    /// refuses them without having looked at them, but no more than 64 KiB of each.
    /// </summary>
    public long? MaxRetryBufferPerCallSize { get; set; } = 1024 * 1024;

    /// <summary>
    /// The most memory that the requests of all calls may take while they are kept for a further attempt, in bytes. Default 16 MiB; null for no
    /// limit. Calls without a policy take half of it at the most.
    /// </summary>
    public long? MaxRetryBufferSize { get; set; } = 16 * 1024 * 1024;

    /// <summary>Resolvers for targets of further schemes. Default none. One of a scheme that there is already takes its place.</summary>
    public IList<ResolverFactory> ResolverFactories { get; } = [];

    /// <summary>Load-balancing policies besides <c>pick_first</c>, <c>round_robin</c> and <c>outlier_detection_experimental</c>; a service config chooses one by its name. Default none.</summary>
    public IList<LoadBalancerFactory> LoadBalancerFactories { get; } = [];

    /// <summary>
    /// Whether servers are not asked for their health even if the service config names a service
    /// (<see cref="ServiceConfig.HealthCheckServiceName"/>, gRFC A17). Default false.
    /// </summary>
    public bool DisableHealthChecking { get; set; }

    /// <summary>What a server may do on a connection that costs it little and the client more, and how slow it may be.</summary>
    public AbuseLimits AbuseLimits { get; set; } = new();

    /// <summary>Where the channel logs. Default null: nowhere.</summary>
    public ILoggerFactory? LoggerFactory { get; set; }

    /// <summary>
    /// Which methods metrics name (<c>grpc.method</c>, gRFC A66); the calls of all others are counted as those of <c>other</c>. It is given
    /// <c>package.Service/Method</c>, when a method is called for the first time while somebody listens. Default null: all are named. For programs
    /// that make methods of names that come from outside: each would be a time series of its own. It must not block.
    /// </summary>
    public Func<string, bool>? MethodAttributeFilter { get; set; }

    /// <summary>
    /// Whether metrics name the target that the channel was made for (<c>grpc.target</c>, gRFC A66), or say <c>other</c>. It is given the target.
    /// Default null: it is named. For programs that make channels to any number of addresses. It must not block.
    /// </summary>
    public Func<string, bool>? TargetAttributeFilter { get; set; }

    /// <summary>Takes every frame that comes in or goes out, in order for each connection. Default null: no trace. It must not block.</summary>
    public Action<WireFrame>? WireTrace { get; set; }

    /// <summary>The clock. Default the system's.</summary>
    public TimeProvider TimeProvider { get; set; } = TimeProvider.System;

    /// <summary>What connections are given where none of the other options says otherwise.</summary>
    internal ConnectionOptions Connection { get; set; } = new();

    /// <summary>Connects in place of the socket that the address names; null for the socket.</summary>
    internal Func<CancellationToken, ValueTask<ITransport>>? Connect { get; set; }

    /// <summary>Looks host names up.</summary>
    internal LookUp LookUp { get; set; } = System.Net.Dns.GetHostAddressesAsync;

    /// <summary>What the waits between attempts to connect are varied by.</summary>
    internal Random Random { get; set; } = Random.Shared;
}
