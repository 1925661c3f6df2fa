using Microsoft.Extensions.Logging;

using MiniGrpc.Wire;
using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Grpc;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Server;

/// <summary>A running server: its methods, its connections, and how they end.</summary>
/// <remarks>Thread-safe: the set of connections is guarded by its lock; the rest is immutable or a counter.</remarks>
internal sealed class ServerCore : IConnectionOwner
{
    private readonly HashSet<Http2Connection> _connections = [];
    private readonly PostedCompletion _drained = new();
    private readonly ConnectionOptions _connectionOptions;
    private bool _stopping;
    private bool _full;
    private int _runningCalls;

    public ServerCore(GrpcServerOptions options, MethodTable methods, ILogger logger)
    {
        Options = options;
        Methods = methods;
        Logger = logger;
        Compressions = new CompressionSet(options.CompressionProviders);
        ResponseCompression = options.ResponseCompressionAlgorithm is null
            ? null
            : Compressions.Find(System.Text.Encoding.ASCII.GetBytes(options.ResponseCompressionAlgorithm))
                ?? throw new InvalidOperationException($"ResponseCompressionAlgorithm is '{options.ResponseCompressionAlgorithm}', but CompressionProviders has no provider of that name.");
        ConnectionOptions connectionOptions = options.Connection with
        {
            Limits = options.Connection.Limits with
            {
                MaxHeaderListSize = options.MaxHeaderListSize,
                MaxHeaderFields = options.MaxHeaderFields,
                MaxConcurrentStreams = options.MaxConcurrentStreams,
                Abuse = options.AbuseLimits,
            },
            KeepAlive = new KeepAliveOptions(options.KeepAlivePingDelay, options.KeepAlivePingTimeout, WithoutCalls: true),
            Life = new ConnectionLifeOptions(options.MaxConnectionIdle, options.MaxConnectionAge, options.MaxConnectionAgeGrace),
            HandshakeTimeout = options.HandshakeTimeout,
            Logger = logger,
            Time = options.TimeProvider,
            WireTrace = options.WireTrace,
        };
        ConnectionOptions.CheckSize(options.MaxReceiveMessageSize, nameof(options.MaxReceiveMessageSize));
        ConnectionOptions.CheckSize(options.MaxSendMessageSize, nameof(options.MaxSendMessageSize));
        _connectionOptions = connectionOptions.Validated();
    }

    public GrpcServerOptions Options { get; }

    /// <summary>How long clients' systems may leave octets unacknowledged.</summary>
    public TimeSpan UserTimeout => _connectionOptions.KeepAlive.UserTimeout;

    public MethodTable Methods { get; }

    public ILogger Logger { get; }

    public CompressionSet Compressions { get; }

    public ICompressionProvider? ResponseCompression { get; }

    /// <summary>Cancelled for the calls of <see cref="GrpcServer.CancelOnShutdown"/>.</summary>
    public CancellationTokenSource CallsToldToEnd { get; } = new();

    /// <summary>Calls whose handler has not returned.</summary>
    public int RunningCalls => Volatile.Read(ref _runningCalls);

    /// <summary>Completes when the server is stopping and its last connection has ended.</summary>
    public Task Drained => _drained.Task;

    /// <summary>Serves a peer that has connected.</summary>
    public void Serve(ITransport transport)
    {
        var connection = new Http2Connection(Role.Server, transport, _connectionOptions, this);
        bool isRefused;
        bool isFull;
        bool wasFull;
        lock (_connections)
        {
            wasFull = _full;
            isFull = _full = !_stopping && _connections.Count >= Options.MaxConnections;
            isRefused = _stopping || isFull;
            if (!isRefused)
            {
                _connections.Add(connection);
            }
        }

        if (!isRefused)
        {
            _ = connection.RunAsync();
            return;
        }

        transport.Abort();
        if (isFull)
        {
            TellOfRefusal(isFirst: !wasFull);
        }
    }

    /// <summary>Takes no more connections and asks those there are to finish.</summary>
    public void BeginShutdown()
    {
        Http2Connection[] connections;
        lock (_connections)
        {
            _stopping = true;
            connections = [.. _connections];
        }

        foreach (Http2Connection connection in connections)
        {
            connection.BeginShutdown();
        }

        CheckDrained();
    }

    /// <summary>Ends every connection at once, and with it every call.</summary>
    public void Abort(string reason)
    {
        Http2Connection[] connections;
        lock (_connections)
        {
            _stopping = true;
            connections = [.. _connections];
        }

        foreach (Http2Connection connection in connections)
        {
            connection.Abort(new ConnectionEnd(reason, IsClean: true));
        }

        CheckDrained();
    }

    /// <summary>A call's handler has returned, or the call was refused.</summary>
    public void OnCallEnded() => Interlocked.Decrement(ref _runningCalls);

    /// <inheritdoc />
    public Http2Stream? OpenStream(Http2Connection connection)
    {
        Http2Stream stream = connection.Pool.Take() ?? new ServerStream(this, connection);
        Interlocked.Increment(ref _runningCalls);
        return stream;
    }

    /// <inheritdoc />
    public void OnReady(Http2Connection connection)
    {
        // A server waits for requests, not for its client's settings.
    }

    /// <inheritdoc />
    public void OnStreamsAvailable(Http2Connection connection)
    {
        // A server opens no streams.
    }

    /// <inheritdoc />
    public void OnGoAway(Http2Connection connection)
    {
        // The client says that it will open no more streams; those there are go on.
    }

    /// <inheritdoc />
    public void OnEnded(Http2Connection connection, ConnectionEnd end)
    {
        // Its calls have been told; the server waits for the connection to be closed.
    }

    /// <inheritdoc />
    public void OnClosed(Http2Connection connection)
    {
        lock (_connections)
        {
            _connections.Remove(connection);
        }

        CheckDrained();
    }

    /// <summary>There are as many connections as there may be: that is said once, until there is room again. Under no lock, for loggers are the user's.</summary>
    private void TellOfRefusal(bool isFirst)
    {
        WireMetrics.ConnectionRefused(Logger);
        if (isFirst)
        {
            Logger.LogWarning("{Count} connections are open (limit MaxConnections): further ones are closed at once", Options.MaxConnections);
        }
    }

    private void CheckDrained()
    {
        lock (_connections)
        {
            if (_stopping && _connections.Count == 0)
            {
                _connectionOptions.Dispatcher.Post(_drained);
            }
        }
    }
}
