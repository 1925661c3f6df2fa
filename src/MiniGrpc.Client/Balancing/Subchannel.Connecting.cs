using Grpc.Core;

using Microsoft.Extensions.Logging;

using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Client.Balancing;

/// <content>The connection: how it comes about, what it reports, and how long to wait after an attempt that failed.</content>
public sealed partial class Subchannel : IConnectionOwner
{
    Http2Stream? IConnectionOwner.OpenStream(Http2Connection connection) => null;

    void IConnectionOwner.OnReady(Http2Connection connection) => _channel.Post(() => OnReady(connection));

    void IConnectionOwner.OnStreamsAvailable(Http2Connection connection) => _channel.Router.OnStreamsAvailable();

    void IConnectionOwner.OnGoAway(Http2Connection connection) => PostLeave(connection, connection.GoAwayReason!);

    void IConnectionOwner.OnEnded(Http2Connection connection, ConnectionEnd end) => PostLeave(connection, end.Reason);

    void IConnectionOwner.OnClosed(Http2Connection connection) => _channel.RemoveConnection(connection);

    private void OnReady(Http2Connection connection)
    {
        if (_connection == connection)
        {
            Volatile.Write(ref _ready, connection);
            StartHealthCheck(connection);
            SetState(ConnectivityState.Ready);
        }
    }

    private void PostLeave(Http2Connection connection, string reason) => _channel.Post(() => Leave(connection, reason));

    /// <summary>
    /// The connection takes no more calls, and the subchannel is idle if it has carried some. One that was of no use counts as a failed
    /// attempt, or a server that turns everybody away would be asked without pause.
    /// </summary>
    private void Leave(Http2Connection connection, string reason)
    {
        if (_connection != connection)
        {
            return; // left already
        }

        bool hasServed = HasServed(connection);
        _connection = null;
        Volatile.Write(ref _ready, null);
        StopHealthCheck();
        if (hasServed)
        {
            _backoff.Reset();
            SetState(ConnectivityState.Idle);
        }
        else
        {
            OnConnectFailed(connection.WasReady ? $"{Address} took no call: {reason}" : reason);
        }
    }

    private async Task ConnectAsync()
    {
        await _channel.Dispatcher.Yield(); // what is slow doesn't hold the serializer up
        MiniChannelOptions options = _channel.Options;
        long started = options.TimeProvider.GetTimestamp();
        ITransport transport;
        try
        {
            transport = await Connector.ConnectAsync(Address.EndPoint, options, _closing.Token).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // Whatever it was, the calls that wait must hear of it.
            string reason = e is IOException ? e.Message : $"can't connect to {Address}: {e.Message}";
            _channel.Post(() => OnConnectFailed(reason));
            return;
        }

        transport = options.Tls is ITransportSecurity security ? security.Secure(transport, _channel.Host) : transport;

        // What connecting took is no longer there for the TLS handshake and the server's SETTINGS.
        TimeSpan left = options.ConnectTimeout - options.TimeProvider.GetElapsedTime(started);
        ConnectionOptions connectionOptions = _channel.ConnectionOptions with
        {
            HandshakeTimeout = options.ConnectTimeout == Timeout.InfiniteTimeSpan ? Timeout.InfiniteTimeSpan : left > TimeSpan.Zero ? left : TimeSpan.Zero,
        };
        _channel.Post(() => Adopt(new Http2Connection(Role.Client, transport, connectionOptions, this)));
    }

    /// <summary>There is a transport: HTTP/2 starts on it, unless nobody wants it any more.</summary>
    private void Adopt(Http2Connection connection)
    {
        if (_connectivity.State == ConnectivityState.Shutdown || !_channel.TryAddConnection(connection))
        {
            connection.Transport.Abort();
            return;
        }

        _connection = connection;
        _ = connection.RunAsync();
    }

    private void OnConnectFailed(string reason)
    {
        if (_connectivity.State == ConnectivityState.Shutdown)
        {
            return;
        }

        TimeSpan wait = _backoff.Next();
        _channel.Logger.LogInformation("{Reason}; next attempt in {Wait} at the earliest", reason, wait);
        _retryTimer = _channel.Options.TimeProvider.CreateTimer(
            static s => ((Subchannel)s!).PostBackoffOver(), this, wait, Timeout.InfiniteTimeSpan);
        SetState(ConnectivityState.TransientFailure, new Status(StatusCode.Unavailable, reason));
    }

    private void PostBackoffOver() => _channel.Post(OnBackoffOver);

    private void OnBackoffOver()
    {
        _retryTimer?.Dispose();
        _retryTimer = null;
        if (_connectivity.State == ConnectivityState.TransientFailure)
        {
            SetState(ConnectivityState.Idle);
        }
    }
}
