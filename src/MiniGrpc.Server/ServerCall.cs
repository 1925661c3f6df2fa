using Grpc.Core;

using Microsoft.Extensions.Logging;

using MiniGrpc.Wire.Calls;
using MiniGrpc.Wire.Grpc;

namespace MiniGrpc.Server;

/// <summary>One call as its handler sees it: the context, and the way responses and the final status take.</summary>
/// <remarks>
/// Never pooled: a handler may hold on to it. Members that send enter the gate; the handler may call from any thread. Its stream
/// may serve another call once this one was completed: whatever looks at the stream, or writes to it, makes sure of that first.
/// </remarks>
internal partial class ServerCall
{
    private static readonly Status s_shuttingDown = new(StatusCode.Unavailable, "The server is shutting down.");

    private readonly ServerStream _stream;
    private IResumable? _reader;
    private LazyCancellation _cancellation;
    private bool _isCutOff;

    public ServerCall(ServerStream stream, MethodHandler handler)
    {
        _stream = stream;
        _methodName = handler.FullName;
        _deadline = stream.Deadline;
    }

    /// <summary>Whether the one request was read, and that it is the only one: nothing more comes in on the stream.</summary>
    public bool RequestWasRead { get; private set; }

    /// <summary>Whether the handler was told to end because the server begins to stop.</summary>
    protected virtual bool WasToldToEnd => false;

    /// <summary>Runs the handler to its end, whatever that is.</summary>
    public async Task RunAsync(MethodHandler handler)
    {
        try
        {
            _stream.Observer?.Begin(_stream.RequestFields!.ToArray());
            await handler.RunAsync(this).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // Whatever a handler throws becomes the call's status; nothing of it may reach the connection.
            CompleteWith(ToStatus(e), e is RpcException rpc ? rpc.Trailers : null);
        }
        finally
        {
            _stream.Observer?.Finish(); // before the stream may serve another call
            _stream.Release();
            OnEnded();
        }
    }

    /// <summary>The handler has returned.</summary>
    protected virtual void OnEnded()
    {
        // A call has nothing to give back but its stream.
    }

    /// <summary>A wake of the stream: a reader that waits looks again.</summary>
    public void Resume() => Volatile.Read(ref _reader)?.Resume();

    /// <summary>The call was ended by somebody else: tell the handler.</summary>
    public void Cancel()
    {
        Task callbacks = _cancellation.Cancel(_stream.Connection.Options.Dispatcher);
        if (!callbacks.IsCompletedSuccessfully)
        {
            _ = LogFailureAsync(callbacks, _stream.Server.Logger, _methodName);
        }
    }

    /// <summary>Why nothing can be read or written any more; null while it can.</summary>
    public Exception? EndedException(string what)
    {
        if (WasCompleted)
        {
            return new InvalidOperationException($"Can't {what}: the call has ended.");
        }

        return _cancellation.IsCancelled || _stream.IsFinished ? CutOff(what) : null;
    }

    /// <summary>
    /// Why a response was refused. A connection that is about to end takes none any more, and tells its calls a moment later: if the
    /// handler hasn't ended the call, it was cut off.
    /// </summary>
    public Exception RefusedException()
    {
        const string What = "write a response";
        _isCutOff = !WasCompleted;
        return EndedException(What) ?? CutOff(What);
    }

    /// <summary>Looks for the next request, and reads it. What is known of it is kept here: the stream may serve another call later.</summary>
    public InboxStatus ReadRequest<T>(Marshaller<T> marshaller, out T request, out Status error)
    {
        InboxStatus status = _stream.Read(marshaller, out request, out error);
        if (status == InboxStatus.Message)
        {
            IsRequestCompressed = _stream.LastReadWasCompressed;
        }

        return status;
    }

    /// <summary>Reads the request of a method that takes one.</summary>
    /// <exception cref="RpcException">There was none, more than one, or one that can't be read.</exception>
    public T ReadOnlyRequest<T>(Marshaller<T> marshaller)
    {
        InboxStatus status = ReadRequest(marshaller, out T request, out Status error);
        if (status == InboxStatus.Message)
        {
            if (_stream.Inbox.IsAtEnd)
            {
                RequestWasRead = true;
                return request;
            }

            status = _stream.Inbox.Read(out MessagePrefix second, out _, out GrpcError? extra, out _);
            switch (status)
            {
                case InboxStatus.End:
                    return request;
                case InboxStatus.Message:
                    _stream.Inbox.Consume(second.TotalLength); // no more than seen
                    break;
            }

            error = _stream.Note(extra is null
                ? new Status(StatusCode.Internal, "The client sent more than one request to a method that takes one.")
                : new Status((StatusCode)extra.Code, extra.Detail));
        }
        else if (status == InboxStatus.End)
        {
            error = _stream.Note(new Status(StatusCode.Internal, "The client sent no request to a method that takes one."));
        }

        throw new RpcException(error);
    }

    /// <summary>The reader of a method that takes many requests.</summary>
    public RequestReader<T> CreateReader<T>(Marshaller<T> marshaller)
    {
        var reader = new RequestReader<T>(this, marshaller);
        Volatile.Write(ref _reader, reader);
        return reader;
    }

    private static async Task LogFailureAsync(Task callbacks, ILogger logger, string method)
    {
        try
        {
            await callbacks.ConfigureAwait(false);
        }
        catch (AggregateException e)
        {
            logger.LogError(e, "What was to run when a call of {Method} is cancelled threw an exception", method);
        }
    }

    private OperationCanceledException CutOff(string what) =>
        new($"Can't {what}: the call was cancelled, its deadline has passed, or its connection was lost.", CancellationToken);

    private Status ToStatus(Exception exception)
    {
        ILogger logger = _stream.Server.Logger;
        if (exception is RpcException rpc)
        {
            if (logger.IsEnabled(LogLevel.Debug))
            {
                logger.LogDebug(exception, "The handler of {Method} ended its call with {StatusCode}", _methodName, rpc.StatusCode);
            }

            return rpc.Status.StatusCode == StatusCode.OK
                ? new Status(StatusCode.Unknown, "The handler threw an RpcException with status OK.")
                : rpc.Status;
        }

        if (_isCutOff || _stream.IsFinished)
        {
            logger.LogDebug(exception, "The handler of {Method} threw an exception after its call had ended", _methodName);
            return new Status(StatusCode.Cancelled, "The call has ended.");
        }

        if (exception is OperationCanceledException && WasToldToEnd)
        {
            // The handler did as it was told. For the client that is no failure of the call: another server may serve it.
            logger.LogDebug(exception, "The handler of {Method} was cancelled by the shutdown of the server", _methodName);
            return s_shuttingDown;
        }

        // What went wrong inside is for the log; a stranger may be reading the status.
        logger.LogError(exception, "The handler of {Method} threw an exception", _methodName);
        return new Status(
            StatusCode.Unknown,
            _stream.Server.Options.EnableDetailedErrors
                ? $"The handler threw an exception: {exception.GetType().Name}: {exception.Message}"
                : "The handler threw an exception.");
    }
}
