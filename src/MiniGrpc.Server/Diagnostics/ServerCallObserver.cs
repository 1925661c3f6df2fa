using System.Diagnostics;
using System.Text;

using Grpc.Core;

using MiniGrpc.Wire.Calls;
using MiniGrpc.Wire.Diagnostics;
using MiniGrpc.Wire.Grpc;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Server.Diagnostics;

/// <summary>
/// One call as those see it who watch: its span, which its handler runs in, and what is measured. There is one only if somebody listens.
/// </summary>
/// <remarks>
/// Threading: what happens is noted where it happens, on the receive loop, a timer or under the gate; listeners are told on the pool, by the
/// handler's thread or by <see cref="Execute"/>. The span lasts until the handler has returned, the measured time until the stream ends.
/// </remarks>
internal sealed class ServerCallObserver : IThreadPoolWorkItem
{
    private readonly ServerStream _stream;
    private readonly DateTimeOffset _startTime;
    private readonly long _startedAt;
    private readonly bool _isTraced;
    private readonly bool _isMeasured;
    private MethodLabels _labels = MethodLabels.Other;
    private Activity? _span;
    private CallEnd? _end;
    private byte[]? _requestFields;
    private long _received;
    private int _wasCounted;
    private int _wasReported;

    private ServerCallObserver(ServerStream stream, bool isTraced, bool isMeasured)
    {
        _stream = stream;
        _isTraced = isTraced;
        _isMeasured = isMeasured;
        _startTime = isTraced ? DateTimeOffset.UtcNow : default; // spans go by the system's clock
        _startedAt = isMeasured ? Time.GetTimestamp() : 0;
    }

    private TimeProvider Time => _stream.Server.Options.TimeProvider;

    /// <summary>A request's header list has come in: null if nobody wants to know of it.</summary>
    public static ServerCallObserver? Start(ServerStream stream)
    {
        bool isTraced = Telemetry.Source.HasListeners();
        bool isMeasured = ServerMetrics.Enabled;
        return isTraced || isMeasured ? new ServerCallObserver(stream, isTraced, isMeasured) : null;
    }

    /// <summary>The method is found.</summary>
    public void OnMethod(MethodHandler handler) => _labels = handler.Labels;

    /// <summary>The call has ended for its client, with <paramref name="status"/>. Said once, by whoever has ended it; any thread, or under the gate.</summary>
    public void OnEnd(in Status status) => Interlocked.CompareExchange(ref _end, new CallEnd(status, Elapsed), null);

    /// <summary>The handler is about to run: its thread goes on in the call's span.</summary>
    public void Begin(byte[] requestFields)
    {
        Count();
        if (_isTraced)
        {
            Tell(() => _span = TraceContext.StartServerSpan(Telemetry.Source, _labels.Name, requestFields, AttributesFor(requestFields), _startTime));
        }
    }

    /// <summary>The handler has returned, on this thread.</summary>
    public void Finish()
    {
        Report();
        StopSpan();
    }

    /// <summary>The call has ended before its handler: what is measured is told, while the span goes on with the handler.</summary>
    public void PostReport() => _stream.Connection.Posts.Post(this);

    /// <summary>The call has ended without a handler. Its request fields are about to go, and what has come of its requests.</summary>
    public void PostWhole(HeaderList requestFields)
    {
        _requestFields = requestFields.ToArray();
        _received = _stream.Inbox.MessageOctets;
        PostReport();
    }

    /// <summary>On the pool: tells of a call that has ended without a handler.</summary>
    public void TellWhole(byte[] requestFields)
    {
        Begin(requestFields);
        Finish();
    }

    /// <inheritdoc />
    public void Execute()
    {
        if (_requestFields is not null)
        {
            TellWhole(_requestFields);
        }
        else
        {
            Report();
        }
    }

    private TimeSpan Elapsed => _isMeasured ? Time.GetElapsedTime(_startedAt) : TimeSpan.Zero;

    /// <summary>How it ended. What the peer or the connection has ended is closed a moment before that is said.</summary>
    private CallEnd End => Volatile.Read(ref _end) ?? new CallEnd(new Status(StatusCode.Cancelled, ""), Elapsed);

    private void Report()
    {
        if (!_isMeasured || Interlocked.Exchange(ref _wasReported, 1) != 0)
        {
            return;
        }

        Count();
        CallEnd end = End;
        long received = Math.Max(_received, _stream.Inbox.MessageOctets);
        Tell(() => ServerMetrics.Ended(_labels, end.Status.StatusCode, end.Duration, _stream.SentMessageOctets, received));
    }

    private void Count()
    {
        if (_isMeasured && Interlocked.Exchange(ref _wasCounted, 1) == 0)
        {
            Tell(() => ServerMetrics.Started(_labels));
        }
    }

    private void StopSpan()
    {
        if (_span is { } span)
        {
            Status status = End.Status;
            Tell(() => Telemetry.Stop(span, StatusCodeNames.Of((int)status.StatusCode), status.Detail, IsServerError(status.StatusCode)));
        }
    }

    private void Tell(Action listeners) => Telemetry.Tell(_stream.Server.Logger, listeners);

    /// <summary>OpenTelemetry's rule for servers: what the client did wrong, or has asked for, is no error of the server's.</summary>
    private static bool IsServerError(StatusCode code) => code is StatusCode.Unknown or StatusCode.DeadlineExceeded or StatusCode.Unimplemented
        or StatusCode.Internal or StatusCode.Unavailable or StatusCode.DataLoss;

    private KeyValuePair<string, object?>[] AttributesFor(byte[] requestFields)
    {
        string path = "";
        KeyValuePair<string, object?>[] server = [];
        var fields = new HeaderList.Enumerator(requestFields);
        while (fields.MoveNext())
        {
            HeaderField field = fields.Current;
            if (field.Name.SequenceEqual(":path"u8))
            {
                path = Encoding.ASCII.GetString(field.Value);
            }
            else if (server.Length == 0 && (field.Name.SequenceEqual(":authority"u8) || field.Name.SequenceEqual("host"u8)))
            {
                server = Telemetry.ServerAttributes(Encoding.ASCII.GetString(field.Value));
            }
        }

        return [.. _labels == MethodLabels.Other ? Telemetry.OtherSpanAttributes(path.TrimStart('/')) : _labels.SpanAttributes, .. server];
    }

    private sealed record CallEnd(Status Status, TimeSpan Duration);
}
