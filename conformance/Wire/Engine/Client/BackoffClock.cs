using Microsoft.Extensions.Time.Testing;
using MiniGrpc.Client;
using MiniGrpc.Client.Balancing;

namespace MiniGrpc.Conformance.Wire.Engine.Client;

/// <summary>
/// A clock moved by hand that tells when a subchannel has begun to wait for its next attempt to connect, a health check for its next
/// attempt to ask, a call for its next attempt, or a resolver or policy that has failed for the next one: before that there is nothing
/// that time could bring about.
/// </summary>
internal class BackoffClock : FakeTimeProvider
{
    private readonly SemaphoreSlim _armed = new(0);

    /// <summary>Completes when a wait has begun, once for each.</summary>
    public Task IsArmedAsync() => RawPeer.Within(_armed.WaitAsync(), "somebody to wait for a next attempt");

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        ITimer timer = base.CreateTimer(callback, state, dueTime, period);
        if (state is ICallHandle || (state is SerialTimer.Wait && dueTime != PickFirst.AttemptDelay))
        {
            _armed.Release();
        }

        return timer;
    }
}
