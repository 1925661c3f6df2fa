using Grpc.Core;

using MiniGrpc.Server.Diagnostics;
using MiniGrpc.Wire.Calls;
using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Server;

/// <summary>
/// A call as the server's connection sees it: the request's head is judged here, and the handler started when its input is
/// there. The call ends exactly once, by whoever comes first: the handler, the deadline, the client, or the connection.
/// </summary>
/// <remarks>
/// Threading: the reports come in on the receive loop; <see cref="Execute"/> runs on the thread pool; the deadline on a
/// timer's thread. <c>_finished</c> decides who ends the call, <c>_started</c> whether the handler ever runs.
/// </remarks>
internal sealed partial class ServerStream : GrpcStream
{
    private readonly ServerCore _server;
    private readonly HeaderList _requestFields = new();
    private MethodHandler? _handler;
    private ServerCall? _call;
    private Deadline? _timer;
    private PreparedFields? _httpRefusal;
    private bool _requestFieldsReleased;
    private int _handlerState;
    private int _started;
    private int _finished;

    public ServerStream(ServerCore server, Http2Connection connection)
        : base(connection, server.Options.MaxReceiveMessageSize ?? -1)
    {
        _server = server;
    }

    /// <summary>What has become of the handler and of its stream.</summary>
    private enum HandlerState
    {
        /// <summary>It has not returned, and the call goes on.</summary>
        Running,

        /// <summary>The call has ended before it has returned: it counts against the streams of the connection still.</summary>
        Abandoned,

        /// <summary>It has returned, or never ran.</summary>
        Returned,
    }

    /// <summary>The server's options and services.</summary>
    public ServerCore Server => _server;

    /// <summary>Who tells listeners of the call; null if nobody listens.</summary>
    public ServerCallObserver? Observer { get; private set; }

    /// <summary>The moment at which the client stops waiting, in UTC; <see cref="DateTime.MaxValue"/> for never.</summary>
    public DateTime Deadline { get; private set; } = DateTime.MaxValue;

    /// <summary>
    /// Whether the call has ended. What the peer or the connection ended is closed a moment before its call is told, and no
    /// handler may take that moment for a mistake of its own.
    /// </summary>
    public bool IsFinished => Volatile.Read(ref _finished) != 0 || State.Current == StreamState.Closed;

    /// <inheritdoc />
    internal override HeaderList? RequestFields => _requestFields;

    /// <inheritdoc />
    protected override bool AcceptsMessages => !IsFinished;

    /// <inheritdoc />
    public override void Execute()
    {
        if (Interlocked.Exchange(ref _started, 1) == 0)
        {
            // Ended before it began: there is no handler to run.
            if (IsFinished)
            {
                Observer?.TellWhole(_requestFields.ToArray());
                Release();
                return;
            }

            ServerCall call = _handler!.IsToldOfShutdown ? new ToldServerCall(this, _handler) : new ServerCall(this, _handler);
            Interlocked.Exchange(ref _call, call);
            if (IsFinished)
            {
                call.Cancel(); // whoever ended the call a moment ago did not find it to tell it
            }

            _ = call.RunAsync(_handler);
        }
        else
        {
            _call?.Resume();
        }
    }

    /// <summary>Takes the right to end the call, with <paramref name="status"/>; true once.</summary>
    public bool TryFinish(in Status status)
    {
        if (Interlocked.Exchange(ref _finished, 1) != 0)
        {
            return false;
        }

        Observer?.OnEnd(status);
        return true;
    }

    /// <summary>The handler has returned, or never ran: give everything back.</summary>
    public void Release()
    {
        if (Interlocked.Exchange(ref _handlerState, (int)HandlerState.Returned) == (int)HandlerState.Abandoned)
        {
            Connection.AddAbandonedCall(-1);
        }

        // Nobody but the handler has ended such a call, and its request was there before it began: nothing was posted for it since.
        bool isReusable = _call is { WasCompleted: true, RequestWasRead: true } && _handler!.IsUnary;
        if (isReusable)
        {
            _timer?.Stop();
        }
        else
        {
            _timer?.Dispose();
            DiscardInbox();
        }

        lock (_requestFields)
        {
            _requestFieldsReleased = true;
            _requestFields.Release();
            if (isReusable)
            {
                Observer = null;
                _call = null; // in here: whoever asks next on behalf of this call finds that the fields are no longer its own
            }
        }

        _server.OnCallEnded();
        if (isReusable)
        {
            LetGo();
        }
    }

    /// <inheritdoc />
    internal override void Renew()
    {
        base.Renew();
        Deadline = DateTime.MaxValue;
        _requestFieldsReleased = false;
        _handlerState = (int)HandlerState.Running;
        _started = 0;
        _finished = 0;
    }

    /// <inheritdoc />
    internal override ProtocolError? OnTrailers(HeaderList fields)
    {
        // gRPC gives request trailers no meaning; the end of the requests is what counts.
        if (Inbox.End())
        {
            Connection.Posts.Post(this);
        }

        OnEndOfMessages();
        return null;
    }

    /// <summary>
    /// What is no gRPC request is answered when it has ended, in HTTP's own terms: until then it can still break HTTP's rules, and a
    /// plain HTTP client reads no answer before it has sent its request.
    /// </summary>
    protected override void OnEndOfMessages()
    {
        if (_httpRefusal is not null && !IsFinished)
        {
            Refuse(_httpRefusal, null);
        }
    }

    /// <inheritdoc />
    internal override void OnReset(ErrorCode code)
    {
        WireMetrics.StreamReset(Role.Server, code, Connection.Options.Logger);
        EndEarly();
    }

    /// <inheritdoc />
    internal override void OnStreamError(ProtocolError error) => EndEarly();

    /// <inheritdoc />
    internal override void OnConnectionEnded(string reason) => EndEarly();
}
