using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Wire.Connection;

/// <summary>
/// The streams of a connection that calls have let go of, for calls to come. Never more than were open at once, and none for long when
/// no call comes: what a thousand calls at once have left behind is a megabyte.
/// </summary>
/// <remarks>
/// Fast path: a stream with its inbox and its header list is 500 octets and eight objects that a unary call need not make. Without it
/// such a call is right as well, on a stream of its own. Threading: anybody may return one; taken under the gate.
/// </remarks>
internal sealed class StreamPool(Http2Connection connection)
{
    private readonly StreamStack _returned = new();
    private Http2Stream? _free;
    private bool _watched;
    private bool _taken;

    /// <summary>A connection without new calls for that long, or up to twice as long, has no streams waiting for them.</summary>
    internal static TimeSpan Patience => TimeSpan.FromSeconds(5);

    /// <summary>Gives back a closed stream that nobody holds any more: neither the receive loop nor its call.</summary>
    public void Return(Http2Stream stream) => _returned.Push(stream);

    /// <summary>Under the gate: a stream that is as good as new, or null.</summary>
    public Http2Stream? Take()
    {
        _taken = true;
        if (!_watched)
        {
            _watched = true;
            connection.Alarms.Set(Alarm.Idle, Patience);
        }

        _free ??= _returned.TakeAll();
        Http2Stream? stream = _free;
        if (stream is null)
        {
            return null;
        }

        _free = stream.NextInStack;
        stream.NextInStack = null;
        if (stream.IsReady)
        {
            return null; // it still stands in the scheduler, and is left to it
        }

        stream.Renew();
        return stream;
    }

    /// <summary>Its alarm rings, outside of the gate: if no call has come since it was set, the streams go.</summary>
    public void Look()
    {
        bool isIdle;
        lock (connection.Gate)
        {
            isIdle = !_taken;
            _taken = false;
        }

        bool isTidy = isIdle && connection.TryTidyInbound(); // the last streams to end are its still
        using Http2Connection.GateScope gate = connection.Enter();
        if (isIdle && !_taken)
        {
            _free = null;
            _returned.TakeAll();
        }

        // Calls that go on may give theirs back later.
        _watched = !isTidy || _taken || gate.Send.OpenStreams > 0;
        if (_watched)
        {
            connection.Alarms.Set(Alarm.Idle, Patience);
        }
    }
}
