namespace MiniGrpc.Wire.Http2;

/// <summary>
/// The state of one stream, moved by two threads: the receive loop with what the peer sends, the send gate with what we send
/// (RFC 9113 section 5.1).
/// </summary>
/// <remarks>
/// Thread-safe without a lock: a transition is one compare-and-swap, so of two that close the stream exactly one
/// sees <see cref="StreamTransition.BecameClosed"/>. Most frames change nothing, and then it is one read.
/// A mutable struct: keep it in a field that isn't readonly, never in a copy.
/// </remarks>
internal struct AtomicStreamState
{
    private int _state;

    /// <summary>A stream in the given state; the default value is an idle stream.</summary>
    public AtomicStreamState(StreamState initial) => _state = (int)initial;

    /// <summary>The state at this moment; the other thread may change it the next.</summary>
    public StreamState Current => (StreamState)Volatile.Read(ref _state);

    /// <summary>Moves the stream, unless the input isn't allowed.</summary>
    public StreamTransition Apply(StreamInput input)
    {
        int before = Volatile.Read(ref _state);
        while (true)
        {
            StreamTransition transition = StreamStates.Next((StreamState)before, input);
            int after = (int)transition.Next;
            if (after == before)
            {
                return transition;
            }

            int seen = Interlocked.CompareExchange(ref _state, after, before);
            if (seen == before)
            {
                return transition;
            }

            before = seen;
        }
    }
}
