using Grpc.Core;

using MiniGrpc.Client.Credentials;
using MiniGrpc.Client.Diagnostics;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Calls;
using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Client;

/// <summary>
/// One call as its caller sees it: it outlives its stream, starts on a connection when there is one, and ends exactly once,
/// with the status that came first: the server's, the deadline's, a cancellation's, or the connection's.
/// </summary>
/// <remarks>
/// Never pooled: callers hold on to it. Threading: whoever sets <c>_end</c> ends the call. Reports of the stream come in on the receive loop and only take notes; user code runs on the pool.
/// </remarks>
internal abstract partial class ClientCall : ICallHandle, IThreadPoolWorkItem
{
    /// <summary>What calls that a closing channel cuts off are told.</summary>
    internal const string ChannelClosed = "the channel was closed";

    /// <summary>What calls are told whose deadline has passed.</summary>
    internal const string DeadlinePassed = "The deadline of the call has passed.";

    private readonly DateTime _deadline; // MaxValue for none
    private readonly CancellationToken _cancellationToken;
    private CancellationTokenRegistration _registration;
    private Deadline? _timer;
    private PostedCompletion? _endSource;
    private CallEnd? _end;

    /// <summary>Whether a call of one response has looked at its end. It stands here since it takes no room beside other flags.</summary>
    protected bool _wasResumed;

    protected ClientCall(MiniChannel channel, IMethod method, CallOptions options)
    {
        Validate(channel, options);
        if (HasCredentials(channel, options))
        {
            _authorization = new CallAuthorization(channel.Options.CallCredentials, options.Credentials);
        }

        Channel = channel;
        Plan = channel.PlanOf(method);
        WaitsForReady = options.IsWaitForReady;
        WriteOptions = options.WriteOptions;
        RequestCompression = ChooseCompression(channel, options.Headers);
        _deadline = options.Deadline ?? DateTime.MaxValue;
        _requestHeaders = options.Headers;
        _cancellationToken = options.CancellationToken;
    }

    /// <summary>Whether the call waits for a connection however long that takes, rather than failing with the first attempt.</summary>
    public bool WaitsForReady { get; }

    /// <summary>The method's full name.</summary>
    public abstract string MethodName { get; }

    /// <summary>The metadata that the caller gave.</summary>
    public Metadata? RequestHeaders => _requestHeaders;

    /// <summary>Where the call stands in the queue for a connection; guarded by the router's lock.</summary>
    public LinkedListNode<ClientCall>? QueueNode { get; set; }

    /// <summary>Its turn among the calls that wait; guarded by the router's lock.</summary>
    public long Ticket { get; set; }

    /// <summary>Whether the call has its status.</summary>
    public bool HasEnded => Volatile.Read(ref _end) is not null;

    /// <summary>Which attempt it is of a call that may have several, from 1 on; 0 for a call of its own.</summary>
    public int AttemptNumber { get; set; }

    /// <summary>How many attempts of the same call there were before this one; the server is told.</summary>
    public int PreviousAttempts => Math.Max(AttemptNumber - 1, 0);

    /// <summary>Who tells listeners of the attempt; null if nobody listens.</summary>
    public AttemptObserver? Observer { get; set; }

    /// <summary>What all calls of the method have in common.</summary>
    internal MethodPlan Plan { get; }

    protected MiniChannel Channel { get; }

    protected WriteOptions? WriteOptions { get; }

    /// <summary>How requests are compressed; null for not at all.</summary>
    protected ICompressionProvider? RequestCompression { get; }

    /// <summary>The stream, once the call has started: what comes in on it can be read.</summary>
    protected ClientStream? Stream { get; private set; }

    /// <summary>The connection that the call was started on.</summary>
    protected Http2Connection? Connection { get; private set; }

    /// <summary>Refuses options that no call can be made with.</summary>
    /// <exception cref="ArgumentException">Metadata that can't be sent.</exception>
    /// <exception cref="InvalidOperationException">Call credentials without TLS, a deadline in local time, or an encoding that there is no provider for.</exception>
    internal static void Validate(MiniChannel channel, CallOptions options)
    {
        if (HasCredentials(channel, options) && channel.Options is { Tls: null, UnsafeUseInsecureChannelCallCredentials: false })
        {
            throw new InvalidOperationException("Call credentials can't be sent over a plaintext channel: anybody on the way could read them.");
        }

        if (options.Headers is { Count: > 0 } headers)
        {
            MetadataCodec.Validate(headers);
            ChooseCompression(channel, headers);
        }

        DateTime deadline = options.Deadline ?? DateTime.MaxValue;
        if (deadline.Kind != DateTimeKind.Utc && deadline != DateTime.MaxValue && deadline != DateTime.MinValue)
        {
            throw new InvalidOperationException("The deadline must be in UTC (DateTimeKind.Utc): a local time names two moments a year.");
        }
    }

    /// <summary>The status of a call that has ended.</summary>
    public Status GetStatus() => _end?.Status ?? throw new InvalidOperationException("The call has no status yet: it hasn't ended.");

    /// <summary>Cancels the call unless it has ended.</summary>
    public void Dispose()
    {
        if (HasEnded || !End(new Status(StatusCode.Cancelled, "The call was disposed of before it had ended."), abort: true))
        {
            OnDisposedAfterEnd();
        }
    }

    /// <summary>There is no connection, and the call doesn't wait for one.</summary>
    public void OnUnavailable(Status status) => End(status, abort: true);

    /// <summary>The connection has ended, and the call with it.</summary>
    public void OnConnectionEnded(string reason) => End(
        new Status(reason == ChannelClosed ? StatusCode.Cancelled : StatusCode.Unavailable, reason), abort: true);

    /// <inheritdoc />
    void IThreadPoolWorkItem.Execute() => Resume();

    /// <summary>Completes when the call has ended.</summary>
    public Task WaitForEndAsync()
    {
        var created = new PostedCompletion();
        PostedCompletion source = Interlocked.CompareExchange(ref _endSource, created, null) ?? created;
        if (HasEnded)
        {
            source.TrySetResult();
        }

        return source.Task;
    }

    /// <summary>
    /// Ends the call with <paramref name="status"/> unless it has ended. With <paramref name="abort"/>, what has come in and
    /// wasn't read is thrown away and the stream is reset; otherwise the messages that came before the status can be read.
    /// </summary>
    internal bool End(Status status, bool abort, byte[]? trailers = null)
    {
        CallEnd end = status.StatusCode == StatusCode.OK && status.Detail.Length == 0 && trailers is not { Length: > 0 }
            ? CallEnd.Ok
            : new CallEnd(status, trailers, abort);
        if (Interlocked.CompareExchange(ref _end, end, null) is not null)
        {
            return false;
        }

        Observer?.End(end.Status.StatusCode, isLast: true);
        _timer?.Dispose();
        _registration.Unregister();
        _authorization?.Stop(Channel.Core.Dispatcher);
        if (abort && Stream is { } stream)
        {
            stream.CountOutcome(succeeded: false);
            stream.Reset(ErrorCode.Cancel);
            stream.DiscardInbox();
        }

        PostHeaders();
        if (QueueNode is not null)
        {
            Channel.Core.Router.Forget(this);
        }

        if (Volatile.Read(ref _endSource) is { } source)
        {
            Post(source);
        }

        if (end.Status.StatusCode == StatusCode.OK)
        {
            Channel.RetryThrottle?.RecordSuccess();
        }

        OnEnded();
        return true;
    }

    /// <summary>The call's exception.</summary>
    internal RpcException ToException() => new(Status, Trailers);

    /// <summary>On the pool: a message, or the end, has come in.</summary>
    internal abstract void Resume();

    /// <summary>What came in can't be read: that is the call's status, whatever the server says or has said.</summary>
    internal void Fail(Status status)
    {
        if (!End(status, abort: true))
        {
            Volatile.Write(ref _end, new CallEnd(status, _end!.TrailerFields, true));
            Stream?.DiscardInbox();
        }
    }

    /// <summary>
    /// The call has ended in the usual way, and all that came in on its stream was read: the stream may serve another call. Whoever
    /// resets a stream for its call has ended the call for that, so nobody does any more.
    /// </summary>
    protected void LetGoOfStream()
    {
        ClientStream stream = Stream!;
        Stream = null;
        stream.LetGo();
    }

    /// <summary>Whether the call was cut off: messages that were not read are lost.</summary>
    protected bool IsAborted => _end is { IsAborted: true };

    /// <summary>The status; of a call that has ended.</summary>
    protected Status Status => _end!.Status;

    /// <summary>The call has its status: whoever waits for something else of it must be told. Any thread; no user code here.</summary>
    protected abstract void OnEnded();

    /// <summary>The caller is done with a call that had ended: nothing more will be read.</summary>
    protected virtual void OnDisposedAfterEnd()
    {
    }

    /// <summary>Runs <see cref="Resume"/> on the pool.</summary>
    protected void PostResume() => Post(this);

    /// <summary>Runs <paramref name="item"/> on the pool: what the call has to tell may be found out on the receive loop.</summary>
    protected void Post(IThreadPoolWorkItem item)
    {
        if (Connection is { } connection)
        {
            connection.Posts.Post(item);
        }
        else
        {
            Channel.Core.Dispatcher.Post(item);
        }
    }

    private static bool HasCredentials(MiniChannel channel, CallOptions options) => options.Credentials is not null || channel.Options.CallCredentials is not null;

    private void OnDeadline()
    {
        string detail = QueueNode is null ? DeadlinePassed : $"The deadline of the call has passed while it waited for {Channel.Core.Router.CallsWaitFor}.";
        End(new Status(StatusCode.DeadlineExceeded, detail), abort: true);
    }

    private void OnTokenCancelled() => End(new Status(StatusCode.Cancelled, "The call was cancelled by its caller."), abort: true);

    /// <summary>Whether the deadline has passed by the clock, even if the timer hasn't noticed.</summary>
    internal bool DeadlineHasPassed => HasDeadline && TimeLeft <= TimeSpan.Zero;

    private bool HasDeadline => _deadline != DateTime.MaxValue;

    private TimeSpan TimeLeft => _deadline - Channel.Options.TimeProvider.GetUtcNow().UtcDateTime;

    /// <summary>How a call ended: set once, as a whole.</summary>
    private sealed record CallEnd(Status Status, byte[]? TrailerFields, bool IsAborted)
    {
        /// <summary>The usual end, for all calls.</summary>
        public static readonly CallEnd Ok = new(Status.DefaultSuccess, null, false);
    }
}
