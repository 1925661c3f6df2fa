using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace MiniGrpc.Samples.Tracing;

/// <summary>Keeps the spans of some sources, and prints them as the tree that they are.</summary>
internal sealed class SpanRecorder : IDisposable
{
    private readonly ConcurrentQueue<Activity> _spans = new();
    private readonly TaskCompletionSource _allEnded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ActivityListener _listener;
    private int _underWay;

    public SpanRecorder(params string[] sources)
    {
        _listener = new ActivityListener
        {
            ShouldListenTo = source => sources.Contains(source.Name),
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStarted = _ => Interlocked.Increment(ref _underWay),
            ActivityStopped = span =>
            {
                _spans.Enqueue(span);
                if (Interlocked.Decrement(ref _underWay) == 0)
                {
                    _allEnded.TrySetResult();
                }
            },
        };
        ActivitySource.AddActivityListener(_listener);
    }

    /// <summary>Completes when no span is under way any more.</summary>
    public Task AllEnded => _allEnded.Task;

    /// <summary>Each span stands below the one that it was called by.</summary>
    public void Print() => Print(default, "  ");

    public void Dispose() => _listener.Dispose();

    private void Print(ActivitySpanId parent, string indent)
    {
        foreach (Activity span in _spans.Where(span => span.ParentSpanId.ToHexString() == parent.ToHexString()).OrderBy(span => span.StartTimeUtc))
        {
            string who = span.Kind switch { ActivityKind.Client => "client ", ActivityKind.Server => "server ", _ => "" };
            string status = span.GetTagItem("rpc.response.status_code") is string code ? $" {code}" : "";
            string attempts = span.Events.Any() ? $" after {span.Events.Count() + 1} attempts" : "";
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{indent}{who}{span.DisplayName}{status}{attempts}, {span.Duration.TotalMilliseconds:F1} ms"));
            Print(span.SpanId, indent + "  ");
        }
    }
}
