namespace MiniGrpc.Wire.Http2;

/// <summary>
/// Streams that the outbound half has closed, on their way to the receive loop, which owns the stream table.
/// </summary>
/// <remarks>Crosses from the gate to the receive loop: a stack linked through the streams, pushed and emptied by interlocked exchange.</remarks>
internal sealed class RetiredStreams
{
    private Http2Stream? _top;

    /// <summary>Adds a stream that has just become closed; called once for a stream.</summary>
    public void Push(Http2Stream stream)
    {
        Http2Stream? top = Volatile.Read(ref _top);
        while (true)
        {
            stream.NextRetired = top;
            Http2Stream? seen = Interlocked.CompareExchange(ref _top, stream, top);
            if (seen == top)
            {
                return;
            }

            top = seen;
        }
    }

    /// <summary>Takes all of them, linked by <see cref="Http2Stream.NextRetired"/>.</summary>
    public Http2Stream? TakeAll() => Volatile.Read(ref _top) is null ? null : Interlocked.Exchange(ref _top, null);
}
