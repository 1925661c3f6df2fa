using Grpc.Core;

using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Grpc;
using MiniGrpc.Wire.Hpack;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Server;

/// <content>How a call ends that its handler doesn't end: refused, past its deadline, or given up by the client or the connection.</content>
internal sealed partial class ServerStream
{
    private static readonly Status s_deadlineExceeded = new(StatusCode.DeadlineExceeded, "The deadline of the call has passed.");

    /// <summary>The client has reset the stream, or the connection has ended: nobody is told, but those who watch.</summary>
    private static readonly Status s_givenUp = new(StatusCode.Cancelled, "The client, or its connection, has ended the call.");

    /// <summary>The fields of a status: <c>grpc-status</c> and, percent-encoded, <c>grpc-message</c>.</summary>
    internal static HeaderList StatusFields(Status status)
    {
        var fields = new HeaderList();
        Span<byte> code = stackalloc byte[3];
        System.Buffers.Text.Utf8Formatter.TryFormat((int)status.StatusCode, code, out int length);
        fields.Add("grpc-status"u8, code[..length]);
        if (!string.IsNullOrEmpty(status.Detail))
        {
            fields.Add("grpc-message"u8, PercentEncoding.Encode(status.Detail), Indexing.Without);
        }

        return fields;
    }

    private void Refuse(PreparedFields prepared, HeaderList? fields, Status status = default)
    {
        if (_server.Compressions.AcceptEncoding.Length > 0 && fields is not null)
        {
            fields.Add("grpc-accept-encoding"u8, _server.Compressions.AcceptEncoding.Span);
        }

        TryFinish(status);
        using (Http2Connection.GateScope gate = Connection.Enter())
        {
            gate.Send.WriteRefusal(this, prepared, fields);
        }

        fields?.Release();
        if (Interlocked.Exchange(ref _started, 1) == 0)
        {
            Observer?.PostWhole(_requestFields);
            Release();
        }
    }

    private void OnDeadline()
    {
        HeaderList fields = StatusFields(s_deadlineExceeded);
        using (Http2Connection.GateScope gate = Connection.Enter())
        {
            // Decided inside the gate, so that no message can follow the trailers. A timer that is late by a whole call finds the clock
            // of the next one running.
            if (!_timer!.HasPassed || !TryFinish(s_deadlineExceeded))
            {
                fields.Release();
                return;
            }

            if (SendQueue.Length > 0)
            {
                // Responses that the client doesn't take would hold the status up for ever; its own clock tells it the same.
                fields.Release();
                gate.Send.Reset(this, ErrorCode.Cancel);
            }
            else
            {
                gate.Send.WriteTrailers(this, _call is { HeadersSent: true } ? null : ResponseBlocks.Headers, fields);
            }
        }

        Abandon();
    }

    /// <summary>The client, or the connection, has ended the call: nothing can be sent any more.</summary>
    private void EndEarly()
    {
        if (TryFinish(DeadlineHasPassed ? s_deadlineExceeded : s_givenUp))
        {
            Abandon();
        }
    }

    /// <summary>
    /// Whether the deadline has passed by the clock: a client gives its call up at the same moment, and its reset may come before our timer
    /// rings. Asked for those who watch.
    /// </summary>
    private bool DeadlineHasPassed =>
        Observer is not null && Deadline != DateTime.MaxValue && _server.Options.TimeProvider.GetUtcNow().UtcDateTime >= Deadline;

    /// <summary>The call has ended before its handler did.</summary>
    private void Abandon()
    {
        if (Interlocked.Exchange(ref _started, 1) == 0)
        {
            Observer?.PostWhole(_requestFields);
            Release();
            return;
        }

        // Counted before it can be taken back: the handler may return at any moment.
        Connection.AddAbandonedCall(1);
        if (Interlocked.CompareExchange(ref _handlerState, (int)HandlerState.Abandoned, (int)HandlerState.Running) != (int)HandlerState.Running)
        {
            Connection.AddAbandonedCall(-1);
        }

        _call?.Cancel();
        Observer?.PostReport();

        // A reader that waits learns of it on the pool, not here.
        Connection.Posts.Post(this);
    }
}
