using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Wire.Http2;

/// <content>Field blocks, and which stream they open or belong to: HEADERS and CONTINUATION (RFC 9113 sections 6.2, 6.10 and 8.1).</content>
internal sealed partial class ReceiveSide
{
    private ProtocolError? OnHeaders(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (HeadersFrame.Parse(header, payload, out HeadersFrame frame) is { } error)
        {
            return error;
        }

        return frame.EndHeaders
            ? OnFieldBlock(frame.StreamId, frame.EndStream, frame.Fragment)
            : _block.Begin(frame.StreamId, frame.EndStream, frame.Fragment);
    }

    private ProtocolError? OnContinuation(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (ContinuationFrame.Parse(header, payload, out ContinuationFrame frame) is { } error)
        {
            return error;
        }

        if (_block.StreamId == 0)
        {
            return ProtocolError.Connection(
                ErrorCode.ProtocolError, "6.10", $"CONTINUATION on stream {header.StreamId} without a field block before it");
        }

        if (_block.Append(frame.Fragment) is { } tooLong)
        {
            return tooLong;
        }

        if (!frame.EndHeaders)
        {
            return null;
        }

        error = OnFieldBlock(_block.StreamId, _block.EndStream, _block.Octets);
        _block.End();
        return error;
    }

    private ProtocolError? OnFieldBlock(int id, bool endStream, ReadOnlySpan<byte> block)
    {
        if (TryFind(id, out Http2Stream? stream))
        {
            return stream.HeadersReceived ? OnTrailerBlock(stream, endStream, block) : OnResponseBlock(stream, endStream, block);
        }

        if (!IsIdle(id))
        {
            // Late for a stream that we have reset: decoded for the table's sake. Otherwise the peer had ended it itself, or skipped it.
            return Streams.WasResetByUs(id) ? Decode(block, FieldRules.Kind.Trailers, null, out _) ?? _budgets.OnUselessFrame(FrameType.Headers, _now)
                : Streams.WasSkipped(id) ? SkippedStream(id)
                : ClosedStream(FrameType.Headers, id);
        }

        return _role == Role.Client || (id & 1) == 0 ? IdleStream(FrameType.Headers, id) : OnRequestBlock(id, endStream, block);
    }

    private ProtocolError? OnRequestBlock(int id, bool endStream, ReadOnlySpan<byte> block)
    {
        CollectRetired();
        Streams.Reach(id);
        Http2Stream? stream = Streams.Count < _limits.MaxConcurrentStreams ? _sink.OpenStream(id) : null;
        if (stream is null)
        {
            Streams.AddRefused(id);
            ProtocolError? bad = Decode(block, FieldRules.Kind.Trailers, null, out _);
            return bad ?? Judge(ProtocolError.Stream(
                id, ErrorCode.RefusedStream, "5.1.2", "more streams than SETTINGS_MAX_CONCURRENT_STREAMS, or shutting down"));
        }

        stream.Id = id;
        Streams.Add(stream);
        StreamTransition transition = stream.State.Apply(endStream ? StreamInput.ReceiveHeadersEndStream : StreamInput.ReceiveHeaders);
        System.Diagnostics.Debug.Assert(transition.IsAllowed, "an idle stream takes HEADERS");
        HeaderList fields = stream.RequestFields ?? Scratch();
        if (DecodeFor(stream, block, FieldRules.Kind.Request, fields, out ProtocolError? error))
        {
            stream.HeadersReceived = true;
            error = NoteContentLength(stream, fields, endStream) ?? stream.OnHeaders(fields, endStream);
        }

        return Judge(error, stream);
    }

    private ProtocolError? OnResponseBlock(Http2Stream stream, bool endStream, ReadOnlySpan<byte> block)
    {
        HeaderList fields = Scratch();
        if (!DecodeFor(stream, block, FieldRules.Kind.Response, fields, out ProtocolError? error))
        {
            return Judge(error, stream);
        }

        // An interim response (1xx) comes before the final one and never ends the stream (section 8.1).
        bool interim = fields.TryGet(":status"u8, out ReadOnlySpan<byte> status) && status[0] == (byte)'1';
        if (interim)
        {
            return endStream
                ? Judge(ProtocolError.Stream(stream.Id, ErrorCode.ProtocolError, "8.1", "an interim response with END_STREAM"), stream)
                : _budgets.OnUselessFrame(FrameType.Headers, _now);
        }

        stream.HeadersReceived = true;
        if (!ApplyInput(stream, FrameType.Headers, endStream ? StreamInput.ReceiveHeadersEndStream : StreamInput.ReceiveHeaders, out error))
        {
            return error;
        }

        return Judge(NoteContentLength(stream, fields, endStream) ?? stream.OnHeaders(fields, endStream), stream);
    }

    private ProtocolError? OnTrailerBlock(Http2Stream stream, bool endStream, ReadOnlySpan<byte> block)
    {
        HeaderList fields = Scratch();
        StreamInput input = endStream ? StreamInput.ReceiveHeadersEndStream : StreamInput.ReceiveHeaders;
        bool isAllowed = StreamStates.Next(stream.State.Current, input).IsAllowed;
        if (!DecodeFor(stream, block, FieldRules.Kind.Trailers, fields, out ProtocolError? error)
            && (isAllowed || error!.Scope == ErrorScope.Connection))
        {
            return Judge(error, stream);
        }

        // A block that may not come at all is judged as that, whatever its fields are.
        if (!ApplyInput(stream, FrameType.Headers, input, out error))
        {
            return error;
        }

        if (!endStream)
        {
            return Judge(
                ProtocolError.Stream(stream.Id, ErrorCode.ProtocolError, "8.1", "a second header list without END_STREAM"), stream);
        }

        return Judge(CheckContentLength(stream) ?? stream.OnTrailers(fields), stream);
    }

    /// <summary>Moves the stream's state; false when the frame goes no further, with the connection error if it is one.</summary>
    private bool ApplyInput(Http2Stream stream, FrameType type, StreamInput input, out ProtocolError? error)
    {
        error = null;
        StreamTransition transition = stream.State.Apply(input);
        if (transition.IsAllowed)
        {
            if (transition.BecameClosed)
            {
                Streams.Remove(stream);
                _budgets.OnStreamEnded();
                _sink.OnClosed(stream);
                _closedByPeer = stream; // the rest of this frame is for it
            }

            return true;
        }

        // Frames that were under way when we reset the stream are ignored.
        if (!stream.WasResetByUs || stream.State.Current != StreamState.Closed)
        {
            const string Section = "5.1";
            string reason = $"{type} on stream {stream.Id} in state {stream.State.Current}";
            error = Judge(new ProtocolError(transition.Scope, transition.Code, Section, reason, stream.Id), stream);
        }

        return false;
    }

    private bool TryFind(int id, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Http2Stream? stream)
    {
        if (Streams.TryGet(id, out stream))
        {
            return true;
        }

        if (_role == Role.Server || id <= Streams.HighestId)
        {
            return false;
        }

        CollectOpened();
        return Streams.TryGet(id, out stream);
    }

    /// <summary>Puts the streams that we have opened into the table; one that has ended meanwhile goes through it.</summary>
    public void CollectOpened()
    {
        for (Http2Stream? stream = _sink.TakeOpened(); stream is not null;)
        {
            Http2Stream? next = stream.NextOpened;
            stream.NextOpened = null;
            Streams.Add(stream);
            if (stream.State.Current == StreamState.Closed)
            {
                Streams.Remove(stream);
            }

            stream = next;
        }
    }

    /// <summary>Whether nobody has opened <paramref name="id"/> yet; even identifiers are the server's, which never opens one.</summary>
    private bool IsIdle(int id) => (id & 1) == 0 || id > Streams.HighestId;

    private static ProtocolError IdleStream(FrameType type, int id) => ProtocolError.Connection(
        ErrorCode.ProtocolError, "5.1", $"{type} on stream {id}, which is idle");

    private static ProtocolError SkippedStream(int id) => ProtocolError.Connection(
        ErrorCode.ProtocolError, "5.1.1", $"HEADERS on stream {id}, which was passed over when a later stream was opened");

    private static ProtocolError ClosedStream(FrameType type, int id) => ProtocolError.Connection(
        ErrorCode.StreamClosed, "5.1", $"{type} on stream {id}, which has ended");
}
