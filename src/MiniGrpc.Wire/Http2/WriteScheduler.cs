namespace MiniGrpc.Wire.Http2;

/// <summary>
/// The order in which streams with something to send get their turn (RFC 9113 section 5.3 leaves it to us):
/// round robin, a bounded quantum each, so that one bulk stream cannot hold up a thousand small ones.
/// </summary>
/// <remarks>Owned by the send gate. An intrusive queue: a stream is in it at most once.</remarks>
internal struct WriteScheduler
{
    private Http2Stream? _head;
    private Http2Stream? _tail;

    /// <summary>Whether no stream waits for a turn.</summary>
    public readonly bool IsEmpty => _head is null;

    /// <summary>Puts <paramref name="stream"/> at the end of the queue unless it stands in it already.</summary>
    public void Enqueue(Http2Stream stream)
    {
        if (stream.IsReady)
        {
            return;
        }

        stream.IsReady = true;
        if (_tail is null)
        {
            _head = stream;
        }
        else
        {
            _tail.NextReady = stream;
        }

        _tail = stream;
    }

    /// <summary>Takes the stream whose turn it is.</summary>
    public Http2Stream? Dequeue()
    {
        Http2Stream? stream = _head;
        if (stream is not null)
        {
            _head = stream.NextReady;
            if (_head is null)
            {
                _tail = null;
            }

            stream.NextReady = null;
            stream.IsReady = false;
        }

        return stream;
    }
}
