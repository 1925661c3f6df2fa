using Grpc.Core;

using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Client.Balancing;

/// <summary>How a subchannel stands.</summary>
/// <param name="State">Its state.</param>
/// <param name="Status">Why, if it is <see cref="ConnectivityState.TransientFailure"/>.</param>
public readonly record struct SubchannelState(ConnectivityState State, Status Status);

/// <summary>
/// One address and the connection to it. Connects when it is asked to, waits after an attempt that failed (gRPC connection backoff), and
/// then is idle until it is asked again.
/// </summary>
/// <remarks>
/// Threading: its state belongs to the channel's serializer, where load-balancing policies run, too. Calls are started from any thread on the connection
/// that is there; what the connection reports on its receive loop is posted to the serializer.
/// </remarks>
public sealed partial class Subchannel : IDisposable
{
    private readonly ChannelCore _channel;
    private readonly Backoff _backoff;
    private readonly CancellationTokenSource _closing = new();
    private Action<SubchannelState>? _listener;
    private Action<Exception>? _onListenerFailed;
    private Http2Connection? _connection;
    private Http2Connection? _ready;
    private ITimer? _retryTimer;

    internal Subchannel(ChannelCore channel, BalancerAddress address)
    {
        _channel = channel;
        Address = address;
        _backoff = new Backoff(channel.Options.InitialReconnectBackoff, channel.Options.MaxReconnectBackoff, channel.Options.Random);
    }

    /// <summary>Where it connects to.</summary>
    public BalancerAddress Address { get; }

    /// <summary>How it stands.</summary>
    public ConnectivityState State { get; private set; }

    /// <summary>Whether a call could be started now.</summary>
    internal bool HasFreeStream => Volatile.Read(ref _ready)?.CanOpen == OpenResult.Opened;

    /// <summary>The connection that calls go to.</summary>
    internal Http2Connection? ReadyConnection => Volatile.Read(ref _ready);

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
        if (State == ConnectivityState.Idle)
        {
            SetState(ConnectivityState.Connecting);
            _ = Detached.Start(ConnectAsync);
        }
    });

    /// <summary>The policy doesn't use it any more: calls under way go on to their end, no others are started.</summary>
    public void Dispose()
    {
        Volatile.Write(ref _ready, null);
        _channel.Post(ShutDown);
    }

    /// <summary>Starts a call on the connection, if there is one with a free stream.</summary>
    internal OpenResult TryOpen(ClientCall call)
    {
        if (Volatile.Read(ref _ready) is not { } connection)
        {
            return OpenResult.GoingAway; // the next picker knows
        }

        OpenResult result = call.TryOpen(connection);

        // One that has carried no call is left when its end is known: that is a failed attempt, and not for a call to pass over.
        if (result == OpenResult.GoingAway && connection.HasCarriedCalls
            && Interlocked.CompareExchange(ref _ready, null, connection) == connection)
        {
            PostLeave(connection, "it takes no more calls");
        }

        return result;
    }

    /// <summary>The wait after a failed attempt is over at once: the network has changed, or somebody wants to know now.</summary>
    internal void ResetBackoff()
    {
        _backoff.Reset();
        if (_retryTimer is not null)
        {
            OnBackoffOver();
        }
    }

    private void ShutDown()
    {
        if (State == ConnectivityState.Shutdown)
        {
            return;
        }

        State = ConnectivityState.Shutdown;
        _listener = null;
        _retryTimer?.Dispose();
        _closing.Cancel(); // wakes our own connecting only, no code of a user
        if (_connection is { WasReady: true })
        {
            _connection.StopOpening();
        }
        else
        {
            _connection?.Abort(new ConnectionEnd("it is not wanted any more", IsClean: true)); // it has carried no call
        }

        _connection = null;
    }

    private void SetState(ConnectivityState state, Status status = default)
    {
        State = state;
        try
        {
            _listener?.Invoke(new SubchannelState(state, status));
        }
        catch (Exception e) when (_onListenerFailed is not null)
        {
            _onListenerFailed(e); // the policy has failed; what the subchannel was about to do is done nonetheless
        }
    }
}
