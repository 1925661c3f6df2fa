using System.Diagnostics;

using Grpc.Core;

using MiniGrpc.Wire.Calls;
using MiniGrpc.Wire.Diagnostics;
using MiniGrpc.Wire.Grpc;

namespace MiniGrpc.Client.Diagnostics;

/// <summary>
/// One call as those see it who watch: its span, its duration, and what tells the server whose child it is. There is one only if somebody
/// listens, or the caller is in a span. What began before anybody measured is not measured: nobody knows when.
/// </summary>
/// <remarks>
/// Thread-safe. All that listeners are told is told on the caller's thread or on the pool: they are user code. The span is the caller's
/// child and never its current one: other calls that it makes meanwhile have nothing to do with this one.
/// </remarks>
internal sealed class CallObserver
{
    private readonly MiniChannel _channel;
    private readonly CallLabels _labels;
    private Activity? _span;
    private readonly bool _isMeasured;
    private readonly long _startedAt;
    private AttemptObserver? _chosen;
    private int _attempts;
    private int _hasEnded;

    private CallObserver(MiniChannel channel, CallLabels labels, bool isMeasured, bool isTraced, Metadata? headers)
    {
        _channel = channel;
        _labels = labels;
        _isMeasured = isMeasured;
        _startedAt = Now;
        Activity? current = Activity.Current;
        if (isTraced)
        {
            Tell(() => _span = Telemetry.Source.StartActivity(labels.Name, ActivityKind.Client, default(ActivityContext), labels.SpanAttributes));
            Activity.Current = current;
        }

        // Without a span of its own the call belongs to the caller's, and so does what the server makes of it. Propagators are user code, too.
        if ((_span ?? current) is { } span)
        {
            Tell(() => TraceHeaders = TraceContext.Inject(span, headers));
        }
    }

    /// <summary>What the server is told of the span; null for nothing.</summary>
    public Metadata? TraceHeaders { get; private set; }

    /// <summary>A moment, to measure from; 0 if nobody measures.</summary>
    public long Now => _isMeasured ? _channel.Options.TimeProvider.GetTimestamp() : 0;

    /// <summary>On the caller's thread, before anything else of the call: null if nobody wants to know of it.</summary>
    public static CallObserver? Start(MiniChannel channel, MethodPlan plan, string method, Metadata? headers)
    {
        bool isMeasured = ClientMetrics.Enabled;
        bool isTraced = Telemetry.Source.HasListeners();
        return isMeasured || isTraced || Activity.Current is not null
            ? new CallObserver(channel, plan.LabelsOf(method, channel.Core), isMeasured, isTraced, headers)
            : null;
    }

    /// <summary>The observer of a call that is its own only attempt.</summary>
    public static AttemptObserver? StartOne(MiniChannel channel, MethodPlan plan, string method, Metadata? headers)
    {
        if (Start(channel, plan, method, headers) is not { } call)
        {
            return null;
        }

        call._chosen = new AttemptObserver(call);
        return call._chosen;
    }

    /// <summary>How long it is since <paramref name="moment"/>; nothing if nobody measures.</summary>
    public TimeSpan Since(long moment) => _isMeasured ? _channel.Options.TimeProvider.GetElapsedTime(moment) : TimeSpan.Zero;

    /// <summary>From now on the call is that attempt, whose status is the call's.</summary>
    public void Choose(AttemptObserver attempt)
    {
        Interlocked.Exchange(ref _chosen, attempt); // a full fence: an attempt that ends now looks at it afterwards
        if (attempt.FinalStatus is { } status)
        {
            End(status);
        }
    }

    /// <summary>The call has ended.</summary>
    public void End(Status status)
    {
        if (Interlocked.Exchange(ref _hasEnded, 1) != 0)
        {
            return;
        }

        if (_isMeasured)
        {
            Tell(() => ClientMetrics.CallEnded(_labels, status.StatusCode, Since(_startedAt)));
        }

        if (_span is { } span)
        {
            Tell(() => Telemetry.Stop(span, StatusCodeNames.Of((int)status.StatusCode), status.Detail, isError: status.StatusCode != StatusCode.OK));
        }
    }

    /// <summary>An attempt begins. The span says so of all but the first.</summary>
    internal void OnAttemptStarted()
    {
        int previous = Interlocked.Increment(ref _attempts) - 1;
        if (previous > 0)
        {
            _span?.AddEvent(new ActivityEvent("attempt", tags: [new("previous-rpc-attempts", previous)]));
        }

        if (_isMeasured)
        {
            Tell(() => ClientMetrics.AttemptStarted(_labels));
        }
    }

    /// <summary>An attempt has ended, and another may follow.</summary>
    internal void OnAttemptEnded(AttemptEnd end)
    {
        if (_isMeasured)
        {
            Tell(() => ClientMetrics.AttemptEnded(_labels, end));
        }
    }

    /// <summary>An attempt is over, and nothing follows in its place.</summary>
    internal void OnAttemptOver(AttemptObserver attempt, Status status)
    {
        if (Volatile.Read(ref _chosen) == attempt)
        {
            End(status);
        }
    }

    private void Tell(Action listeners) => Telemetry.Tell(_channel.Core.Logger, listeners);
}
