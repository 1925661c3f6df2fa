using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Wire.Connection;

/// <summary>
/// The streams of a connection that calls have let go of, for calls to come. Never more than were open at once.
/// </summary>
/// <remarks>
/// Fast path: a stream with its inbox and its header list is 500 octets and eight objects that a unary call need not make. Without it
/// such a call is right as well, on a stream of its own. Threading: anybody may return one; taken under the gate.
/// </remarks>
internal sealed class StreamPool
{
    private readonly StreamStack _returned = new();
    private Http2Stream? _free;

    /// <summary>Gives back a closed stream that nobody holds any more: neither the receive loop nor its call.</summary>
    public void Return(Http2Stream stream) => _returned.Push(stream);

    /// <summary>Under the gate: a stream that is as good as new, or null.</summary>
    public Http2Stream? Take()
    {
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
}
