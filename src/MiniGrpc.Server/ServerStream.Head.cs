using Grpc.Core;

using MiniGrpc.Server.Diagnostics;
using MiniGrpc.Wire.Calls;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Server;

/// <content>The request's head: which method is called, how, until when; and the fields that the handler may ask for.</content>
internal sealed partial class ServerStream
{
    /// <summary>Looks a request field up for <paramref name="call"/>.</summary>
    /// <exception cref="InvalidOperationException">The call has ended, and its memory with it.</exception>
    public T ReadRequestFields<T>(ServerCall call, Func<HeaderList, T> read)
    {
        lock (_requestFields)
        {
            return ReferenceEquals(_call, call) && !_requestFieldsReleased
                ? read(_requestFields)
                : throw new InvalidOperationException("The request's metadata can't be read after the call has ended. Read it in the handler and keep what is needed.");
        }
    }

    /// <inheritdoc />
    internal override ProtocolError? OnHeaders(HeaderList fields, bool endStream)
    {
        Observer = ServerCallObserver.Start(this);
        if (fields.Repeated?.Reading is MethodHandler known)
        {
            _handler = known;
        }
        else if (!TryReadHead(fields, endStream))
        {
            return null;
        }

        Observer?.OnMethod(_handler!);
        if (endStream)
        {
            Inbox.End();
        }

        if (!_handler!.TakesOneRequest || Inbox.WaitForEnd())
        {
            Connection.Posts.Post(this);
        }

        return null;
    }

    /// <summary>Takes in what the request's head says; false when the request is refused.</summary>
    private bool TryReadHead(HeaderList fields, bool endStream)
    {
        RequestHead head = RequestHead.Read(fields, _server.Methods, _server.Compressions);
        if (head.HttpRefusal is { } refusal)
        {
            Connection.Causes.Note(0, head.Reason, head.Reason);
            _httpRefusal = refusal;
            Observer = null; // no call, but something else
            DiscardInbox(); // and what still comes
            if (endStream)
            {
                OnEndOfMessages();
            }

            return false;
        }

        if (head.Refusal is { } error)
        {
            if (head.Handler is not null)
            {
                Observer?.OnMethod(head.Handler);
            }

            Status status = Note(new Status((StatusCode)error.Code, error.Detail));
            Refuse(ResponseBlocks.Headers, StatusFields(status), status);
            return false;
        }

        _handler = head.Handler;
        ReceiveCompression = head.Compression;
        if (head.Timeout is { } timeout)
        {
            Deadline = Wire.Calls.Deadline.At(_server.Options.TimeProvider.GetUtcNow().UtcDateTime, timeout);
            _timer ??= new Deadline(_server.Options.TimeProvider, OnDeadline);
            _timer.Start(timeout);
        }
        else if (head.Compression is null && fields.Repeated is { } repeated)
        {
            repeated.Reading = _handler; // all that there is to know of a head in these words
        }

        return true;
    }
}
