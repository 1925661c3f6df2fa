using System.Net;

using Microsoft.Extensions.Logging;

using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Client;

/// <summary>
/// One address and the connection to it: connects when a call needs it, keeps calls waiting for the connection or for a free
/// stream, first come first tried, and waits longer from one failed attempt to the next (gRPC connection backoff).
/// </summary>
/// <remarks>
/// Threading: its lock guards the state and the queue; calls are started outside of it, on the pool or on their caller's
/// thread. A call that finds a free stream on a ready connection doesn't take the lock. Calls that are tried at the same moment may
/// overtake each other: a call whose marshaller is slow holds up no other.
/// </remarks>
internal sealed partial class Subchannel : IThreadPoolWorkItem
{
    private readonly EndPoint _endPoint;
    private readonly string _host;
    private readonly ITransportSecurity? _security;
    private readonly MiniChannelOptions _options;
    private readonly ILogger _logger;
    private readonly ConnectionOptions _connectionOptions;
    private readonly Backoff _backoff;
    private readonly Lock _lock = new();
    private readonly LinkedList<ClientCall> _waiting = [];
    private readonly HashSet<Http2Connection> _connections = [];
    private readonly PostedCompletion _closed = new();
    private readonly CancellationTokenSource _closing = new();
    private Http2Connection? _ready;
    private ITimer? _retryTimer;
    private string? _failure;
    private long _lastTicket;
    private bool _connecting;
    private bool _drainPosted;
    private bool _isClosed;

    public Subchannel(EndPoint endPoint, string host, MiniChannelOptions options, ILogger logger)
    {
        _endPoint = endPoint;
        _host = host;
        _security = options.Tls;
        _options = options;
        _logger = logger;
        ConnectionOptions.CheckTime(options.ConnectTimeout, nameof(options.ConnectTimeout));
        _backoff = new Backoff(options.InitialReconnectBackoff, options.MaxReconnectBackoff, options.Random);
        ConnectionOptions connectionOptions = options.Connection with
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
        _connectionOptions = connectionOptions.Validated();
    }

    /// <summary>Where calls go on when something has come in for them.</summary>
    public IDispatcher Dispatcher => _connectionOptions.Dispatcher;

    /// <summary>Calls that wait for a connection or for a free stream.</summary>
    public int WaitingCalls => _waiting.Count;

    /// <summary>Starts a call now, or as soon as there is a connection with a free stream; the call learns if there won't be one.</summary>
    public void Start(ClientCall call)
    {
        ObjectDisposedException.ThrowIf(_isClosed, typeof(MiniChannel));
        Http2Connection? ready = Volatile.Read(ref _ready);
        if (ready is not null && _waiting.Count == 0 && call.TryOpen(ready) == OpenResult.Opened)
        {
            return;
        }

        Wait(call);
    }

    /// <summary>A call has ended while it waited: it doesn't wait any more.</summary>
    public void Forget(ClientCall call)
    {
        lock (_lock)
        {
            if (call.QueueNode is { List: not null } node)
            {
                _waiting.Remove(node);
            }

            call.QueueNode = null;
        }
    }

    /// <summary>Closes everything; calls under way and waiting are cancelled.</summary>
    public async Task CloseAsync()
    {
        Http2Connection[] connections;
        ClientCall[] waiting;
        lock (_lock)
        {
            _isClosed = true;
            _retryTimer?.Dispose();
            _ready = null;
            connections = [.. _connections];
            waiting = [.. _waiting];
            _waiting.Clear();
            if (connections.Length == 0)
            {
                Dispatcher.Post(_closed);
            }
        }

        _closing.Cancel(); // wakes our own connecting only, no code of a user
        var end = new ConnectionEnd(ClientCall.ChannelClosed, IsClean: true);
        Array.ForEach(waiting, call => call.OnUnavailable(ClientCall.ChannelClosed));
        Array.ForEach(connections, connection => connection.Abort(end));
        await _closed.Task.ConfigureAwait(false);
    }

    /// <summary>On the pool: calls that wait are started, for as long as there are free streams.</summary>
    void IThreadPoolWorkItem.Execute()
    {
        lock (_lock)
        {
            _drainPosted = false;
        }

        while (TakeFirst() is (ClientCall call, Http2Connection connection))
        {
            if (call.TryOpen(connection) != OpenResult.Opened)
            {
                PutBack(call);
                return;
            }
        }
    }

    private void Wait(ClientCall call)
    {
        string? refusal;
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isClosed, typeof(MiniChannel));
            call.Ticket = ++_lastTicket;
            refusal = Enqueue(call);
            PostDrain();
        }

        OnEnqueued(call, refusal);
    }

    private (ClientCall Call, Http2Connection Connection)? TakeFirst()
    {
        lock (_lock)
        {
            while (_waiting.First is { } first)
            {
                if (!first.Value.HasEnded && _ready is null)
                {
                    return null;
                }

                _waiting.RemoveFirst();
                first.Value.QueueNode = null;
                if (!first.Value.HasEnded)
                {
                    return (first.Value, _ready!);
                }
            }

            return null;
        }
    }

    private void PutBack(ClientCall call)
    {
        string? refusal;
        lock (_lock)
        {
            // One that has carried no call is left when its end is known: that is a failed attempt, and not for a call to pass over.
            if (_ready is { CanOpen: OpenResult.GoingAway, HasCarriedCalls: true })
            {
                _ready = null;
                _backoff.Reset();
            }

            refusal = Enqueue(call);

            // A stream may have become free between the try and now, before anybody was waiting.
            if (_ready?.CanOpen == OpenResult.Opened)
            {
                PostDrain();
            }
        }

        OnEnqueued(call, refusal);
    }

    /// <summary>
    /// Under the lock: puts a call in its place among those that wait, or answers why it need not wait. Its place is not always the
    /// first: several that were taken out at the same time may come back in any order.
    /// </summary>
    private string? Enqueue(ClientCall call)
    {
        if (_isClosed)
        {
            return ClientCall.ChannelClosed;
        }

        if (_failure is not null && !call.WaitsForReady)
        {
            return _failure;
        }

        LinkedListNode<ClientCall>? next = _waiting.Last?.Value.Ticket > call.Ticket ? _waiting.First : null;
        while (next?.Value.Ticket < call.Ticket)
        {
            next = next.Next;
        }

        call.QueueNode = next is null ? _waiting.AddLast(call) : _waiting.AddBefore(next, call);
        ConnectIfNeeded();
        return null;
    }

    private void OnEnqueued(ClientCall call, string? refusal)
    {
        if (refusal is not null)
        {
            call.OnUnavailable(refusal);
        }
        else if (call.HasEnded)
        {
            Forget(call); // ended just before it was queued
        }
    }

    private void PostDrain()
    {
        if (!_drainPosted && _waiting.Count > 0 && _ready is not null)
        {
            _drainPosted = true;
            _connectionOptions.Dispatcher.Post(this);
        }
    }
}
