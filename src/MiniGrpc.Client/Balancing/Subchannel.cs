using Grpc.Core;

using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Client.Balancing;

/// <summary>The state of a subchannel, and the reason.</summary>
/// <param name="State">Its connectivity state.</param>
/// <param name="Status">Why, if it is <see cref="ConnectivityState.TransientFailure"/>.</param>
public readonly record struct SubchannelState(ConnectivityState State, Status Status);

/// <summary>
/// One address and the connection to it; several if the channel may have them and the first has no free stream. Connects when it is asked to,
/// waits after an attempt that failed (gRPC connection backoff), and then is idle until it is asked again.
/// </summary>
/// <remarks>
/// Threading: its state belongs to the channel's serializer, where load-balancing policies run, too. Calls are started from any thread on the connections
/// that are there; what a connection reports on its receive loop is posted to the serializer.
/// </remarks>
public sealed partial class Subchannel : IDisposable
{
    private readonly ChannelCore _channel;
    private readonly Backoff _backoff;
    private readonly CancellationTokenSource _closing = new();
    private Action<SubchannelState>? _listener;
    private Action<Exception>? _onListenerFailed;
    private Http2Connection[] _ready = []; // written on the serializer, and by calls that find one that goes away
    private int _wantsMore;
    private SubchannelState _connectivity;

    internal Subchannel(ChannelCore channel, BalancerAddress address)
    {
        _channel = channel;
        Address = address;
        _channel.HealthCheckedService.Changed += OnHealthCheckedServiceChanged;
        _backoff = Backoff.OfConnecting(channel.Options);
    }

    /// <summary>Where it connects to.</summary>
    public BalancerAddress Address { get; }

    /// <summary>Its connectivity state; with <see cref="ChecksHealth"/> the server's health is part of it.</summary>
    public ConnectivityState State { get; private set; }

    /// <summary>Whether a call could be started now.</summary>
    internal bool HasFreeStream => FreeOne(Volatile.Read(ref _ready)) is not null;

    /// <summary>Who is told, one after the other, when the state has changed. One listener.</summary>
    public void OnStateChanged(Action<SubchannelState> listener)
    {
        ArgumentNullException.ThrowIfNull(listener);
        _listener = listener;
    }

    /// <summary>Who is told when the listener has thrown, which may be a user's own.</summary>
    internal void OnListenerFailed(Action<Exception> handler) => _onListenerFailed = handler;

    /// <summary>Connects if it is idle. Otherwise it is connected, connects, waits to, or was shut down.</summary>
    public void RequestConnection() => _channel.Post(() =>
    {
        if (_connectivity.State == ConnectivityState.Idle)
        {
            SetState(ConnectivityState.Connecting);
            Connect();
        }
    });

    /// <summary>The policy doesn't use it any more: calls under way go on to their end, no others are started.</summary>
    public void Dispose()
    {
        Volatile.Write(ref _ready, []);
        _channel.Post(ShutDown);
    }

    /// <summary>Starts a call on a connection with a free stream, if there is one.</summary>
    internal OpenResult TryOpen(ClientCall call)
    {
        OpenResult result = OpenResult.GoingAway; // without a connection, the next picker knows
        Http2Connection[] ready = Volatile.Read(ref _ready);
        foreach (Http2Connection candidate in ready)
        {
            // A call that finds a connection full has encoded its request for nothing: where there are others, they are asked first.
            Http2Connection connection = ready.Length == 1 ? candidate : FreeOne(ready) ?? candidate;
            result = call.TryOpen(connection);
            if (result != OpenResult.GoingAway)
            {
                break;
            }

            // One that has carried no call is left when its end is known: that is a failed attempt, and not for a call to pass over.
            if (connection.HasCarriedCalls && RemoveReady(connection))
            {
                PostLeave(connection, "it takes no more calls");
            }
        }

        if (result == OpenResult.AtLimit && ready.Length < _channel.Options.MaxConnectionsPerAddress && Interlocked.Exchange(ref _wantsMore, 1) == 0)
        {
            _channel.Post(ConnectFurther);
        }

        return result;
    }

    private static Http2Connection? FreeOne(Http2Connection[] ready) => Array.Find(ready, connection => connection.CanOpen == OpenResult.Opened);

    private bool RemoveReady(Http2Connection connection)
    {
        for (Http2Connection[] ready = Volatile.Read(ref _ready); Array.IndexOf(ready, connection) >= 0; ready = Volatile.Read(ref _ready))
        {
            if (Interlocked.CompareExchange(ref _ready, Array.FindAll(ready, other => other != connection), ready) == ready)
            {
                return true;
            }
        }

        return false;
    }

    private void SetState(ConnectivityState state, Status status = default)
    {
        _connectivity = new SubchannelState(state, status);
        Show();
    }
}
