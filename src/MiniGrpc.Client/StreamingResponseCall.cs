using Grpc.Core;

using MiniGrpc.Wire.Calls;

namespace MiniGrpc.Client;

/// <summary>A call with many responses: server-streaming, or both ways.</summary>
internal class StreamingResponseCall<TRequest, TResponse> : TypedCall<TRequest, TResponse>
    where TRequest : class
    where TResponse : class
{
    private readonly ResponseReader _reader;
    private bool _disposed;

    public StreamingResponseCall(MiniChannel channel, Method<TRequest, TResponse> method, CallOptions options)
        : base(channel, method, options)
    {
        _reader = new ResponseReader(this);
    }

    /// <summary>The responses.</summary>
    public IAsyncStreamReader<TResponse> Reader => _reader;

    /// <inheritdoc />
    internal override void Resume()
    {
        if (HasEnded)
        {
            Observer?.ReportAttempt();
            ReportIfOver();
        }

        _reader.Resume();
    }

    /// <inheritdoc />
    protected override void OnOpened()
    {
        base.OnOpened();
        PostResume(); // a read may have begun before there was a stream to read from
    }

    /// <inheritdoc />
    protected override void OnEnded()
    {
        base.OnEnded();
        PostResume();
    }

    /// <inheritdoc />
    protected override void OnDisposedAfterEnd()
    {
        Volatile.Write(ref _disposed, true); // before the messages are gone, so that nobody takes that for their end
        Stream?.DiscardInbox();
        ReportIfOver();
    }

    /// <summary>
    /// Tells listeners of the call's end once nothing can change its status any more. That is not yet so while responses wait that came before
    /// it: if one of them can't be read, the call has failed, whatever the server says. On the reader's thread or on the pool.
    /// </summary>
    private void ReportIfOver()
    {
        // Looked at in this order: a message that can't be read has made the status before it stops counting as unread.
        if (Observer is { } observer && HasEnded && (IsAborted || Stream is not { Inbox.HasUnread: true }))
        {
            observer.Report(Status);
        }
    }

    private sealed class ResponseReader(StreamingResponseCall<TRequest, TResponse> call) : StreamReader<TResponse>
    {
        /// <inheritdoc />
        protected override InboxStatus ReadNext(out TResponse message, out Exception? error)
        {
            message = default!;
            error = null;
            if (call.IsAborted)
            {
                error = call.ToException();
                return InboxStatus.Error;
            }

            if (call.Stream is not { } stream)
            {
                return InboxStatus.Waiting;
            }

            InboxStatus status = stream.Read(call.Method.ResponseMarshaller, out message, out _);
            switch (status)
            {
                case InboxStatus.Message:
                    call.ReportIfOver(); // it may have been the last one
                    break;
                case InboxStatus.Error:
                    call.ReportIfOver();
                    error = call.ToException();
                    break;
                case InboxStatus.End when !call.HasEnded:
                    return InboxStatus.Waiting; // the status follows at once
                case InboxStatus.End when call.Status.StatusCode == StatusCode.OK && Volatile.Read(ref call._disposed):
                    error = new RpcException(new Status(StatusCode.Cancelled, "The call was disposed of before all of its responses were read."));
                    return InboxStatus.Error;
                case InboxStatus.End when call.Status.StatusCode != StatusCode.OK:
                    error = call.ToException();
                    return InboxStatus.Error;
            }

            return status;
        }

        /// <inheritdoc />
        protected override bool EndCall()
        {
            call.End(new Status(StatusCode.Cancelled, "The call was cancelled by the token of a read."), abort: true);
            return true;
        }
    }
}
