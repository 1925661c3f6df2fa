using Grpc.Core;

using Microsoft.Extensions.Logging;

using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Client.Balancing.HealthChecking;

/// <summary>
/// Asks one server on one connection for the health of a service, for as long as the connection takes calls (gRFC A17). The server tells by
/// the stream of Watch whenever it changes:
/// <code>
/// Watch is started      CONNECTING
/// SERVING               READY
/// another status        TRANSIENT_FAILURE
/// UNIMPLEMENTED         READY to the connection's end: the server has no health service
/// no free stream        as before, and Watch is started again after a wait
/// any other end         TRANSIENT_FAILURE, and Watch is started again: at once if it has told something, otherwise after a wait
/// </code>
/// </summary>
/// <remarks>On the channel's serializer; what Watch tells is posted there.</remarks>
internal sealed class HealthWatch(ChannelCore channel, Subchannel subchannel, Http2Connection connection, string service, SubchannelState state) : IDisposable
{
    private readonly Backoff _backoff = Backoff.OfConnecting(channel.Options);
    private HealthWatchCall? _call;
    private SerialTimer? _retry;
    private bool _isDisposed;

    /// <summary>What is shown of a server that hasn't told anything yet.</summary>
    public static SubchannelState Untold { get; } = new(ConnectivityState.Connecting, default);

    /// <summary>The state of the subchannel, by what the server says.</summary>
    public SubchannelState State { get; private set; } = state;

    /// <summary>Where Watch is called.</summary>
    public Http2Connection Connection => connection;

    private string ServiceText => service.Length == 0 ? "the server as a whole" : $"service '{service}'";

    /// <summary>Starts Watch.</summary>
    public void Start() => _ = Detached.Start(WatchAsync);

    /// <summary>The connection takes no more calls, or nobody wants to know: Watch is cancelled.</summary>
    public void Dispose()
    {
        _isDisposed = true;
        _retry?.Stop();
        _call?.Dispose();
    }

    /// <summary>Begins on the serializer, and goes on away from it.</summary>
    private async Task WatchAsync()
    {
        bool hasTold = false;
        Status end;
        try
        {
            using var call = new HealthWatchCall(channel.Channel, connection);
            _call = call;
            await channel.Dispatcher.Yield(); // call credentials are a user's code: it doesn't hold the serializer up
            call.Start(service);
            while (await call.Reader.MoveNext(CancellationToken.None).ConfigureAwait(false))
            {
                hasTold = true;
                HealthReport report = call.Reader.Current;
                channel.Post(() => OnReport(report));
            }

            end = call.GetStatus();
        }
        catch (Exception e)
        {
            // Also what call credentials have against the connection: calls would fail by it, too.
            end = e is RpcException rpc ? rpc.Status : new Status(StatusCode.Internal, e.Message, e);
        }

        channel.Post(() => OnEnded(end, hasTold));
    }

    private void OnReport(HealthReport report) => Change(report.IsServing
        ? new SubchannelState(ConnectivityState.Ready, default)
        : Failure($"{subchannel.Address} says that {ServiceText} is {report}"));

    private void OnEnded(Status end, bool hasTold)
    {
        if (_isDisposed || connection.CanOpen == OpenResult.GoingAway)
        {
            return; // the connection has ended, which is not the server's health, and is reported elsewhere
        }

        if (_call is { FoundNoStream: true })
        {
            Wait(Start);
            return;
        }

        if (end.StatusCode == StatusCode.Unimplemented)
        {
            channel.Logger.LogError(
                "{Address} can't be asked for the health of {Service}, it has no health service; it counts as healthy", subchannel.Address, ServiceText);
            Change(new SubchannelState(ConnectivityState.Ready, default));
            return;
        }

        Change(Failure($"{subchannel.Address} doesn't tell the health of {ServiceText}: Watch ended with {end.StatusCode}, \"{end.Detail}\""));
        if (hasTold)
        {
            _backoff.Reset();
            StartAgain();
        }
        else
        {
            Wait(StartAgain);
        }
    }

    private void Wait(Action then)
    {
        _retry?.Stop();
        _retry = new SerialTimer(channel.Options.TimeProvider, channel.Post, then);
        _retry.Start(_backoff.Next());
    }

    private void StartAgain()
    {
        Change(new SubchannelState(ConnectivityState.Connecting, default));
        Start();
    }

    private void Change(SubchannelState state)
    {
        if (!_isDisposed)
        {
            State = state;
            subchannel.OnHealthChanged(this);
        }
    }

    private static SubchannelState Failure(string why) => new(ConnectivityState.TransientFailure, new Status(StatusCode.Unavailable, why));
}
