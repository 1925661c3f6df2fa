using System.Diagnostics;
using Grpc.Core;

namespace MiniGrpc.Conformance.Wire.Observability;

/// <summary>A program may pass its traces on in another way than the usual one (<see cref="DistributedContextPropagator.Current"/>).</summary>
[Collection(nameof(Alone))]
public sealed class CustomPropagatorTests : IDisposable
{
    private readonly DistributedContextPropagator _usual = DistributedContextPropagator.Current;

    public void Dispose() => DistributedContextPropagator.Current = _usual;

    /// <summary>HTTP's names know no case, and its own do. No call fails because it is watched.</summary>
    [Fact]
    public async Task Its_names_are_found_in_any_case_and_what_can_not_be_sent_is_left_out()
    {
        DistributedContextPropagator.Current = new UpperCase();
        await using var watched = new Watched();
        Metadata? seen = null;
        watched.Handlers.Unary = (request, context) =>
        {
            seen = context.RequestHeaders;
            return Task.FromResult(request);
        };
        await watched.StartAsync();
        await watched.CallAsync();
        Activity client = Assert.Single(await watched.SpansAsync(ActivityKind.Client));
        Assert.Equal(client.SpanId, Assert.Single(await watched.SpansAsync(ActivityKind.Server)).ParentSpanId);
        Assert.Equal(client.Id, seen!.GetValue("x-parent"));
        Assert.DoesNotContain(seen!, entry => entry.Key.StartsWith("x-bad", StringComparison.Ordinal) || entry.Key == "traceparent");
    }

    private sealed class UpperCase : DistributedContextPropagator
    {
        public override IReadOnlyCollection<string> Fields => ["X-Parent", "X-Bad Name", "X-Bad-Value"];

        public override void Inject(Activity? activity, object? carrier, PropagatorSetterCallback? setter)
        {
            setter!(carrier, "X-Parent", activity!.Id!);
            setter(carrier, "X-Bad Name", "1");
            setter(carrier, "X-Bad-Value", "a\nb");
        }

        public override void ExtractTraceIdAndState(object? carrier, PropagatorGetterCallback? getter, out string? traceId, out string? traceState)
        {
            getter!(carrier, "X-Parent", out traceId, out _);
            traceState = null;
        }

        public override IEnumerable<KeyValuePair<string, string?>>? ExtractBaggage(object? carrier, PropagatorGetterCallback? getter) => null;
    }
}
