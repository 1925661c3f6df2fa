using System.Net;
using Grpc.Core;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Client.Repeating;
using MiniGrpc.Client.Resolving;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Diagnostics;
using MiniGrpc.Wire.Grpc;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Client;

/// <summary>
/// A channel to a gRPC server. It connects when the first call is made, again when the connection is lost, and carries any
/// number of calls at once. Make one and keep it; every generated client works on it.
/// <code>
/// await using var channel = MiniChannel.ForAddress("http://127.0.0.1:50051");
/// var client = new Greeter.GreeterClient(channel);
/// </code>
/// </summary>
/// <remarks>Thread-safe.</remarks>
public sealed class MiniChannel : ChannelBase, IAsyncDisposable, IDisposable
{
    private readonly string _authority;
    private readonly ConfigInUse _ownConfig;
    private ConfigInUse _config;

    private MiniChannel(Target target, MiniChannelOptions options)
        : base(target.Text)
    {
        _authority = CanBeSent(target.Authority)
            ? target.Authority
            : throw new ArgumentException($"'{target.Authority}' can't be the name of a host: it may only have visible ASCII characters.", nameof(target));
        if (options.Tls is { TargetHost: null } && target.Host is null)
        {
            throw new ArgumentException($"'{target.Text}' has no host's name that the server's certificate could be for: set ClientTls.TargetHost.", nameof(target));
        }

        Options = options;
        Compressions = new CompressionSet(options.CompressionProviders);
        RequestCompression = options.RequestCompressionAlgorithm is null ? null : FindCompression(options.RequestCompressionAlgorithm);
        RetryBuffer = new RetryBuffer(options.MaxRetryBufferSize);
        _config = _ownConfig = new ConfigInUse(options.ServiceConfig, options.MaxRetryAttempts);
        Core = new ChannelCore(target, options, UseConfig, GuardedLogger.Create<MiniChannel>(options.LoggerFactory)) { Channel = this };
        Core.CheckPolicies(_ownConfig.Policies);
    }

    /// <summary>The channel's connectivity state.</summary>
    public ConnectivityState State => Core.State;

    internal MiniChannelOptions Options { get; }

    internal CompressionSet Compressions { get; }

    internal ICompressionProvider? RequestCompression { get; }

    /// <summary>What the channel consists of.</summary>
    internal ChannelCore Core { get; }

    /// <summary>
    /// A channel to <c>http://host:port</c> (plaintext HTTP/2), <c>https://host:port</c> (with <see cref="MiniChannelOptions.Tls"/>
    /// set), <c>unix:/path/to.sock</c>, <c>dns:///host:port</c>, <c>ipv4:address:port,…</c>, <c>ipv6:[address]:port,…</c> (port 443 if it is
    /// left out), or a target of one of <see cref="MiniChannelOptions.ResolverFactories"/>. Nothing is connected yet.
    /// </summary>
    /// <exception cref="ArgumentException">The address can't be understood, or it and the options differ about TLS; the message says why.</exception>
    /// <exception cref="InvalidOperationException">An option is out of range, or the service config is wrong; the message says which or where.</exception>
    public static MiniChannel ForAddress(string address) => ForAddress(address, new MiniChannelOptions());

    /// <inheritdoc cref="ForAddress(string)"/>
    public static MiniChannel ForAddress(string address, MiniChannelOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new MiniChannel(Resolving.Target.Parse(address, options), options);
    }

    /// <inheritdoc cref="ForAddress(string)"/>
    public static MiniChannel ForAddress(Uri address) => ForAddress(address, new MiniChannelOptions());

    /// <inheritdoc cref="ForAddress(string)"/>
    public static MiniChannel ForAddress(Uri address, MiniChannelOptions options)
    {
        ArgumentNullException.ThrowIfNull(address);
        return ForAddress(address.OriginalString, options);
    }

    /// <summary>A channel to an <see cref="IPEndPoint"/>, a <see cref="System.Net.Sockets.UnixDomainSocketEndPoint"/> or a <see cref="MemoryEndPoint"/>.</summary>
    public static MiniChannel ForEndPoint(EndPoint endPoint) => ForEndPoint(endPoint, new MiniChannelOptions());

    /// <inheritdoc cref="ForEndPoint(EndPoint)"/>
    public static MiniChannel ForEndPoint(EndPoint endPoint, MiniChannelOptions options)
    {
        ArgumentNullException.ThrowIfNull(endPoint);
        ArgumentNullException.ThrowIfNull(options);
        return new MiniChannel(Resolving.Target.Of(endPoint), options);
    }

    /// <summary>Connects now rather than with the first call, and completes when there is a connection, after as many attempts as that takes.</summary>
    /// <exception cref="ObjectDisposedException">The channel was closed.</exception>
    public Task ConnectAsync(CancellationToken cancellationToken = default) => Core.ConnectAsync(cancellationToken);

    /// <summary>Completes when <see cref="State"/> is another one than <paramref name="lastObservedState"/>.</summary>
    public Task WaitForStateChangedAsync(ConnectivityState lastObservedState, CancellationToken cancellationToken = default) =>
        Core.WaitForStateChangedAsync(lastObservedState, cancellationToken);

    /// <inheritdoc />
    public override CallInvoker CreateCallInvoker() => new MiniCallInvoker(this);

    /// <summary>Closes the channel at once: calls under way end with CANCELLED, further ones throw <see cref="ObjectDisposedException"/>.</summary>
    public ValueTask DisposeAsync() => new(Core.CloseAsync());

    /// <summary>As <see cref="DisposeAsync"/>, and doesn't wait until the connections are closed: that goes on in the background.</summary>
    public void Dispose() => _ = Core.CloseAsync();

    /// <summary>
    /// Whom calls go to, for those that give tokens: <c>https://host:port</c>. As with every gRPC client without the port that goes without
    /// saying: it becomes part of the token (the audience of a JWT), which is for one text exactly.
    /// </summary>
    internal string Origin => Options.Tls is null ? "http://" + _authority
        : "https://" + (_authority.EndsWith(":443", StringComparison.Ordinal) ? _authority[..^":443".Length] : _authority);

    /// <summary>The requests that are kept for further attempts.</summary>
    internal RetryBuffer RetryBuffer { get; }

    /// <summary>Keeps repeated calls from adding to an overload; null for never.</summary>
    internal RetryThrottle? RetryThrottle => Volatile.Read(ref _config).Throttle;

    /// <summary>What all calls of <paramref name="method"/> have in common.</summary>
    internal MethodPlan PlanOf(IMethod method) => Volatile.Read(ref _config).PlanOf(method, this);

    internal ICompressionProvider FindCompression(string name) =>
        Compressions.Find(System.Text.Encoding.ASCII.GetBytes(name))
            ?? throw new InvalidOperationException($"Requests are to be compressed with '{name}', but CompressionProviders has no provider of that name.");

    /// <summary>
    /// What a resolver has found may come with a service config, or go by the channel's own: calls to come go by it. What failed leaves
    /// it as it is.
    /// </summary>
    private ConfigInUse UseConfig(ResolverResult result)
    {
        ServiceConfig? config = result.ServiceConfig ?? _ownConfig.Source;
        if (result.Failure is null && config != _config.Source)
        {
            Volatile.Write(ref _config, config == _ownConfig.Source ? _ownConfig : new ConfigInUse(config, Options.MaxRetryAttempts, _config));
        }

        return _config;
    }

    /// <inheritdoc />
    protected override Task ShutdownAsyncCore() => Core.CloseAsync();

    /// <summary>The header fields that every call of <paramref name="method"/> starts with.</summary>
    internal PreparedFields CreateRequestBlock(IMethod method)
    {
        if (!CanBeSent(method.FullName))
        {
            throw new ArgumentException($"The method '{method.FullName}' can't be called: its name may only have visible ASCII characters.");
        }

        // Pseudo-header fields first (RFC 9113 section 8.3); te tells proxies that trailers are wanted (gRPC over HTTP/2).
        ReadOnlySpan<(string, string)> fields =
        [
            (":method", "POST"),
            (":scheme", Options.Tls is null ? "http" : "https"),
            (":path", method.FullName),
            (":authority", _authority),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
            ("user-agent", UserAgent),
            ("grpc-accept-encoding", System.Text.Encoding.ASCII.GetString(Compressions.AcceptEncoding.Span)),
        ];
        return new PreparedFields(fields);
    }

    /// <summary>Whether a text of the user may stand in a pseudo-header field: a line break there would be somebody else's next field.</summary>
    private static bool CanBeSent(string text) => text.Length > 0 && !text.AsSpan().ContainsAnyExceptInRange('!', '~');

    private static string UserAgent { get; } = $"grpc-dotnet-minigrpc/{typeof(MiniChannel).Assembly.GetName().Version?.ToString(3)}";
}
