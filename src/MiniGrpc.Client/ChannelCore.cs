using Grpc.Core;
using Microsoft.Extensions.Logging;
using MiniGrpc.Client.Balancing;
using MiniGrpc.Client.Balancing.HealthChecking;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Client.Resolving;
using MiniGrpc.Wire.Connection;

namespace MiniGrpc.Client;

/// <summary>
/// What a channel consists of: a resolver finds addresses, a load-balancing policy makes subchannels of them, and a router brings calls to
/// these.
/// <code>
///             serializer                          |  any thread
///  resolver --addresses--> policy --subchannels-->| picker &lt;-- router &lt;-- calls
///     ^                      |                    |
///     +----- look again -----+                    |
/// </code>
/// Nothing of it is started before the first call, or a request to connect.
/// </summary>
internal sealed partial class ChannelCore : IChannelControlHelper
{
    private readonly Lock _lock = new();
    private readonly HashSet<Http2Connection> _connections = [];
    private readonly PostedCompletion _closed = new();
    private readonly WorkSerializer _serializer;
    private readonly PolicySwitch _policy;
    private readonly Func<ResolverResult, ConfigInUse> _useConfig;
    private Resolver? _resolver;
    private bool _isUpdating;
    private bool _isClosed;

    public ChannelCore(Target target, MiniChannelOptions options, Func<ResolverResult, ConfigInUse> useConfig, ILogger logger)
    {
        Target = target;
        _useConfig = useConfig;
        Options = options;
        Logger = logger;
        Wire.Connection.ConnectionOptions.CheckTime(options.ConnectTimeout, nameof(options.ConnectTimeout));
        Wire.Connection.ConnectionOptions.CheckTime(options.IdleTimeout, nameof(options.IdleTimeout));
        Wire.Connection.ConnectionOptions.CheckSize(options.MaxReceiveMessageSize, nameof(options.MaxReceiveMessageSize));
        Wire.Connection.ConnectionOptions.CheckSize(options.MaxSendMessageSize, nameof(options.MaxSendMessageSize));
        CheckBackoff(options.InitialReconnectBackoff, nameof(options.InitialReconnectBackoff));
        CheckBackoff(options.MaxReconnectBackoff, nameof(options.MaxReconnectBackoff));
        ConnectionOptions = Create(options, logger).Validated();
        KeepAlivePingDelay = options.KeepAlivePingDelay;
        _serializer = new WorkSerializer(Dispatcher, OnFailure);
        _policy = new PolicySwitch(this, options, logger);
        Router = new CallRouter(Dispatcher, new IdlePicker(RequestConnection));
    }

    /// <summary>The channel as its users see it.</summary>
    public required MiniChannel Channel { get; init; }

    /// <summary>What the channel was made for.</summary>
    public Target Target { get; }

    public MiniChannelOptions Options { get; }

    public ILogger Logger { get; }

    /// <summary>What connections are given.</summary>
    public ConnectionOptions ConnectionOptions { get; }

    /// <summary>How long a connection to come is quiet before it asks; longer than the option once a server has complained. On the serializer.</summary>
    public TimeSpan KeepAlivePingDelay { get; private set; }

    /// <summary>Where calls go on when something has come in for them.</summary>
    public IDispatcher Dispatcher => ConnectionOptions.Dispatcher;

    /// <summary>The service whose health servers are asked for.</summary>
    public HealthCheckedService HealthCheckedService { get; } = new();

    /// <summary>Whether the channel was closed: nothing is connected to any more.</summary>
    public bool IsClosed => Volatile.Read(ref _isClosed);

    /// <summary>Refuses a service config of the channel's own that names no policy there is, which would only show when it connects.</summary>
    /// <exception cref="InvalidOperationException">It names none; the message says which there are.</exception>
    public void CheckPolicies(LoadBalancingConfig[] wanted)
    {
        if (_policy.FindMistake(wanted) is { } mistake)
        {
            throw new InvalidOperationException($"The service config is wrong: loadBalancingConfig: names {mistake}.");
        }
    }

    /// <summary>Brings calls to connections.</summary>
    public CallRouter Router { get; }

    /// <summary>The name that servers' certificates have to be for, unless the channel is told another one.</summary>
    public string? Host => Target.Host;

    /// <summary>The connections that are open.</summary>
    public IReadOnlyCollection<Http2Connection> Connections
    {
        get
        {
            lock (_lock)
            {
                return [.. _connections];
            }
        }
    }

    /// <summary>Runs <paramref name="work"/> on the serializer. Nothing is left to do once the channel is closed.</summary>
    public void Post(Action work) => _serializer.Post(work);

    /// <inheritdoc />
    public Subchannel CreateSubchannel(BalancerAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return new Subchannel(this, address);
    }

    /// <inheritdoc />
    public void RefreshResolver()
    {
        if (!_isUpdating)
        {
            _resolver?.Refresh(); // otherwise what it has found is on its way: one that answers at once would be asked without end
        }
    }

    /// <summary>Connects if the channel is idle: looks addresses up first if that hasn't been done yet.</summary>
    public void RequestConnection() => Post(() =>
    {
        if (_isClosed)
        {
            return;
        }

        if (_resolver is not null)
        {
            _policy.RequestConnection();
            return;
        }

        SetState(ConnectivityState.Connecting);
        Router.SetPicker(FixedPicker.Queue);
        WatchForIdleness();
        Resolver resolver = Target.CreateResolver(Options, Logger, Post);
        _resolver = resolver;
        resolver.Start(result => Post(() => OnResolved(resolver, result)));
    });

    /// <summary>
    /// A server has ended <paramref name="connection"/> for its keepalive PINGs: those to come wait twice as long before they ask
    /// (gRFC A8), so that the next ones live. Several that end for the same delay double it once. On the serializer.
    /// </summary>
    public void PingLessThan(Http2Connection connection)
    {
        TimeSpan used = connection.Options.KeepAlive.Delay;
        if (used != KeepAlivePingDelay || used == Timeout.InfiniteTimeSpan)
        {
            return;
        }

        KeepAlivePingDelay = used < Wire.Connection.ConnectionOptions.LongestTime / 2 ? used * 2 : Wire.Connection.ConnectionOptions.LongestTime;
        Logger.LogWarning(
            "{Peer} ended a connection for too many keepalive PINGs: further ones are sent after {Delay} without input (KeepAlivePingDelay is {Option})",
            connection.Transport.RemoteAddress, KeepAlivePingDelay, Options.KeepAlivePingDelay);
    }

    /// <summary>A connection has been made; false if the channel was closed meanwhile.</summary>
    public bool TryAddConnection(Http2Connection connection)
    {
        lock (_lock)
        {
            return !_isClosed && _connections.Add(connection);
        }
    }

    /// <summary>Nothing of a connection is left. On its receive loop.</summary>
    public void RemoveConnection(Http2Connection connection)
    {
        lock (_lock)
        {
            _connections.Remove(connection);
            _openedOnClosedConnections += connection.Carried.Started;
            if (_isClosed && _connections.Count == 0)
            {
                Dispatcher.Post(_closed);
            }
        }
    }

    /// <summary>
    /// Closes everything; calls under way and waiting are cancelled. A connection that has some is cut off, which tells the server's handlers
    /// at once; one without says goodbye first (RFC 9113 section 6.8), and its server has a moment to close.
    /// </summary>
    public async Task CloseAsync()
    {
        Http2Connection[] connections;
        lock (_lock)
        {
            _isClosed = true;
            connections = [.. _connections];
            if (connections.Length == 0)
            {
                Dispatcher.Post(_closed);
            }
        }

        Router.Close();
        var end = new ConnectionEnd(ClientCall.ChannelClosed, IsClean: true);
        foreach (Http2Connection connection in connections)
        {
            if (connection.WasReady)
            {
                connection.StopSoon(); // a call that was just starting has a stream by now, or never will
            }

            if (!connection.WasReady || connection.Carried.Open > 0)
            {
                connection.Abort(end);
            }
        }

        var stopped = new PostedCompletion();
        Post(() =>
        {
            StopWatching();
            _resolver?.Dispose();
            _policy.Dispose();
            SetState(ConnectivityState.Shutdown);
            EndAwaitingConfig();
            Dispatcher.Post(stopped);
        });
        await stopped.Task.ConfigureAwait(false);
        await _closed.Task.ConfigureAwait(false);
    }

    /// <inheritdoc />
    public void UpdateState(ConnectivityState state, SubchannelPicker picker)
    {
        ArgumentNullException.ThrowIfNull(picker);
        if (!_isClosed)
        {
            Router.SetPicker(picker);
            SetState(state);
        }
    }

    private static ConnectionOptions Create(MiniChannelOptions options, ILogger logger) => options.Connection with
    {
        Logger = logger,
        Time = options.TimeProvider,
        WireTrace = options.WireTrace,
        Limits = options.Connection.Limits with
        {
            MaxHeaderListSize = options.MaxHeaderListSize,
            MaxHeaderFields = options.MaxHeaderFields,
            Abuse = options.AbuseLimits,
        },
        KeepAlive = new KeepAliveOptions(options.KeepAlivePingDelay, options.KeepAlivePingTimeout, options.KeepAlivePingWithoutCalls),
    };

    /// <summary>A wait that is none would ask a server that is down without pause.</summary>
    private static void CheckBackoff(TimeSpan wait, string name)
    {
        if (wait <= TimeSpan.Zero)
        {
            throw new InvalidOperationException($"{name} is {wait}; expected more than nothing.");
        }
    }

    private void OnResolved(Resolver resolver, ResolverResult result)
    {
        if (_isClosed || resolver != _resolver)
        {
            return;
        }

        _isUpdating = true;
        try
        {
            ConfigInUse config = _useConfig(result);
            HealthCheckedService.Set(Options.DisableHealthChecking ? null : config.HealthCheckServiceName);
            _policy.Update(result, config.Policies);
        }
        finally
        {
            _isUpdating = false;
            EndAwaitingConfig();
        }
    }

    /// <summary>A policy or a resolver threw: nobody knows what it would have done, so calls fail until the next addresses come.</summary>
    private void OnFailure(Exception e)
    {
        Logger.LogError(e, "The load-balancing policy or the resolver of {Target} failed", Target.Text);
        UpdateState(ConnectivityState.TransientFailure, new FixedPicker(PickResult.ForFailure(
            new Status(StatusCode.Internal, $"The load-balancing policy or the resolver failed: {e.Message}", e))));
    }
}
