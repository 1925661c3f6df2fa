using MiniGrpc.Client.Balancing;

namespace MiniGrpc.Client;

/// <content>The calls that wait: they are tried again, in their order, whenever a picker or a free stream has come.</content>
internal sealed partial class CallRouter
{
    /// <summary>On the pool: calls that wait are started, for as long as there are free streams.</summary>
    void IThreadPoolWorkItem.Execute()
    {
        SubchannelPicker picker;
        lock (_lock)
        {
            _drainPosted = false;
            Interlocked.Increment(ref _drains);
            picker = _picker;
        }

        try
        {
            Drain(picker);
        }
        finally
        {
            Interlocked.Decrement(ref _drains); // what was opened shows as a stream by now, and what was not waits again
        }
    }

    private void Drain(SubchannelPicker picker)
    {
        List<ClientCall>? back = null;
        List<Subchannel>? withoutRoom = null;
        while (TakeFirst() is { } call)
        {
            Outcome outcome = Route(call, picker, mayOpen: true, out Subchannel? picked);
            if (outcome == Outcome.Done)
            {
                continue;
            }

            (back ??= []).Add(call);
            if (picked is not null)
            {
                (withoutRoom ??= []).Add(picked);
            }

            if (picker.TreatsCallsAlike && outcome != Outcome.WaitsForReady)
            {
                break; // the next one would fare no better
            }
        }

        if (back is not null)
        {
            PutBack(back, picker, withoutRoom);
        }
    }

    private ClientCall? TakeFirst()
    {
        lock (_lock)
        {
            return _waiting.TakeFirst();
        }
    }

    private void PutBack(List<ClientCall> calls, SubchannelPicker picker, List<Subchannel>? withoutRoom)
    {
        bool closed;
        lock (_lock)
        {
            closed = _isClosed;
            if (!closed)
            {
                for (int i = calls.Count - 1; i >= 0; i--)
                {
                    _waiting.PutBack(calls[i]); // the last one first: each finds its place at the front
                }

                DrainIfChanged(picker, null);
                withoutRoom?.ForEach(picked => DrainIfChanged(picker, picked));
            }
        }

        calls.ForEach(closed ? call => call.OnUnavailable(s_closed) : ForgetIfEnded);
    }

    /// <summary>Under the lock: a picker, or a free stream, may have come between the try and now, when nobody was waiting yet.</summary>
    private void DrainIfChanged(SubchannelPicker picker, Subchannel? picked)
    {
        if (picker != _picker || HasFreeStream(picker, picked))
        {
            PostDrain();
        }
    }

    /// <summary>Whether one of those has a free stream that a call is brought to for which <paramref name="picked"/> has none.</summary>
    private static bool HasFreeStream(SubchannelPicker picker, Subchannel? picked)
    {
        for (Subchannel? one = picked; one is not null; one = picker.NextAfter(one) is { } next && next != picked ? next : null)
        {
            if (one.HasFreeStream)
            {
                return true;
            }
        }

        return false;
    }

    private void ForgetIfEnded(ClientCall call)
    {
        if (call.HasEnded)
        {
            Forget(call); // ended just before it was queued
        }
    }

    private void PostDrain()
    {
        if (!_drainPosted && _waiting.Count > 0)
        {
            _drainPosted = true;
            dispatcher.Post(this);
        }
    }
}
