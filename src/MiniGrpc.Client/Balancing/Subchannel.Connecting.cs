using Grpc.Core;

using Microsoft.Extensions.Logging;

using MiniGrpc.Client.Balancing.HealthChecking;
using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Client.Balancing;

/// <content>The connection: how it comes about, what it reports, and how long to wait after an attempt that failed.</content>
public sealed partial class Subchannel : IConnectionOwner
{
    private static readonly TimeSpan s_furtherIdle = TimeSpan.FromMinutes(1);

    private readonly List<Http2Connection> _connections = []; // those that are made, and that start
    private Http2Connection? _starting;
    private SerialTimer? _retry;
    private bool _isConnecting;
    private bool _wasTurnedAway;

    Http2Stream? IConnectionOwner.OpenStream(Http2Connection connection) => null;

    void IConnectionOwner.OnReady(Http2Connection connection) => _channel.Post(() => OnReady(connection));

    void IConnectionOwner.OnStreamsAvailable(Http2Connection connection) => _channel.Router.OnStreamsAvailable();

    void IConnectionOwner.OnGoAway(Http2Connection connection)
    {
        if (connection.WasAskedToPingLess)
        {
            _channel.Post(() => _channel.PingLessThan(connection));
        }

        PostLeave(connection, connection.GoAwayReason!);
    }

    void IConnectionOwner.OnEnded(Http2Connection connection, ConnectionEnd end) => PostLeave(connection, end.Reason, end.Error is not null);

    void IConnectionOwner.OnClosed(Http2Connection connection) => _channel.RemoveConnection(connection);

    private void OnReady(Http2Connection connection)
    {
        if (_starting != connection)
        {
            return; // shut down meanwhile
        }

        EndAttempt();
        Http2Connection[] ready = Volatile.Read(ref _ready);
        while (Interlocked.CompareExchange(ref _ready, [.. ready, connection], ready) is var now && now != ready)
        {
            ready = now;
        }

        Volatile.Write(ref _wantsMore, 0);
        if (_connectivity.State == ConnectivityState.Ready)
        {
            _channel.Router.OnStreamsAvailable();
        }
        else
        {
            StartHealthCheck(connection, HealthWatch.Untold);
            SetState(ConnectivityState.Ready);
        }
    }

    private void PostLeave(Http2Connection connection, string reason, bool isFault = false)
    {
        // Not by a fault of the server's, and not sooner than another attempt would have been made.
        bool wasOfUse = connection.HasCarriedCalls || (!isFault && connection.ReadyFor >= _channel.Options.InitialReconnectBackoff.TotalMilliseconds);
        _channel.Post(() => Leave(connection, reason, wasOfUse));
    }

    /// <summary>The connection takes no more calls. With the last one, the subchannel has none.</summary>
    private void Leave(Http2Connection connection, string reason, bool wasOfUse)
    {
        if (!_connections.Remove(connection))
        {
            return; // left already
        }

        RemoveReady(connection);
        if (connection == _starting)
        {
            OnConnectFailed(reason);
            return;
        }

        RestartHealthCheck(connection);
        if (_connections.Exists(other => other != _starting))
        {
            _channel.Router.OnStreamsAvailable(); // whoever waits for a free stream may ask for another connection
        }
        else
        {
            LeaveLast(connection, reason, wasOfUse);
        }
    }

    /// <summary>
    /// The subchannel is idle if its connection has carried calls, or was ready for longer than the wait after a first attempt that failed, or was
    /// asked to go before the first call came. One that ended at once, or was found to be of no use, counts as a failed attempt, and so does
    /// the second in a row that is asked to go: a server that turns everybody away would be asked without pause.
    /// </summary>
    private void LeaveLast(Http2Connection connection, string reason, bool wasOfUse)
    {
        if (wasOfUse)
        {
            _wasTurnedAway = false;
            _backoff.Reset();
            SetState(ConnectivityState.Idle);
        }
        else if (connection.WasAskedToGo && !_wasTurnedAway)
        {
            _wasTurnedAway = true;
            SetState(ConnectivityState.Idle);
        }
        else
        {
            Fail($"{Address} took no call: {reason}");
        }
    }

    /// <summary>Connects, unless that is under way. A wait is over.</summary>
    private void Connect()
    {
        _retry?.Stop();
        if (!_isConnecting && !_channel.IsClosed)
        {
            _isConnecting = true;
            _ = Detached.Start(ConnectAsync);
        }
    }

    /// <summary>
    /// A call has found no free stream, and the channel may have a further connection. While one is made, or after an attempt that failed, calls
    /// are put to the subchannel again when that is over.
    /// </summary>
    private void ConnectFurther()
    {
        if (_connectivity.State != ConnectivityState.Ready || _connections.Count >= _channel.Options.MaxConnectionsPerAddress)
        {
            Volatile.Write(ref _wantsMore, 0);
        }
        else if (!_isConnecting && _retry is not { IsRunning: true })
        {
            Connect();
        }
    }

    private async Task ConnectAsync()
    {
        await _channel.Dispatcher.Yield(); // what is slow doesn't hold the serializer up
        MiniChannelOptions options = _channel.Options;
        long started = options.TimeProvider.GetTimestamp();
        ITransport? transport = null;
        try
        {
            transport = await Connector.ConnectAsync(Address.EndPoint, options, _channel.ConnectionOptions.KeepAlive.UserTimeout, _closing.Token).ConfigureAwait(false);
            transport = options.Tls is ITransportSecurity security ? security.Secure(transport, _channel.Host) : transport;
        }
        catch (Exception e)
        {
            // Whatever it was, the calls that wait must hear of it.
            transport?.Abort();
            string reason = e is IOException ? e.Message : $"can't connect to {Address}: {e.Message}";
            _channel.Post(() => OnNotConnected(reason));
            return;
        }

        // What connecting took is no longer there for the TLS handshake and the server's SETTINGS.
        TimeSpan left = options.ConnectTimeout - options.TimeProvider.GetElapsedTime(started);
        ConnectionOptions connectionOptions = _channel.ConnectionOptions with
        {
            HandshakeTimeout = options.ConnectTimeout == Timeout.InfiniteTimeSpan ? Timeout.InfiniteTimeSpan : left > TimeSpan.Zero ? left : TimeSpan.Zero,
        };
        _channel.Post(() => Adopt(transport, connectionOptions));
    }

    /// <summary>There is a transport: HTTP/2 starts on it, unless nobody wants it any more.</summary>
    private void Adopt(ITransport transport, ConnectionOptions options)
    {
        // One of several ends when it has had nothing to do for a while: the others are given calls first.
        ConnectionLifeOptions life = _connections.Count == 0 ? ConnectionLifeOptions.Endless : ConnectionLifeOptions.Endless with { MaxIdle = s_furtherIdle };
        KeepAliveOptions keepAlive = options.KeepAlive with { Delay = _channel.KeepAlivePingDelay };
        var connection = new Http2Connection(Role.Client, transport, options with { Life = life, KeepAlive = keepAlive }, this);
        if (_connectivity.State == ConnectivityState.Shutdown || !_channel.TryAddConnection(connection))
        {
            transport.Abort();
            return;
        }

        _starting = connection;
        _connections.Add(connection);
        _ = connection.RunAsync();
    }

    private void OnNotConnected(string reason)
    {
        if (_connectivity.State != ConnectivityState.Shutdown)
        {
            _channel.Logger.LogInformation("{Reason}", reason);
        }

        OnConnectFailed(reason);
    }

    /// <summary>An attempt has failed, and the log says why already. What is connected is not harmed by that.</summary>
    private void OnConnectFailed(string reason)
    {
        EndAttempt();
        if (_connectivity.State is ConnectivityState.Ready or ConnectivityState.Idle)
        {
            Wait();
        }
        else if (_connectivity.State != ConnectivityState.Shutdown)
        {
            Fail(reason);
        }
    }

    private void EndAttempt()
    {
        _starting = null;
        _isConnecting = false;
    }

    private void Fail(string reason)
    {
        Wait();
        SetState(ConnectivityState.TransientFailure, new Status(StatusCode.Unavailable, reason));
    }

    private void Wait()
    {
        TimeSpan wait = _backoff.Next();
        _channel.Logger.LogInformation("Next attempt to connect to {Address} in {Wait} at the earliest", Address, wait);
        _retry ??= new SerialTimer(_channel.Options.TimeProvider, _channel.Post, OnBackoffOver);
        _retry.Start(wait);
    }

    private void OnBackoffOver()
    {
        Volatile.Write(ref _wantsMore, 0);
        if (_connectivity.State == ConnectivityState.TransientFailure)
        {
            SetState(ConnectivityState.Idle);
        }
        else if (_connectivity.State == ConnectivityState.Ready)
        {
            _channel.Router.OnStreamsAvailable();
        }
    }

    private void ShutDown()
    {
        State = ConnectivityState.Shutdown; // from here on the listener isn't told any more
        _connectivity = new SubchannelState(ConnectivityState.Shutdown, default);
        _starting = null;
        _channel.HealthCheckedService.Changed -= OnHealthCheckedServiceChanged;
        StopHealthCheck();
        Volatile.Write(ref _ready, []);
        _retry?.Stop();
        _closing.Cancel(); // wakes our own connecting only, no code of a user
        foreach (Http2Connection connection in _connections)
        {
            if (connection.WasReady)
            {
                connection.StopOpening();
            }
            else
            {
                connection.Abort(new ConnectionEnd("it is not wanted any more", IsClean: true)); // it has carried no call
            }
        }

        _connections.Clear();
    }
}
