using System.Collections.Concurrent;
using System.Net;

using Grpc.Core;

using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

using MiniGrpc.Wire;
using MiniGrpc.Wire.Grpc;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Transport;

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
public sealed class MiniChannel : ChannelBase, IAsyncDisposable
{
    private readonly ConcurrentDictionary<IMethod, PreparedFields> _requestBlocks = new(ReferenceEqualityComparer.Instance);
    private readonly string _authority;

    private MiniChannel(string target, string authority, EndPoint endPoint, MiniChannelOptions options)
        : base(target)
    {
        _authority = CanBeSent(authority)
            ? authority
            : throw new ArgumentException($"'{authority}' can't be the name of a host: it may only have visible ASCII characters.", nameof(endPoint));
        Options = options;
        Compressions = new CompressionSet(options.CompressionProviders);
        RequestCompression = options.RequestCompressionAlgorithm is null ? null : FindCompression(options.RequestCompressionAlgorithm);
        Logger = options.LoggerFactory?.CreateLogger<MiniChannel>() ?? (ILogger)NullLogger.Instance;
        Subchannel = new Subchannel(endPoint, Addresses.HostOf(authority), options, Logger);
    }

    internal MiniChannelOptions Options { get; }

    internal CompressionSet Compressions { get; }

    internal ICompressionProvider? RequestCompression { get; }

    internal ILogger Logger { get; }

    internal Subchannel Subchannel { get; }

    /// <summary>
    /// A channel to <c>http://host:port</c> (plaintext HTTP/2), <c>https://host:port</c> (with <see cref="MiniChannelOptions.Tls"/>
    /// set) or <c>unix:/path/to.sock</c>. Nothing is connected yet.
    /// </summary>
    /// <exception cref="ArgumentException">The address can't be understood, or it and the options differ about TLS; the message says why.</exception>
    public static MiniChannel ForAddress(string address) => ForAddress(address, new MiniChannelOptions());

    /// <inheritdoc cref="ForAddress(string)"/>
    public static MiniChannel ForAddress(string address, MiniChannelOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        EndPoint endPoint = Addresses.ParseConnect(address, out string authority, out bool? tls);
        if (tls == true && options.Tls is null)
        {
            throw new ArgumentException($"'{address}': for TLS set MiniChannelOptions.Tls to a new ClientTls(), or write http:// for plaintext", nameof(address));
        }

        if (tls == false && options.Tls is not null)
        {
            throw new ArgumentException($"'{address}': http:// is plaintext, but MiniChannelOptions.Tls is set; write https://, or leave Tls null", nameof(address));
        }

        return new MiniChannel(address, authority, endPoint, options);
    }

    /// <summary>A channel to an <see cref="IPEndPoint"/>, a <see cref="System.Net.Sockets.UnixDomainSocketEndPoint"/> or a <see cref="MemoryEndPoint"/>.</summary>
    public static MiniChannel ForEndPoint(EndPoint endPoint) => ForEndPoint(endPoint, new MiniChannelOptions());

    /// <inheritdoc cref="ForEndPoint(EndPoint)"/>
    public static MiniChannel ForEndPoint(EndPoint endPoint, MiniChannelOptions options)
    {
        ArgumentNullException.ThrowIfNull(endPoint);
        ArgumentNullException.ThrowIfNull(options);
        string authority = endPoint is IPEndPoint or DnsEndPoint { AddressFamily: System.Net.Sockets.AddressFamily.Unspecified }
            ? endPoint is DnsEndPoint dns ? $"{dns.Host}:{dns.Port}" : endPoint.ToString()!
            : "localhost";
        return new MiniChannel(Addresses.Format(endPoint), authority, endPoint, options);
    }

    /// <inheritdoc />
    public override CallInvoker CreateCallInvoker() => new MiniCallInvoker(this);

    /// <summary>Closes the channel at once: calls under way end with CANCELLED, further ones throw <see cref="ObjectDisposedException"/>.</summary>
    public ValueTask DisposeAsync() => new(Subchannel.CloseAsync());

    /// <summary>The header fields that every call of <paramref name="method"/> starts with.</summary>
    internal PreparedFields RequestBlock(IMethod method) => _requestBlocks.GetOrAdd(method, static (method, channel) => channel.CreateRequestBlock(method), this);

    internal ICompressionProvider FindCompression(string name) =>
        Compressions.Find(System.Text.Encoding.ASCII.GetBytes(name))
            ?? throw new InvalidOperationException($"Requests are to be compressed with '{name}', but CompressionProviders has no provider of that name.");

    /// <inheritdoc />
    protected override Task ShutdownAsyncCore() => Subchannel.CloseAsync();

    private PreparedFields CreateRequestBlock(IMethod method)
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
