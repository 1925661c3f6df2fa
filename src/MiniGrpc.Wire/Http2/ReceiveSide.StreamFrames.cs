using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Wire.Http2;

/// <content>The other frames of a stream: DATA, RST_STREAM and WINDOW_UPDATE (RFC 9113 sections 6.1, 6.4 and 6.9).</content>
internal sealed partial class ReceiveSide
{
    private ProtocolError? OnData(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (DataFrame.Parse(header, payload, out DataFrame frame) is { } error)
        {
            return error;
        }

        // Counted for the connection whatever becomes of the stream: both ends must agree (section 6.9).
        if (!Window.TryReceive(frame.FlowControlledLength))
        {
            return ProtocolError.Connection(
                ErrorCode.FlowControlError, "6.9.1", "DATA beyond the connection's flow-control window");
        }

        _path.OnData(frame.FlowControlledLength);
        if (frame.FlowControlledLength == 0 && !frame.EndStream && _budgets.OnEmptyData(_now) is { } tooMany)
        {
            return tooMany;
        }

        if (!TryFind(frame.StreamId, out Http2Stream? stream))
        {
            return OnFrameWithoutStream(FrameType.Data, frame.StreamId);
        }

        if (_role == Role.Client && !stream.HeadersReceived)
        {
            return Judge(
                ProtocolError.Stream(stream.Id, ErrorCode.ProtocolError, "8.1", "DATA before the response's HEADERS"), stream);
        }

        if (!ApplyInput(stream, FrameType.Data, frame.EndStream ? StreamInput.ReceiveDataEndStream : StreamInput.ReceiveData, out error))
        {
            return error;
        }

        stream.ReceivedLength += frame.Data.Length;
        if (stream.DeclaredLength >= 0 && (stream.ReceivedLength > stream.DeclaredLength || frame.EndStream))
        {
            error = CheckContentLength(stream);
        }

        int padding = frame.FlowControlledLength - frame.Data.Length;
        return Judge(error ?? stream.OnData(frame.Data, padding, frame.EndStream), stream);
    }

    private ProtocolError? OnRstStream(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (RstStreamFrame.Parse(header, payload, out RstStreamFrame frame) is { } error)
        {
            return error;
        }

        if (!TryFind(frame.StreamId, out Http2Stream? stream) || stream.State.Current == StreamState.Closed)
        {
            if (IsIdle(frame.StreamId))
            {
                return IdleStream(FrameType.RstStream, frame.StreamId);
            }

            Streams.ForgetReset(frame.StreamId); // the peer has closed it as well: nothing that still comes was under way
            return _budgets.OnUselessFrame(FrameType.RstStream, _now);
        }

        // Nobody is left to tell when our half has closed the stream before.
        if (stream.State.Apply(StreamInput.ReceiveRstStream).BecameClosed)
        {
            Streams.Remove(stream);
            _sink.OnClosed(stream);
            stream.OnReset(frame.ErrorCode);
        }

        // A client's resets are of streams that it opened itself, and may open again and again; a server can only reset ours.
        return _role == Role.Server ? _budgets.OnStreamReset(_now) : null;
    }

    private ProtocolError? OnWindowUpdate(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (WindowUpdateFrame.Parse(header, payload, out WindowUpdateFrame frame) is { } error)
        {
            return JudgeMalformed(error, header);
        }

        if (frame.StreamId == 0)
        {
            return _sink.OnWindowUpdate(null, frame.Increment);
        }

        if (TryFind(frame.StreamId, out Http2Stream? stream) && stream.State.Current != StreamState.Closed)
        {
            return Judge(_sink.OnWindowUpdate(stream, frame.Increment), stream);
        }

        // It may have been sent before the peer knew that the stream has ended (section 5.1, "closed"): several times for each, if its
        // reader credits the rest of a long stream. Like every WINDOW_UPDATE it is measured by the DATA that we have sent.
        return IsIdle(frame.StreamId) ? IdleStream(FrameType.WindowUpdate, frame.StreamId) : _sink.OnLateWindowUpdate();
    }

    private ProtocolError? OnFrameWithoutStream(FrameType type, int id)
    {
        if (IsIdle(id))
        {
            return IdleStream(type, id);
        }

        return Streams.WasResetByUs(id) ? null : ClosedStream(type, id);
    }
}
