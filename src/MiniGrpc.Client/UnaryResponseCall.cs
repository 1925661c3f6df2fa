using Grpc.Core;

using MiniGrpc.Wire.Calls;
using MiniGrpc.Wire.Grpc;

namespace MiniGrpc.Client;

/// <summary>A call with one response: unary, or client-streaming.</summary>
internal sealed class UnaryResponseCall<TRequest, TResponse>(MiniChannel channel, Method<TRequest, TResponse> method, CallOptions options)
    : TypedCall<TRequest, TResponse>(channel, method, options)
    where TRequest : class
    where TResponse : class
{
    private static readonly Status s_tooMany = new(StatusCode.Internal, "The server sent more than one response to a call that takes one.");

    // Completed on the pool in Resume, where continuations may as well run.
    private readonly TaskCompletionSource<TResponse> _response = new();

    /// <summary>The response.</summary>
    public Task<TResponse> Response => _response.Task;

    /// <inheritdoc />
    internal override void Resume()
    {
        if (!HasEnded)
        {
            EndIfOverfull();
            return;
        }

        if (Interlocked.Exchange(ref _wasResumed, true))
        {
            return;
        }

        TResponse response = null!;
        bool isRead = Status.StatusCode == StatusCode.OK && TryReadResponse(out response);
        if (isRead && TakesOneRequest && Stream!.Inbox.IsAtEnd)
        {
            LetGoOfStream(); // before the caller goes on, who may want it for the next call
        }

        Observer?.Report(Status);
        if (isRead)
        {
            _response.TrySetResult(response);
        }
        else
        {
            _response.TrySetException(ToException());
            _ = _response.Task.Exception; // a caller that cares for the status alone need not look at it
        }

        Stream?.DiscardInbox();
    }

    /// <inheritdoc />
    protected override void Prepare(ClientStream stream) => stream.Inbox.WaitForEnd();

    /// <inheritdoc />
    protected override void OnEnded()
    {
        base.OnEnded();
        PostResume();
    }

    /// <summary>Woken before the end: the response is over the limit, or a second one follows it. Waiting for more would be waiting for nothing.</summary>
    private void EndIfOverfull()
    {
        InboxStatus status = Stream!.Inbox.JudgeOverfull(out GrpcError? error);
        if (status != InboxStatus.Waiting)
        {
            End(Stream.Note(error is null ? s_tooMany : new Status((StatusCode)error.Code, error.Detail)), abort: true);
        }
    }

    private bool TryReadResponse(out TResponse response)
    {
        InboxStatus status = Stream!.Read(Method.ResponseMarshaller, out response, out _);
        if (status == InboxStatus.Message)
        {
            if (Stream.Inbox.IsAtEnd)
            {
                return true;
            }

            status = Stream.Read(Method.ResponseMarshaller, out TResponse _, out _);
            if (status == InboxStatus.End)
            {
                return true;
            }

            if (status == InboxStatus.Message)
            {
                Fail(Stream.Note(s_tooMany));
            }
        }
        else if (status == InboxStatus.End)
        {
            Fail(Stream.Note(new Status(StatusCode.Internal, "The server sent no response, but status OK.")));
        }

        return false; // what can't be read has made the call's status
    }
}
