using Grpc.Core;

using MiniGrpc.Client.Diagnostics;
using MiniGrpc.Wire.Connection;

namespace MiniGrpc.Client.Repeating;

/// <summary>
/// A call that a service config lets be tried again (gRFC A6): its attempts are calls of their own, and one of them is chosen in the end,
/// as soon as its response begins, or when it has failed and there is no other. From then on the call is that attempt.
/// <code>
/// attempt 1 --UNAVAILABLE--> wait --> attempt 2 --response header list--> chosen: its messages and its status are the call's
/// </code>
/// </summary>
/// <remarks>
/// Threading: whoever sets <c>_decision</c> has decided. The loops that start attempts run on the pool, one for each call; what happens to
/// attempts wakes them.
/// </remarks>
internal abstract partial class RepeatedCall<TRequest, TResponse> : ICallHandle
    where TRequest : class
    where TResponse : class
{
    /// <summary>Where a server says in trailers how many milliseconds to wait before the next attempt, or by any other text that none is wanted.</summary>
    internal const string PushbackName = "grpc-retry-pushback-ms";

    private readonly MiniChannel _channel;
    private readonly Method<TRequest, TResponse> _method;
    private readonly bool _awaitsConfig;
    private readonly DateTime _startedAt;
    private Method<EncodedMessage, TResponse> _encodedMethod;
    private MethodPlan _plan;
    private CallOptions _options;
    private readonly CancellationTokenRegistration _registration;
    private readonly PostedCompletion _decided = new();
    private readonly Lock _lock = new();
    private readonly List<Attempt> _attempts = [];
    private CallObserver? _observer;
    private ExecutionContext? _caller;
    private EncodedMessage? _onlyRequest;
    private Decision? _decision;
    private bool _mustChoose;

    protected RepeatedCall(MiniChannel channel, Method<TRequest, TResponse> method, MethodPlan plan, CallOptions options, bool awaitsConfig)
    {
        ObjectDisposedException.ThrowIf(channel.Core.Router.Closing.IsCancellationRequested, typeof(MiniChannel));
        ClientCall.Validate(channel, options); // here, where its caller is told; attempts are made elsewhere
        _channel = channel;
        _method = method;
        _plan = plan;
        _awaitsConfig = awaitsConfig;
        _startedAt = channel.Options.TimeProvider.GetUtcNow().UtcDateTime;
        _encodedMethod = _plan.Encoded(method);
        _options = options.WithCancellationToken(CancellationToken.None); // attempts don't decide on their own that the call is cancelled
        Log = new RequestLog(channel.RetryBuffer, channel.Options.MaxRetryBufferPerCallSize, channel.Core.Dispatcher);
        _registration = options.CancellationToken.UnsafeRegister(
            static call => ((RepeatedCall<TRequest, TResponse>)call!).Cancel(new Status(StatusCode.Cancelled, "The call was cancelled by its caller.")), this);
    }

    /// <summary>The response's header list, as soon as it is there.</summary>
    public Task<Metadata> ResponseHeaders => field ??= HeadersAsync();

    /// <summary>The requests.</summary>
    protected RequestLog Log { get; }

    /// <summary>Starts a call with its one request.</summary>
    public void Start(TRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        Observe();
        try
        {
            _onlyRequest = Encode(request);
            Log.Add(_onlyRequest, _options.WriteOptions, out bool fits);
            _mustChoose = !fits;
        }
        catch (Exception e)
        {
            // A marshaller that can't write it, whatever it throws: that is this call's end.
            Cancel(LocalStatus.OfRequest(e));
            return;
        }

        Begin();
    }

    /// <summary>Starts a call of many requests.</summary>
    public RepeatedRequestWriter<TRequest, TResponse> StartStreaming()
    {
        Observe();
        var writer = new RepeatedRequestWriter<TRequest, TResponse>(this, _options.WriteOptions);
        Begin();
        return writer;
    }

    /// <summary>The status of a call that has ended.</summary>
    public Status GetStatus() => Volatile.Read(ref _decision) switch
    {
        { Chosen: { } call } => call.GetStatus(),
        { Status: var status } => status,
        null => throw new InvalidOperationException("The call has no status yet: it hasn't ended."),
    };

    /// <summary>The trailers of a call that has ended.</summary>
    public Metadata GetTrailers() => Volatile.Read(ref _decision) switch
    {
        { Chosen: { } call } => call.GetTrailers(),
        { } => [],
        null => throw new InvalidOperationException("The call has no trailers yet: it hasn't ended."),
    };

    /// <summary>Cancels the call unless it has ended.</summary>
    public void Dispose()
    {
        Cancel(new Status(StatusCode.Cancelled, "The call was disposed of before it had ended."));
        Volatile.Read(ref _decision)!.Chosen?.Dispose();
    }

    /// <summary>Sends a request; false when the call has ended. One that can't be written ends it: the server would take what follows for all there is.</summary>
    internal async Task<bool> WriteAsync(TRequest message, WriteOptions? options)
    {
        EncodedMessage encoded;
        try
        {
            encoded = Encode(message);
        }
        catch (Exception e)
        {
            Cancel(LocalStatus.OfRequest(e));
            throw;
        }

        int number = Log.Add(encoded, options, out bool fits);
        if (!fits)
        {
            ChooseNow();
        }

        return await Log.WaitUntilWrittenAsync(number).ConfigureAwait(false);
    }

    /// <summary>Says that no more requests follow.</summary>
    internal void Complete() => Log.Complete();

    /// <summary>Completes when the call has ended.</summary>
    internal async Task WaitForEndAsync()
    {
        await _decided.Task.ConfigureAwait(false);
        if (_decision!.Chosen is { } call)
        {
            await call.WaitForEndAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Why no request can be written any more; of a call that has ended.</summary>
    internal Exception EndedException() => _decision!.Chosen?.EndedException() ?? new RpcException(_decision.Status);

    /// <summary>Ends the call with <paramref name="status"/> unless it has ended.</summary>
    internal void Cancel(Status status)
    {
        if (!Decide(new Decision(null, status)))
        {
            _decision!.Chosen?.End(status, abort: true);
        }
    }

    /// <summary>The attempt that was chosen.</summary>
    /// <exception cref="RpcException">The call has ended without one.</exception>
    protected async Task<TypedCall<EncodedMessage, TResponse>> ChosenAsync()
    {
        await _decided.Task.ConfigureAwait(false);
        return _decision!.Chosen ?? throw new RpcException(_decision.Status);
    }

    /// <summary>Makes an attempt that hasn't started yet.</summary>
    protected abstract TypedCall<EncodedMessage, TResponse> CreateAttempt(MiniChannel channel, Method<EncodedMessage, TResponse> method, CallOptions options);

    /// <summary>The limit of a config that isn't known yet is that of the attempts.</summary>
    private EncodedMessage Encode(TRequest message) =>
        EncodedMessage.Of(_method.RequestMarshaller, message, _awaitsConfig ? _channel.Options.MaxSendMessageSize : _plan.MaxSendMessageSize);

    /// <summary>The call begins for those who watch. It may have been cancelled already.</summary>
    private void Observe()
    {
        CallObserver? observer = CallObserver.Start(_channel, _plan, _method.FullName, _options.Headers);
        Interlocked.Exchange(ref _observer, observer); // a full fence: who decides looks at it afterwards
        if (_decision is { } decided)
        {
            observer?.End(decided.Status);
        }
    }

    private void Begin()
    {
        _caller = ExecutionContext.Capture();
        _ = Detached.Start(RepeatAsync);
    }

    /// <summary>Makes the attempts.</summary>
    private async Task RepeatAsync()
    {
        try
        {
            if (_awaitsConfig)
            {
                await AwaitConfigAsync().ConfigureAwait(false);
            }

            await (_plan.Parameters.Hedging is null ? RetryAsync() : HedgeAsync()).ConfigureAwait(false);
        }
        catch (ObjectDisposedException)
        {
            Cancel(new Status(StatusCode.Cancelled, ClientCall.ChannelClosed));
        }
        catch (Exception e)
        {
            // No attempt could be made, whatever the reason (metadata that was changed since, say): that is the call's end.
            Cancel(new Status(StatusCode.Internal, $"The call can't be tried: {e.Message}", e));
        }
    }

    private async Task<Metadata> HeadersAsync()
    {
        TypedCall<EncodedMessage, TResponse> chosen = await ChosenAsync().ConfigureAwait(false);
        return await chosen.ResponseHeaders.ConfigureAwait(false);
    }

    /// <summary>The requests need more room than there is: the attempt that is furthest is the last, or the next one if there is none.</summary>
    private void ChooseNow()
    {
        Attempt? furthest;
        lock (_lock)
        {
            _mustChoose = true;
            furthest = _attempts.Where(attempt => attempt.State == AttemptState.UnderWay).MaxBy(attempt => attempt.Sent);
        }

        if (furthest is not null)
        {
            Choose(furthest);
        }
    }

    private void Choose(Attempt attempt) => Decide(new Decision(attempt.Call, default));

    private bool Decide(Decision decision)
    {
        if (Interlocked.CompareExchange(ref _decision, decision, null) is not null)
        {
            return false;
        }

        Attempt[] others;
        Attempt? chosen;
        lock (_lock)
        {
            others = [.. _attempts.Where(attempt => attempt.Call != decision.Chosen)];
            chosen = _attempts.Find(attempt => attempt.Call == decision.Chosen);
        }

        if (decision.Chosen is null)
        {
            Volatile.Read(ref _observer)?.End(decision.Status);
        }
        else if (decision.Chosen.Observer is { } attempt)
        {
            _observer!.Choose(attempt);
        }

        Array.ForEach(others, attempt => attempt.Call.Dispose());
        Log.Commit(chosen?.Sent ?? 0);
        _channel.Core.Dispatcher.Post(_decided);
        Signal();
        _ = Detached.Start(FinishAsync);
        return true;
    }

    /// <summary>When the call has ended, nothing of it is left anywhere.</summary>
    private async Task FinishAsync()
    {
        await WaitForEndAsync().ConfigureAwait(false);
        Log.Close();
        _registration.Unregister();
    }

    /// <summary>What was decided: which attempt is the call, or what its status is without one.</summary>
    private sealed record Decision(TypedCall<EncodedMessage, TResponse>? Chosen, Status Status);
}
