using System.Collections.Concurrent;
using Grpc.Core;

namespace MiniGrpc.Conformance.Interop.Service;

/// <summary>What a test sees of its calls on the server's side, and how it lets them go on. One watch may have many calls.</summary>
internal sealed class CallWatch(int expectedCalls)
{
    /// <summary>The request header that names the watch.</summary>
    public const string HeaderName = "call-id";

    private readonly TaskCompletionSource _started = New();
    private readonly TaskCompletionSource _waiting = New();
    private readonly TaskCompletionSource _cancelled = New();
    private readonly TaskCompletionSource _ended = New();
    private readonly TaskCompletionSource _release = New();
    private int _waitingCalls;
    private int _received;

    public string CallId { get; } = Guid.NewGuid().ToString("N");

    /// <summary>Options for the calls that are to be watched.</summary>
    public CallOptions Options => new(new Metadata { { HeaderName, CallId } });

    /// <summary>A handler has started.</summary>
    public Task Started => _started.Task;

    /// <summary>All expected handlers do nothing but wait, as they were told to.</summary>
    public Task Waiting => _waiting.Task;

    /// <summary>A handler's <see cref="ServerCallContext.CancellationToken"/> has fired.</summary>
    public Task Cancelled => _cancelled.Task;

    /// <summary>A handler has returned or thrown.</summary>
    public Task Ended => _ended.Task;

    /// <summary>The server's next step for calls told to await their release.</summary>
    public Task Released => _release.Task;

    /// <summary>The deadline of the last call that started.</summary>
    public DateTime Deadline { get; private set; }

    /// <summary>The request headers of the last call that started.</summary>
    public Metadata RequestHeaders { get; private set; } = [];

    /// <summary>The clients' addresses.</summary>
    public ConcurrentDictionary<string, bool> Peers { get; } = [];

    /// <summary>Messages that handlers have received.</summary>
    public int Received => Volatile.Read(ref _received);

    /// <summary>The handler's writes.</summary>
    public WriteProgress Writes { get; } = new();

    public void Release() => _release.TrySetResult();

    public void OnStarted(ServerCallContext context)
    {
        Deadline = context.Deadline;
        RequestHeaders = context.RequestHeaders;
        Peers[context.Peer] = true;
        _started.TrySetResult();
    }

    public void OnWaiting()
    {
        if (Interlocked.Increment(ref _waitingCalls) == expectedCalls)
        {
            _waiting.TrySetResult();
        }
    }

    public void OnCancelled() => _cancelled.TrySetResult();

    public void OnEnded() => _ended.TrySetResult();

    public void OnReceived() => Interlocked.Increment(ref _received);

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
