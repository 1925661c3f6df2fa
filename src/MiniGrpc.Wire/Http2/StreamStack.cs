namespace MiniGrpc.Wire.Http2;

/// <summary>
/// Streams on their way from those who are done with them to the one thread that collects them: streams that the outbound half has
/// closed, to the receive loop, which owns the stream table; streams that may be used again, to the gate.
/// </summary>
/// <remarks>Pushed from any thread, emptied as a whole, both by interlocked exchange. Linked through the streams: one stands in one stack at a time.</remarks>
internal sealed class StreamStack
{
    private Http2Stream? _top;

    /// <summary>Adds a stream.</summary>
    public void Push(Http2Stream stream)
    {
        Http2Stream? top = Volatile.Read(ref _top);
        while (true)
        {
            stream.NextInStack = top;
            Http2Stream? seen = Interlocked.CompareExchange(ref _top, stream, top);
            if (seen == top)
            {
                return;
            }

            top = seen;
        }
    }

    /// <summary>Takes all of them, linked by <see cref="Http2Stream.NextInStack"/>.</summary>
    public Http2Stream? TakeAll() => Volatile.Read(ref _top) is null ? null : Interlocked.Exchange(ref _top, null);
}
