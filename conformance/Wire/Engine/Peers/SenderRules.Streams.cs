using System.Buffers.Binary;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <content>The rules for frames of one stream.</content>
internal sealed partial class SenderRules
{
    private string? JudgeStreamFrame(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        int id = header.StreamId;
        if (id == 0 || (id & 1) == 0)
        {
            return "a frame on stream 0, or on a stream that only a server could open (section 5.1.1)";
        }

        if (!_streams.TryGetValue(id, out View? stream))
        {
            if (engine == Role.Server || header.Type != FrameType.Headers)
            {
                return "a frame on an idle stream (section 5.1)";
            }

            if (JudgeOpening(id) is { } reason)
            {
                return reason;
            }

            _streams[id] = stream = new View();
        }

        // A block is one frame in pieces: what follows HEADERS was judged with it.
        if (header.Type == FrameType.Continuation && _blockOf == 0)
        {
            return "CONTINUATION without HEADERS before it (section 6.10)";
        }

        if (header.Type != FrameType.Continuation && stream.Refuses(header.Type) is { } late)
        {
            return late;
        }

        _blockOf = header.Type is FrameType.Headers or FrameType.Continuation && !header.Has(FrameFlags.EndHeaders) ? id : 0;
        stream.HasEnded |= header.Type is FrameType.Headers or FrameType.Data && header.Has(FrameFlags.EndStream);
        return header.Type switch
        {
            FrameType.RstStream => JudgeReset(stream, payload),
            FrameType.WindowUpdate => JudgeIncrement(payload),
            FrameType.Data => Use(stream, payload.Length),
            _ => null,
        };
    }

    private string? JudgeOpening(int id)
    {
        int last = _lastOpened;
        _lastOpened = id;
        return id < last ? "a stream below one that was opened before (section 5.1.1)"
            : _streams.Values.Count(stream => !stream.IsOver) >= _maxConcurrent ? "more streams than the peer's SETTINGS_MAX_CONCURRENT_STREAMS (section 5.1.2)"
            : _goAwayHeard ? "a stream opened after GOAWAY (section 6.8)"
            : null;
    }

    private static string? JudgeReset(View stream, ReadOnlySpan<byte> payload)
    {
        stream.WasReset = true;
        return payload.Length != 4 ? "RST_STREAM without its four octets (section 6.4)" : null;
    }

    private static string? JudgeIncrement(ReadOnlySpan<byte> payload) =>
        payload.Length != 4 || BinaryPrimitives.ReadUInt32BigEndian(payload) is 0 or > int.MaxValue ? "WINDOW_UPDATE out of range (section 6.9)" : null;

    private string? Use(View stream, int length)
    {
        _connectionWindow -= length;
        stream.Credit -= length;
        return length == 0 ? null
            : _connectionWindow < 0 ? "more DATA than the connection's window (section 6.9.1)"
            : _initialWindow + stream.Credit < 0 ? "more DATA than the stream's window (section 6.9.1)"
            : null;
    }
}
