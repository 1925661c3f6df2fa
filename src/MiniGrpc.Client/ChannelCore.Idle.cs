using Microsoft.Extensions.Logging;

using MiniGrpc.Client.Balancing;
using MiniGrpc.Wire.Connection;

namespace MiniGrpc.Client;

/// <content>
/// Idle mode: a channel that has had no calls for a while disposes of everything, and starts again with the next call. Calls pay nothing for
/// that: once in <see cref="MiniChannelOptions.IdleTimeout"/> the channel checks whether there are any, and whether streams were opened since.
/// </content>
internal sealed partial class ChannelCore
{
    private ITimer? _idleTimer;
    private long _opened;
    private long _openedOnClosedConnections;

    /// <summary>On the serializer: the channel is at work from now on.</summary>
    private void WatchForIdleness()
    {
        TimeSpan period = Options.IdleTimeout;
        _opened = CountOpened(out _);
        _idleTimer = period == Timeout.InfiniteTimeSpan ? null : Options.TimeProvider.CreateTimer(
            static core => ((ChannelCore)core!).PostLookForCalls(), this, period, period);
    }

    private void StopWatching()
    {
        _idleTimer?.Dispose();
        _idleTimer = null;
    }

    private void PostLookForCalls() => Post(LookForCalls);

    private void LookForCalls()
    {
        if (_idleTimer is null)
        {
            return; // rang just before it was stopped
        }

        long before = _opened;
        _opened = CountOpened(out bool hasCalls);
        bool wereAsked = Router.TakeAsked();
        if (!hasCalls && _opened == before && !wereAsked)
        {
            EnterIdle();
        }
    }

    /// <summary>
    /// Calls that come meanwhile are no worse off: one that has opened its stream keeps it to its end, and any other meets the picker that
    /// starts the channel again.
    /// </summary>
    private void EnterIdle()
    {
        Logger.LogDebug("No calls to {Target} for {Time}: its connections are closed", Target.Text, Options.IdleTimeout);
        StopWatching();
        Router.SetPicker(new IdlePicker(RequestConnection));
        _policy.Dispose();
        _resolver!.Dispose();
        _resolver = null;
        SetState(ConnectivityState.Idle);
    }

    /// <summary>How many streams were ever opened, or a little more, but never less than before.</summary>
    private long CountOpened(out bool hasCalls)
    {
        lock (_lock)
        {
            hasCalls = Router.HasWaitingCalls || Volatile.Read(ref _awaitingCalls) > 0;
            long opened = _openedOnClosedConnections;
            foreach (Http2Connection connection in _connections)
            {
                (int open, int started) = connection.Carried;
                hasCalls |= open > 0;
                opened += started;
            }

            return opened;
        }
    }
}
