using Grpc.Core;

using MiniGrpc.Client.Balancing.HealthChecking;
using MiniGrpc.Client.Balancing.Outliers;
using MiniGrpc.Wire.Connection;

namespace MiniGrpc.Client.Balancing;

/// <content>
/// What is known of the server beside whether it is connected: what it says of its own health (gRFC A17), and whether it was ejected
/// because its calls fail more often than those of others (gRFC A50). Both stand in front of the connection's state:
/// <code>
/// ejected                    TRANSIENT_FAILURE, whatever happens behind it
/// connected, health asked    CONNECTING until it has answered, READY while it is SERVING, TRANSIENT_FAILURE otherwise
/// else                       the connection's state
/// </code>
/// </content>
public sealed partial class Subchannel
{
    private HealthWatch? _healthWatch;
    private Status? _ejection;

    /// <summary>
    /// Whether the server's health counts for <see cref="State"/>: what it says of it, if the service config names a service to ask for
    /// (gRFC A17), and whether the policy <c>outlier_detection_experimental</c> has ejected it (gRFC A50). Default false. To be set before
    /// <see cref="RequestConnection"/>, by policies that have other servers to send calls to.
    /// </summary>
    /// <remarks>A connected server that is not healthy shows as <see cref="ConnectivityState.TransientFailure"/>, and goes to <see cref="ConnectivityState.Ready"/> without connecting again.</remarks>
    public bool ChecksHealth { get; set; }

    /// <summary>Where calls are counted by how they end; null for nowhere.</summary>
    internal CallCounter? CallCounter
    {
        get => Volatile.Read(ref field);
        set => Volatile.Write(ref field, value);
    }

    private bool IsEjected => _ejection is not null && ChecksHealth;

    /// <summary>Shows it as failed until <see cref="Uneject"/>. On the serializer.</summary>
    internal void Eject(Status why)
    {
        _ejection = why;
        if (ChecksHealth)
        {
            Report(new SubchannelState(ConnectivityState.TransientFailure, why));
        }
    }

    /// <summary>Shows the state behind the ejection again. On the serializer.</summary>
    internal void Uneject()
    {
        _ejection = null;
        if (ChecksHealth)
        {
            Show();
        }
    }

    /// <summary>What is known of the server's health has changed.</summary>
    internal void OnHealthChanged(HealthWatch watch)
    {
        if (watch == _healthWatch)
        {
            Show();
        }
    }

    /// <summary>Asks the server on <paramref name="connection"/>; until it has answered the health is <paramref name="known"/>.</summary>
    private void StartHealthCheck(Http2Connection connection, SubchannelState known)
    {
        if (ChecksHealth && _channel.HealthCheckedService.Name is { } service)
        {
            _healthWatch = new HealthWatch(_channel, this, connection, service, known);
            _healthWatch.Start();
        }
    }

    /// <summary>
    /// A connection was left: if it is the one whose server was asked, the next one's is. The same address may lead to another server, but
    /// until that one has answered, what was heard last counts: calls went to it by that as well.
    /// </summary>
    private void RestartHealthCheck(Http2Connection left)
    {
        if (_healthWatch is { } watch && watch.Connection == left)
        {
            StopHealthCheck();
            if (_connections.Find(other => other != _starting) is { } next)
            {
                StartHealthCheck(next, watch.State);
                Show();
            }
        }
    }

    private void StopHealthCheck()
    {
        _healthWatch?.Dispose();
        _healthWatch = null;
    }

    private void OnHealthCheckedServiceChanged()
    {
        if (_connectivity.State == ConnectivityState.Ready)
        {
            StopHealthCheck();
            StartHealthCheck(_connections.Find(connection => connection != _starting)!, HealthWatch.Untold);
            Show();
        }
    }

    /// <summary>Tells the policy the state, unless it is ejected.</summary>
    private void Show()
    {
        if (!IsEjected)
        {
            Report(_connectivity.State == ConnectivityState.Ready && _healthWatch is { } watch ? watch.State : _connectivity);
        }
    }

    private void Report(SubchannelState state)
    {
        if (State != ConnectivityState.Shutdown)
        {
            State = state.State;
            try
            {
                _listener?.Invoke(state);
            }
            catch (Exception e) when (_onListenerFailed is not null)
            {
                _onListenerFailed(e); // the policy has failed; what the subchannel was about to do is done nonetheless
            }
        }
    }
}
