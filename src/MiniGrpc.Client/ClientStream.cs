using Grpc.Core;

using MiniGrpc.Client.Balancing;
using MiniGrpc.Client.Balancing.Outliers;
using MiniGrpc.Wire.Calls;
using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Grpc;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Client;

/// <summary>A call as the client's connection sees it: what comes in is judged by gRPC's rules and told to the call.</summary>
/// <remarks>Threading: the reports come in on the receive loop; <see cref="Execute"/> runs on the thread pool.</remarks>
internal sealed class ClientStream(Http2Connection connection, CompressionSet compressions)
    : GrpcStream(connection, maxReceiveMessageSize: -1)
{
    /// <summary>What a response's head in familiar words was found to be: the start of a gRPC response and nothing more.</summary>
    private static readonly object s_plainHead = new();

    /// <summary>What trailers in familiar words were found to say: status OK and nothing more.</summary>
    private static readonly object s_plainOk = new();

    private const string WithoutStatus = "The response ended without a grpc-status.";
    private static readonly Status s_deadlineExceeded = new(StatusCode.DeadlineExceeded, ClientCall.DeadlinePassed);

    private readonly Subchannel? _subchannel = connection.Owner as Subchannel;
    private ClientCall _call = null!;
    private CallCounter? _counter;

    /// <summary>Under the gate: the call that the stream is for, before it is opened.</summary>
    public void Begin(ClientCall call, int maxReceiveMessageSize)
    {
        _call = call;
        _counter = _subchannel?.CallCounter;
        MaxReceiveMessageSize = maxReceiveMessageSize;
    }

    /// <summary>How this attempt of the call went, for those who look for servers that fail more often than others. Only the first report of an attempt counts.</summary>
    public void CountOutcome(bool succeeded)
    {
        if (_counter is not null)
        {
            Interlocked.Exchange(ref _counter, null)?.Count(succeeded);
        }
    }

    /// <summary>Under the gate, before it is opened: how it goes says nothing of the server's other calls.</summary>
    public void LeaveUncounted() => _counter = null;

    /// <inheritdoc />
    public override void Execute() => _call.Resume();

    /// <inheritdoc />
    internal override ProtocolError? OnHeaders(HeaderList fields, bool endStream)
    {
        if (!endStream && fields.Repeated?.Reading == s_plainHead)
        {
            _call.OnResponseHeaders([]);
            return null;
        }

        if (Refuse(fields) is { } refusal)
        {
            _call.End(Note(refusal), abort: true);
            return null;
        }

        if (endStream)
        {
            // Trailers-Only: one block says both.
            Finish(fields);
            return null;
        }

        GrpcError? error = MetadataCodec.Check(fields);
        if (fields.TryGet("grpc-encoding"u8, out ReadOnlySpan<byte> encoding) && !CompressionSet.IsIdentity(encoding))
        {
            ReceiveCompression = compressions.Find(encoding);
            error ??= ReceiveCompression is null ? compressions.Unsupported(encoding, onServer: false) : null;
        }

        if (error is not null)
        {
            _call.End(Note(new Status((StatusCode)error.Code, error.Detail)), abort: true);
            return null;
        }

        byte[] custom = MetadataCodec.CopyCustom(fields);
        if (custom.Length == 0 && ReceiveCompression is null && fields.Repeated is { } repeated)
        {
            repeated.Reading = s_plainHead;
        }

        _call.OnResponseHeaders(custom);
        return null;
    }

    /// <inheritdoc />
    internal override ProtocolError? OnTrailers(HeaderList fields)
    {
        if (fields.Repeated?.Reading == s_plainOk)
        {
            End(Status.DefaultSuccess, trailers: []);
        }
        else
        {
            Finish(fields);
        }

        return null;
    }

    /// <inheritdoc />
    internal override void OnReset(ErrorCode code)
    {
        WireMetrics.StreamReset(Role.Client, code, Connection.Options.Logger);
        CountOutcome(succeeded: false);
        var status = (StatusCode)StatusMapping.FromRstStream((uint)code);

        Status end = IsDeadline(status)
            ? s_deadlineExceeded
            : new Status(status, $"The server reset the stream: {ErrorCodes.Name(code)}{StatusMapping.ExplainRstStream((uint)code)}.");
        if (code == ErrorCode.RefusedStream && !HeadersReceived)
        {
            _call.OnUnprocessed(end); // section 8.7: it has not been processed, and may be sent again
        }
        else
        {
            _call.End(end, abort: true);
        }
    }

    /// <inheritdoc />
    internal override void OnUnprocessed(string reason)
    {
        CountOutcome(succeeded: false); // though the call may go on elsewhere
        _call.OnUnprocessed(new Status(StatusCode.Unavailable, reason));
    }

    /// <inheritdoc />
    internal override void OnStreamError(ProtocolError error) => _call.End(new Status(StatusCode.Internal, $"The response breaks HTTP/2: {error}"), abort: true);

    /// <inheritdoc />
    internal override void OnConnectionEnded(string reason) => _call.OnConnectionEnded(reason);

    /// <inheritdoc />
    protected override void OnUnreadable(Status error) => _call.Fail(error);

    /// <inheritdoc />
    protected override void ForgetCall() => _call = null!;

    /// <inheritdoc />
    protected override void OnEndOfMessages() =>
        End(Note(new Status(StatusCode.Unknown, WithoutStatus)), trailers: null);

    /// <summary>Why a header list isn't the start of a gRPC response; null if it is.</summary>
    private static Status? Refuse(HeaderList fields)
    {
        fields.TryGet(":status"u8, out ReadOnlySpan<byte> digits);
        int status = ((digits[0] - '0') * 100) + ((digits[1] - '0') * 10) + (digits[2] - '0');
        fields.TryGet("content-type"u8, out ReadOnlySpan<byte> contentType);
        if (status == 200 && ContentType.IsGrpc(contentType))
        {
            return null;
        }

        // A status that a gRPC server sent through an odd proxy still says more than the proxy's, unless it is OK: then this
        // is what went wrong.
        string type = contentType.IsEmpty ? "no content-type" : $"content-type {GrpcError.Quote(contentType)}";
        string detail = $"The server's answer is not gRPC: HTTP status {status}, {type}.";
        if (!fields.TryGet("grpc-status"u8, out ReadOnlySpan<byte> value)
            || !StatusMapping.TryParse(value, out GrpcStatusCode given)
            || given == GrpcStatusCode.Ok)
        {
            return new Status((StatusCode)StatusMapping.FromHttpStatus(status), detail);
        }

        bool saysMore = fields.TryGet("grpc-message"u8, out ReadOnlySpan<byte> message);
        return new Status((StatusCode)given, saysMore ? $"{PercentEncoding.Decode(message)} ({detail})" : detail);
    }

    private void Finish(HeaderList fields)
    {
        Status status = ReadStatus(fields);
        if (IsDeadline(status.StatusCode))
        {
            End(s_deadlineExceeded, trailers: null); // made here alone: nothing of the trailers goes into it
        }
        else
        {
            byte[] custom = MetadataCodec.CopyCustom(fields);
            if (custom.Length == 0 && status is { StatusCode: StatusCode.OK, Detail.Length: 0 } && fields.Repeated is { Kind: FieldRules.Kind.Trailers } repeated)
            {
                repeated.Reading = s_plainOk;
            }

            End(status, custom);
        }
    }

    private Status ReadStatus(HeaderList fields)
    {
        if (!fields.TryGet("grpc-status"u8, out ReadOnlySpan<byte> value))
        {
            return Note(new Status(StatusCode.Unknown, WithoutStatus));
        }

        if (!StatusMapping.TryParse(value, out GrpcStatusCode code))
        {
            return Note(new Status(StatusCode.Unknown, $"The response's grpc-status is {GrpcError.Quote(value)}, not a number."));
        }

        if (MetadataCodec.Check(fields) is { } error)
        {
            Status malformed = Note(new Status((StatusCode)error.Code, error.Detail));
            if (code == GrpcStatusCode.Ok)
            {
                return malformed; // a failure that the server states says more than what is wrong with its trailers
            }
        }

        return new Status((StatusCode)code, fields.TryGet("grpc-message"u8, out ReadOnlySpan<byte> message) ? PercentEncoding.Decode(message) : "");
    }

    /// <summary>The server's deadline is the same as ours, and its timer may be a moment ahead: then it says CANCELLED.</summary>
    private bool IsDeadline(StatusCode status) => status == StatusCode.Cancelled && _call.DeadlineHasPassed;

    private void End(Status status, byte[]? trailers)
    {
        Inbox.EndUncharged();
        CountOutcome(status.StatusCode == StatusCode.OK);
        _call.End(status, abort: false, trailers);

        // The server has answered and reads no more requests: without a reset the stream would stay open for them.
        if (State.Current == StreamState.HalfClosedRemote)
        {
            Reset(ErrorCode.NoError);
        }
    }
}
