using System.Net;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.Extensions.Logging;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Diagnostics;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Server;

/// <summary>
/// A gRPC server in any process: add services, say where to listen, start.
/// <code>
/// await using var server = new GrpcServer();
/// server.Services.Add(Greeter.BindService(new GreeterService()));
/// server.Listen("http://127.0.0.1:50051");
/// await server.StartAsync();
/// </code>
/// </summary>
/// <remarks>
/// Handlers run on the thread pool. <see cref="DisposeAsync"/> is <see cref="KillAsync"/>; call <see cref="ShutdownAsync()"/>
/// first to let calls finish.
/// </remarks>
public sealed class GrpcServer : IAsyncDisposable
{
    private readonly List<(EndPoint EndPoint, ServerTls? Tls)> _endPoints = [];
    private readonly List<(ITransportListener Listener, ITransportSecurity? Security)> _listeners = [];
    private readonly List<Task> _acceptLoops = [];
    private readonly CancellationTokenSource _stopping = new();
    private ServerCore? _core;
    private bool _stopped;

    /// <summary>Creates a server with default options.</summary>
    public GrpcServer()
        : this(new GrpcServerOptions())
    {
    }

    /// <summary>Creates a server with <paramref name="options"/>.</summary>
    public GrpcServer(GrpcServerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Options = options;
    }

    /// <summary>How the server behaves; changes after the start have no effect.</summary>
    public GrpcServerOptions Options { get; }

    /// <summary>The services to serve; what generated <c>BindService</c> methods return.</summary>
    public IList<ServerServiceDefinition> Services { get; } = [];

    /// <summary>What every call passes through on its way to its handler, the first one first.</summary>
    public IList<Interceptor> Interceptors { get; } = [];

    /// <summary>
    /// The full names of services whose calls are told when the server begins to stop, such as <c>grpc.health.v1.Health</c>, whose watchers
    /// would hold a shutdown up for as long as they like: the <c>CancellationToken</c> of their contexts is cancelled then. They go on
    /// until their handlers return; what those still write arrives. A handler that lets the <see cref="OperationCanceledException"/> pass ends
    /// its call with UNAVAILABLE. Told after <see cref="Stopping"/>.
    /// </summary>
    public IList<string> CancelOnShutdown { get; } = [];

    /// <summary>
    /// Cancelled when the server begins to stop, before any client is told and while calls are still served: the moment to report that it
    /// is going away. <see cref="ShutdownAsync()"/> goes on when what was registered here has returned.
    /// </summary>
    public CancellationToken Stopping => _stopping.Token;

    /// <summary>The addresses that the server listens on, as a client would give them, with the real ports. Empty before the start.</summary>
    public IReadOnlyList<string> Addresses { get; private set; } = [];

    /// <summary>
    /// The real port of each TCP address, in the order of the calls to <see cref="Listen(string)"/>. Empty before the start.
    /// </summary>
    public IReadOnlyList<int> Ports { get; private set; } = [];

    /// <summary>
    /// Listens on <c>http://127.0.0.1:50051</c>, <c>http://[::1]:50051</c>, <c>http://localhost:50051</c>, <c>http://*:50051</c>
    /// (every interface) or <c>unix:/path/to.sock</c>. Port 0 lets the system choose. May be called several times.
    /// </summary>
    /// <exception cref="ArgumentException">The address can't be understood; the message says why.</exception>
    public void Listen(string address)
    {
        EndPoint endPoint = Wire.Transport.Addresses.ParseListen(address, out bool? tls);
        Add(endPoint, tls == true
            ? throw new ArgumentException($"'{address}': TLS needs a certificate; write Listen(address, new ServerTls(certificate)), or http:// for plaintext", nameof(address))
            : null);
    }

    /// <summary>
    /// Listens with TLS on <c>https://127.0.0.1:50051</c>, <c>https://[::1]:50051</c>, <c>https://localhost:50051</c>,
    /// <c>https://*:50051</c> (every interface) or <c>unix:/path/to.sock</c>.
    /// </summary>
    /// <exception cref="ArgumentException">The address can't be understood, or is one for plaintext; the message says why.</exception>
    public void Listen(string address, ServerTls tls)
    {
        ArgumentNullException.ThrowIfNull(tls);
        EndPoint endPoint = Wire.Transport.Addresses.ParseListen(address, out bool? isTls);
        Add(endPoint, isTls == false
            ? throw new ArgumentException($"'{address}': http:// is plaintext; write https:// to listen with TLS, or leave the ServerTls out", nameof(address))
            : tls);
    }

    /// <summary>Listens on an <see cref="IPEndPoint"/>, a <see cref="System.Net.Sockets.UnixDomainSocketEndPoint"/> or a <see cref="MemoryEndPoint"/>.</summary>
    public void Listen(EndPoint endPoint) => Add(endPoint, null);

    /// <summary>Listens with TLS on an <see cref="IPEndPoint"/>, a <see cref="System.Net.Sockets.UnixDomainSocketEndPoint"/> or a <see cref="MemoryEndPoint"/>.</summary>
    public void Listen(EndPoint endPoint, ServerTls tls)
    {
        ArgumentNullException.ThrowIfNull(tls);
        Add(endPoint, tls);
    }

    /// <summary>Starts to listen on every address and to serve.</summary>
    /// <exception cref="IOException">An address can't be listened on; the message says which and why. Nothing is left open.</exception>
    /// <exception cref="InvalidOperationException">
    /// The server was started before, or has nothing to listen on, or a method is registered twice, or an option is out of range.
    /// </exception>
    public Task StartAsync()
    {
        ThrowIfStarted();
        if (_endPoints.Count == 0)
        {
            throw new InvalidOperationException("The server has no address: call Listen before StartAsync.");
        }

        if (Options.MaxConcurrentStreams < 1)
        {
            throw new InvalidOperationException($"MaxConcurrentStreams is {Options.MaxConcurrentStreams}; a server that takes no call at all is no server.");
        }

        ILogger logger = GuardedLogger.Create<GrpcServer>(Options.LoggerFactory);
        List<Interceptor> interceptors = [.. Interceptors];
        var methods = new MethodTable(Services, interceptors);
        methods.CancelOnShutdown(CancelOnShutdown);
        _core = new ServerCore(Options, methods, logger);
        Open(_core.UserTimeout);
        foreach ((ITransportListener listener, ITransportSecurity? security) in _listeners)
        {
            logger.LogInformation("Listening on {Address}{Security}", listener.Address, security is null ? "" : " with TLS");
            _acceptLoops.Add(AcceptLoop.RunAsync(listener, _core, security));
        }

        return Task.CompletedTask;
    }

    /// <summary>Stops gracefully and waits for the calls under way however long they take.</summary>
    public Task ShutdownAsync() => ShutdownAsync(CancellationToken.None);

    /// <summary>
    /// Stops gracefully: cancels <see cref="Stopping"/>, takes no new connections and calls, tells the clients (GOAWAY), and completes
    /// when the calls under way have ended. When <paramref name="cancellationToken"/> is cancelled first, those that are left are ended
    /// as by <see cref="KillAsync"/>.
    /// </summary>
    public async Task ShutdownAsync(CancellationToken cancellationToken)
    {
        if (_core is null)
        {
            return;
        }

        try
        {
            await TellStoppingAsync(_core).WaitAsync(cancellationToken).ConfigureAwait(false);
            await CloseListenersAsync().ConfigureAwait(false);
            _core.BeginShutdown();
            await _core.Drained.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            await KillAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Stops gracefully for at most <paramref name="timeout"/>, then ends the calls that are left.</summary>
    public async Task ShutdownAsync(TimeSpan timeout)
    {
        using var source = new CancellationTokenSource(timeout, Options.TimeProvider);
        await ShutdownAsync(source.Token).ConfigureAwait(false);
    }

    /// <summary>Stops at once: every connection is closed, every call under way is cancelled.</summary>
    public async Task KillAsync()
    {
        if (_core is null)
        {
            return;
        }

        _ = TellStoppingAsync(_core);
        await CloseListenersAsync().ConfigureAwait(false);
        _core.Abort("the server was stopped");
        await _core.Drained.ConfigureAwait(false);
    }

    /// <inheritdoc cref="KillAsync"/>
    public async ValueTask DisposeAsync() => await KillAsync().ConfigureAwait(false);

    /// <summary>Tells who wants to know that the server stops: the program first, then the calls that are to end by themselves.</summary>
    private async Task TellStoppingAsync(ServerCore core)
    {
        foreach (CancellationTokenSource source in (CancellationTokenSource[])[_stopping, core.CallsToldToEnd])
        {
            try
            {
                await source.CancelAsync().ConfigureAwait(false);
            }
            catch (AggregateException e)
            {
                // What users have registered can't be allowed to keep the server from stopping.
                core.Logger.LogError(e, "What was to run when the server begins to stop threw an exception");
            }
        }
    }

    private void Add(EndPoint endPoint, ServerTls? tls)
    {
        ArgumentNullException.ThrowIfNull(endPoint);
        ThrowIfStarted();
        if (endPoint is DnsEndPoint dns)
        {
            throw new ArgumentException($"can't listen on '{dns.Host}:{dns.Port}': give an IP address, not a host name", nameof(endPoint));
        }

        _endPoints.Add((endPoint, tls));
    }

    private void Open(TimeSpan userTimeout)
    {
        try
        {
            foreach ((EndPoint endPoint, ServerTls? tls) in _endPoints)
            {
                _listeners.Add((endPoint is MemoryEndPoint memory ? memory.Listen() : new SocketListener(endPoint, userTimeout), tls));
            }
        }
        catch
        {
            _core = null;
            _listeners.ForEach(listening => listening.Listener.Close());
            _listeners.Clear();
            throw;
        }

        List<int> ports = [];
        List<string> addresses = [];
        foreach ((ITransportListener listener, ITransportSecurity? security) in _listeners)
        {
            addresses.Add(ToClientAddress(listener, security is null ? "http://" : "https://"));
            if (listener is SocketListener { LocalEndPoint: IPEndPoint ip })
            {
                ports.Add(ip.Port);
            }
        }

        Ports = ports.AsReadOnly();
        Addresses = addresses.AsReadOnly();
    }

    private static string ToClientAddress(ITransportListener listener, string scheme) => listener is SocketListener { LocalEndPoint: IPEndPoint ip }
        ? scheme + new IPEndPoint(ToReachable(ip.Address), ip.Port)
        : listener.Address;

    /// <summary>"Every interface" can be listened on, not connected to; loopback is one of them.</summary>
    private static IPAddress ToReachable(IPAddress address) =>
        address.Equals(IPAddress.Any) ? IPAddress.Loopback : address.Equals(IPAddress.IPv6Any) ? IPAddress.IPv6Loopback : address;

    private async Task CloseListenersAsync()
    {
        _stopped = true;
        _listeners.ForEach(listening => listening.Listener.Close());
        await Task.WhenAll(_acceptLoops).ConfigureAwait(false);
    }

    private void ThrowIfStarted()
    {
        if (_core is not null || _stopped)
        {
            throw new InvalidOperationException("The server was started already; addresses and services are added before the start, and it starts once.");
        }
    }
}
