using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Wire.Http2;

/// <content>How queued message octets become DATA frames: in turns, and within the windows (RFC 9113 sections 5.2 and 6.9).</content>
internal sealed partial class SendSide
{
    /// <summary>
    /// Pulls DATA from the streams whose turn it is, a quantum each, until the output buffer is full, the connection's
    /// window is used up, or nobody has more.
    /// </summary>
    public void Produce()
    {
        while (Output.Length < OutputCapacity && _connectionWindow.Available > 0 && _ready.Dequeue() is { } stream)
        {
            ProduceFrom(stream);
        }
    }

    private void ProduceFrom(Http2Stream stream)
    {
        int length = Math.Min(
            Math.Min(stream.SendQueue.Length, Math.Min(Quantum, (int)PeerSettings.MaxFrameSize)),
            (int)Math.Min(stream.SendWindow.Available, _connectionWindow.Available));
        if (length <= 0)
        {
            return; // nothing queued any more, or no window: WINDOW_UPDATE puts the stream back
        }

        bool emptied = length == stream.SendQueue.Length;
        bool endsHere = emptied && stream.EndQueued && stream.QueuedTrailersPrepared is null && stream.QueuedTrailers is null;
        if (!Apply(stream, endsHere ? StreamInput.SendDataEndStream : StreamInput.SendData))
        {
            return;
        }

        Span<byte> frame = Output.Reserve(FrameHeader.Size + length);
        DataFrame.WriteHeader(frame, stream.Id, length, endsHere);
        stream.SendQueue.MoveTo(frame[FrameHeader.Size..]);
        QueuedOctets -= length;
        OnDataSent(stream, length);
        if (endsHere)
        {
            OnEndStreamSent(stream);
        }
        else if (!emptied)
        {
            _ready.Enqueue(stream);
        }
        else if (stream.EndQueued)
        {
            WriteQueuedTrailers(stream);
        }

        if (stream.WriterWaits && stream.SendQueue.Length <= QueueCap)
        {
            stream.WriterWaits = false;
            stream.OnSendCapacity();
        }
    }

    private void WriteQueuedTrailers(Http2Stream stream)
    {
        HeaderList? fields = stream.QueuedTrailers;
        stream.QueuedTrailers = null;
        WriteHeaders(stream, stream.QueuedTrailersPrepared, fields, endStream: true);
        fields?.Release();
    }

    /// <summary>Whether a message goes straight to the output buffer: there is room, and no stream waits for its turn.</summary>
    private bool FitsNow(Http2Stream stream, int length) =>
        length <= Quantum
        && _ready.IsEmpty
        && length <= stream.SendWindow.Available
        && length <= _connectionWindow.Available
        && length <= (int)PeerSettings.MaxFrameSize
        && Output.Length + length <= OutputCapacity;

    private void AppendData(Http2Stream stream, ReadOnlySpan<byte> octets, bool endStream)
    {
        if (endStream && !Apply(stream, StreamInput.SendDataEndStream))
        {
            return;
        }

        DataFrame.Write(Output, stream.Id, octets, endStream);
        OnDataSent(stream, octets.Length);
        if (endStream)
        {
            OnEndStreamSent(stream);
        }
    }

    private void OnDataSent(Http2Stream stream, int length)
    {
        stream.SendWindow.Consume(length);
        _connectionWindow.Consume(length);
        SentOctets += length;
        _windowUpdatesAllowed += _limits.WindowUpdatesPerDataFrame;
        _pings.OnContentSent();
    }

    private void Schedule(Http2Stream stream)
    {
        if (stream.SendWindow.Available > 0)
        {
            _ready.Enqueue(stream);
        }
    }
}
