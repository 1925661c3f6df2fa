namespace MiniGrpc.Wire.Http2;

/// <content>
/// What a field block says: decoded, or known from before; within the limits (RFC 9113 sections 4.3 and 10.5.1), and what its
/// content-length promises (section 8.1.1).
/// </content>
internal sealed partial class ReceiveSide
{
    private bool DecodeFor(Http2Stream stream, ReadOnlySpan<byte> block, FieldRules.Kind kind, HeaderList fields, out ProtocolError? error)
    {
        error = null;
        int version = _hpack.TableVersion;
        if (_repeated is not null && _repeated.TryReplay(kind, block, version, fields))
        {
            return true;
        }

        error = Decode(block, kind, fields, out InboundFields inbound) ?? inbound.Error;
        if (error is null && inbound.IsTooLarge)
        {
            string reason = $"the header list is larger than {_limits.MaxHeaderListSize} octets or {_limits.MaxHeaderFields} fields (limit {inbound.PassedLimit})";
            error = ProtocolError.Stream(stream.Id, ErrorCode.EnhanceYourCalm, "10.5.1", reason) with { Limit = inbound.PassedLimit };
        }

        if (error is null && _hpack.TableVersion == version)
        {
            _repeated ??= new RepeatedBlocks();
            _repeated.Note(kind, block, version, fields);
        }

        return error is null;
    }

    private ProtocolError? Decode(ReadOnlySpan<byte> block, FieldRules.Kind kind, HeaderList? target, out InboundFields inbound)
    {
        inbound = _inbound ??= new InboundFields(_limits.MaxHeaderListSize, _limits.MaxHeaderFields);
        inbound.Begin(kind, target);
        if (_hpack.Decode(block, inbound) is { } error)
        {
            return ProtocolError.Connection(ErrorCode.CompressionError, "4.3", $"{error.Reason} ({error.Section})");
        }

        if (inbound.IsFarTooLarge)
        {
            string reason = "a header list is more than 4 times as large as the "
                + $"{_limits.MaxHeaderListSize} octets or {_limits.MaxHeaderFields} fields allowed (limit {inbound.PassedLimit})";
            return ProtocolError.Connection(ErrorCode.EnhanceYourCalm, "10.5.1", reason) with { Limit = inbound.PassedLimit };
        }

        inbound.Complete();
        return null;
    }

    private HeaderList Scratch()
    {
        _scratch ??= new HeaderList();
        _scratch.Clear();
        return _scratch;
    }

    private static ProtocolError? NoteContentLength(Http2Stream stream, HeaderList fields, bool endStream)
    {
        foreach (HeaderField field in fields)
        {
            if (!field.Name.SequenceEqual("content-length"u8))
            {
                continue;
            }

            // Digits alone: the parser would take a sign as well. A second one has to say the same.
            if (field.Value.ContainsAnyExceptInRange((byte)'0', (byte)'9')
                || !System.Buffers.Text.Utf8Parser.TryParse(field.Value, out long length, out _)
                || (stream.DeclaredLength >= 0 && stream.DeclaredLength != length))
            {
                return ProtocolError.Stream(stream.Id, ErrorCode.ProtocolError, "8.1.1", "content-length is not a number, or two numbers");
            }

            stream.DeclaredLength = length;
        }

        if (!endStream || stream.DeclaredLength < 0)
        {
            return null;
        }

        // By their status these have no content, whatever length they name (section 8.1.1).
        bool hasContent = !fields.TryGet(":status"u8, out ReadOnlySpan<byte> status) || !(status.SequenceEqual("204"u8) || status.SequenceEqual("304"u8));
        return hasContent ? CheckContentLength(stream) : null;
    }

    private static ProtocolError? CheckContentLength(Http2Stream stream) =>
        stream.DeclaredLength < 0 || stream.DeclaredLength == stream.ReceivedLength
            ? null
            : ProtocolError.Stream(
                stream.Id,
                ErrorCode.ProtocolError,
                "8.1.1",
                $"content-length is {stream.DeclaredLength}, but {stream.ReceivedLength} octets of DATA came");
}
