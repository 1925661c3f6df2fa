using Grpc.Core;

using MiniGrpc.Client.Balancing;
using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Client;

/// <summary>
/// Brings calls to connections: asks the load-balancing policy's picker for each, and keeps those for which there is no connection, or
/// no free stream, until there is.
/// </summary>
/// <remarks>
/// Threading: its lock guards the queue; pickers are asked, and calls started, outside of it, on their caller's thread or on the pool.
/// A call that finds a free stream doesn't take the lock. Calls that are tried at the same moment may overtake each other: a call
/// whose marshaller is slow holds up no other.
/// </remarks>
internal sealed partial class CallRouter(IDispatcher dispatcher, SubchannelPicker picker) : IThreadPoolWorkItem
{
    private static readonly Status s_closed = new(StatusCode.Cancelled, ClientCall.ChannelClosed);

    private readonly Lock _lock = new();
    private readonly CallQueue _waiting = new();
    private readonly CancellationTokenSource _closing = new();
    private SubchannelPicker _picker = picker;
    private bool _drainPosted;
    private int _drains; // that run
    private bool _wasAsked;
    private bool _isClosed;

    private enum Outcome : byte
    {
        /// <summary>The call is on its way, or has ended.</summary>
        Done,

        /// <summary>The picker has no connection for it yet.</summary>
        NotYet,

        /// <summary>The connection that was picked has no free stream.</summary>
        Full,

        /// <summary>The picker says that it fails, but it waits for ready.</summary>
        WaitsForReady,

        /// <summary>There is a connection for it, but others were there first.</summary>
        BehindOthers,
    }

    /// <summary>What the calls that wait are waiting for.</summary>
    public string CallsWaitFor => Volatile.Read(ref _picker).CallsWaitFor;

    /// <summary>How many calls wait.</summary>
    public int WaitingCalls => _waiting.Count;

    /// <summary>Whether calls wait, or did and are just tried.</summary>
    public bool HasWaitingCalls => Volatile.Read(ref _drains) > 0 || _waiting.Count > 0;

    /// <summary>Whether calls that found no connection have come since this was last asked: the others are known by their streams.</summary>
    public bool TakeAsked() => Interlocked.Exchange(ref _wasAsked, false);

    /// <summary>Cancelled when the channel is closed: no call can be started any more. For our own code only, which is called as it happens.</summary>
    public CancellationToken Closing => _closing.Token;

    /// <summary>Starts a call now, or as soon as there is a connection with a free stream; the call learns if there won't be one.</summary>
    /// <exception cref="ObjectDisposedException">The channel was closed.</exception>
    public void Start(ClientCall call)
    {
        ObjectDisposedException.ThrowIf(_isClosed, typeof(MiniChannel));
        SubchannelPicker picker = Volatile.Read(ref _picker);
        Outcome outcome = Route(call, picker, mayOpen: _waiting.Count == 0, out Subchannel? picked);
        if (outcome == Outcome.Done)
        {
            return;
        }

        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isClosed, typeof(MiniChannel));
            _waiting.Add(call);
            if (outcome == Outcome.BehindOthers)
            {
                PostDrain();
            }

            DrainIfChanged(picker, picked);
        }

        ForgetIfEnded(call);
    }

    /// <summary>A call has ended while it waited: it doesn't wait any more.</summary>
    public void Forget(ClientCall call)
    {
        lock (_lock)
        {
            _waiting.Remove(call);
        }
    }

    /// <summary>From now on calls go where <paramref name="picker"/> says; those that wait ask it first.</summary>
    public void SetPicker(SubchannelPicker picker)
    {
        lock (_lock)
        {
            Volatile.Write(ref _picker, picker);
            PostDrain();
        }
    }

    /// <summary>A connection has a free stream that hadn't. Any thread, receive loops as well.</summary>
    public void OnStreamsAvailable()
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

    /// <summary>Calls that wait are cancelled, and no more are taken.</summary>
    public void Close()
    {
        ClientCall[] waiting;
        lock (_lock)
        {
            _isClosed = true;
            waiting = _waiting.TakeAll();
        }

        Array.ForEach(waiting, call => call.OnUnavailable(s_closed));
        _closing.Cancel();
    }

    /// <summary>
    /// Asks the picker for one call and starts it there, if it may be opened before others that wait. User code runs here: marshallers, and
    /// pickers of the user's own.
    /// </summary>
    private Outcome Route(ClientCall call, SubchannelPicker picker, bool mayOpen, out Subchannel? picked)
    {
        picked = null;
        PickResult pick;
        try
        {
            pick = picker.Pick(new PickContext(call));
        }
        catch (Exception e)
        {
            call.OnUnavailable(LocalStatus.Of(e, StatusCode.Internal, "The load-balancing policy's picker failed"));
            return Outcome.Done;
        }

        switch (pick.Kind)
        {
            case PickKind.Fail when call.WaitsForReady:
                return Outcome.WaitsForReady;
            case PickKind.Drop or PickKind.Fail:
                if (pick.Kind == PickKind.Drop)
                {
                    call.NoteDropped();
                }

                Volatile.Write(ref _wasAsked, true);
                call.OnUnavailable(LocalStatus.Permitted(pick.Status, "The load-balancing policy fails the call"));
                return Outcome.Done;
            case PickKind.Queue:
                return Outcome.NotYet;
            case PickKind.Complete when !mayOpen:
                return Outcome.BehindOthers;
        }

        picked = pick.Subchannel!;
        Subchannel? subchannel = picked;
        bool isFull = false;
        do
        {
            OpenResult result = subchannel.TryOpen(call);
            if (result == OpenResult.Opened)
            {
                return Outcome.Done;
            }

            isFull |= result == OpenResult.AtLimit;
            subchannel = picker.NextAfter(subchannel);
        }
        while (subchannel is not null && subchannel != picked);

        return isFull ? Outcome.Full : Outcome.NotYet;
    }
}
