using Microsoft.Extensions.Logging;

using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Client;

/// <content>The connection: how it comes about, what it reports, and how long to wait after an attempt that failed.</content>
internal sealed partial class Subchannel : IConnectionOwner
{
    Http2Stream? IConnectionOwner.OpenStream(Http2Connection connection) => null;

    void IConnectionOwner.OnReady(Http2Connection connection)
    {
        lock (_lock)
        {
            _connecting = false;
            _failure = null;
            _ready = connection;
            PostDrain();
        }
    }

    void IConnectionOwner.OnStreamsAvailable(Http2Connection connection)
    {
        if (_waiting.Count == 0)
        {
            return; // a call that is just being queued looks once more after it has been
        }

        lock (_lock)
        {
            PostDrain();
        }
    }

    void IConnectionOwner.OnGoAway(Http2Connection connection) => Leave(connection, connection.GoAwayReason!);

    void IConnectionOwner.OnEnded(Http2Connection connection, ConnectionEnd end)
    {
        if (!Leave(connection, end.Reason) && !connection.WasReady)
        {
            OnConnectFailed(end.Reason);
        }
    }

    void IConnectionOwner.OnClosed(Http2Connection connection)
    {
        lock (_lock)
        {
            _connections.Remove(connection);
            if (_isClosed && _connections.Count == 0)
            {
                Dispatcher.Post(_closed);
            }
        }
    }

    /// <summary>
    /// The connection takes no more calls: those that wait, and those to come, get another. At once if it has carried calls;
    /// one that was of no use counts as a failed attempt, or a server that turns everybody away would be asked without pause.
    /// </summary>
    private bool Leave(Http2Connection connection, string reason)
    {
        bool carriedCalls = connection.HasCarriedCalls;
        lock (_lock)
        {
            if (_ready != connection)
            {
                return false;
            }

            _ready = null;
            if (carriedCalls)
            {
                _backoff.Reset();
                ConnectIfNeeded();
            }
        }

        if (!carriedCalls)
        {
            OnConnectFailed($"{Addresses.Format(_endPoint)} took no call: {reason}");
        }

        return true;
    }

    /// <summary>Under the lock: connects if somebody waits, nobody connects yet, and no wait between attempts is under way.</summary>
    private void ConnectIfNeeded()
    {
        if (_waiting.Count > 0 && _ready is null && !_connecting && _retryTimer is null && !_isClosed)
        {
            _connecting = true;
            _ = Detached.Start(ConnectAsync);
        }
    }

    private async Task ConnectAsync()
    {
        await Dispatcher.Yield(); // called under the lock
        long started = _options.TimeProvider.GetTimestamp();
        ITransport transport;
        try
        {
            transport = await Connector.ConnectAsync(_endPoint, _options, _closing.Token).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // Whatever it was, the calls that wait must hear of it.
            OnConnectFailed(e is IOException ? e.Message : $"can't connect to {Addresses.Format(_endPoint)}: {e.Message}");
            return;
        }

        transport = _security?.Secure(transport, _host) ?? transport;

        // What connecting took is no longer there for the TLS handshake and the server's SETTINGS.
        TimeSpan left = _options.ConnectTimeout - _options.TimeProvider.GetElapsedTime(started);
        ConnectionOptions options = _connectionOptions with
        {
            HandshakeTimeout = _options.ConnectTimeout == Timeout.InfiniteTimeSpan ? Timeout.InfiniteTimeSpan : left > TimeSpan.Zero ? left : TimeSpan.Zero,
        };
        var connection = new Http2Connection(Role.Client, transport, options, this);
        lock (_lock)
        {
            if (_isClosed)
            {
                transport.Abort();
                return;
            }

            _connections.Add(connection);
        }

        await connection.RunAsync().ConfigureAwait(false);
    }

    private void OnConnectFailed(string reason)
    {
        List<ClientCall> failed = [];
        lock (_lock)
        {
            _connecting = false;
            if (_isClosed)
            {
                return;
            }

            _failure = reason;
            for (LinkedListNode<ClientCall>? node = _waiting.First; node is not null;)
            {
                LinkedListNode<ClientCall>? next = node.Next;
                if (!node.Value.WaitsForReady)
                {
                    failed.Add(node.Value);
                    node.Value.QueueNode = null;
                    _waiting.Remove(node);
                }

                node = next;
            }

            TimeSpan wait = _backoff.Next();
            _logger.LogInformation("{Reason}; next attempt in {Wait} at the earliest", reason, wait);
            _retryTimer = _options.TimeProvider.CreateTimer(static s => ((Subchannel)s!).OnBackoffOver(), this, wait, Timeout.InfiniteTimeSpan);
        }

        failed.ForEach(call => call.OnUnavailable(reason));
    }

    private void OnBackoffOver()
    {
        lock (_lock)
        {
            _retryTimer?.Dispose();
            _retryTimer = null;
            _failure = null;
            ConnectIfNeeded();
        }
    }
}
