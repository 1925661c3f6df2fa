using System.Diagnostics;
using Grpc.Core;
using MiniGrpc.Conformance.Interop.Calls;
using MiniGrpc.Conformance.Interop.Peers;
using MiniGrpc.Conformance.Interop.Service;
using MiniGrpc.Conformance.Protos;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;
using Status = MiniGrpc.Conformance.Protos.Status;
using StatusCode = Grpc.Core.StatusCode;

namespace MiniGrpc.Conformance.Interop.Observability;

/// <summary>
/// What the OpenTelemetry SDK makes of our spans and metrics, and whether a trace goes on from client to server where one of them is
/// an official peer: ASP.NET Core, or Grpc.Net.Client on HttpClient. Apart from other tests, whose calls it would see.
/// </summary>
[Collection(nameof(HeavyCollection))]
public sealed class OpenTelemetryTests
{
    private const string Ours = "MiniGrpc";
    private const string AspNetCore = "Microsoft.AspNetCore";
    private const string HttpClients = "System.Net.Http";
    private const string Path = "minigrpc.conformance.TestService/";

    private static readonly IClientPeer s_ourClient = new MiniClientPeer();
    private static readonly IServerPeer s_ourServer = new MiniServerPeer();
    private static readonly ActivitySource s_test = new("test");

    private readonly Exported<Activity> _spans = [];

    public static TheoryData<string, string, Kind> Pairs
    {
        get
        {
            TheoryData<string, string, Kind> pairs = [];
            foreach (Kind kind in Enum.GetValues<Kind>())
            {
                pairs.Add(Ours, Ours, kind);
                pairs.Add(Ours, AspNetCore, kind);
                pairs.Add(HttpClients, Ours, kind);
            }

            return pairs;
        }
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task The_server_s_span_is_the_child_of_the_client_s_in_the_trace_of_the_caller(string client, string server, Kind kind)
    {
        using TracerProvider tracing = Trace(Ours, AspNetCore, HttpClients);
        await using Session session = await ConnectAsync(client, server);
        using Activity? root = s_test.StartActivity("root");
        (await AnyCall.RunAsync(session.Client, kind, default, new Request())).AssertEndedWith(StatusCode.OK);

        Activity called = await EndedAsync(client, ActivityKind.Client);
        Activity served = await EndedAsync(server, ActivityKind.Server);
        Assert.Equal(root!.TraceId, called.TraceId);
        Assert.Equal((called.TraceId, called.SpanId), (served.TraceId, served.ParentSpanId));
        foreach (Activity span in new[] { called, served }.Where(span => span.Source.Name == Ours))
        {
            Assert.Equal(Path + kind, span.DisplayName);
            Assert.Equal("OK", span.GetTagItem("rpc.response.status_code"));
            Assert.Equal("127.0.0.1", span.GetTagItem("server.address"));
            Assert.Equal(ActivityStatusCode.Unset, span.Status);
        }
    }

    [Theory]
    [InlineData(Ours, Ours)]
    [InlineData(Ours, AspNetCore)]
    [InlineData(HttpClients, Ours)]
    public async Task A_failure_is_seen_on_both_sides(string client, string server)
    {
        using TracerProvider tracing = Trace(Ours);
        await using Session session = await ConnectAsync(client, server);
        Request request = new() { Then = Then.End, Status = new Status { Code = (int)StatusCode.NotFound, Message = "not here" } };
        await AnyCall.RunAsync(session.Client, Kind.Unary, default, request);
        if (client == Ours)
        {
            Activity called = await EndedAsync(Ours, ActivityKind.Client);
            Assert.Equal(("NOT_FOUND", ActivityStatusCode.Error, "not here"), (called.GetTagItem("rpc.response.status_code"), called.Status, called.StatusDescription));
        }

        if (server == Ours)
        {
            Activity served = await EndedAsync(Ours, ActivityKind.Server);
            Assert.Equal(("NOT_FOUND", ActivityStatusCode.Unset), (served.GetTagItem("rpc.response.status_code"), served.Status));
        }
    }

    [Theory]
    [InlineData(Ours, Ours, true)]
    [InlineData(Ours, Ours, false)]
    [InlineData(Ours, AspNetCore, true)]
    [InlineData(Ours, AspNetCore, false)]
    [InlineData(HttpClients, Ours, true)]
    [InlineData(HttpClients, Ours, false)]
    public async Task A_call_that_the_client_ends_ends_on_both_sides(string client, string server, bool byDeadline)
    {
        using TracerProvider tracing = Trace(Ours);
        await using Session session = await ConnectAsync(client, server);
        Request request = new() { Then = Then.AwaitCancellation };
        using CancellationTokenSource cancel = new();
        CallWatch watch = session.Watch();
        DateTime? deadline = byDeadline ? DateTime.UtcNow.AddSeconds(2) : null;
        CallOptions options = new(watch.Options.Headers, deadline, cancel.Token);
        using AnyCall call = await AnyCall.StartAsync(session.Client, Kind.ServerStreaming, options, request);
        await watch.Waiting.WithinLimit("the handler waits");
        await (byDeadline ? Task.CompletedTask : cancel.CancelAsync());
        await call.FinishAsync();

        if (client == Ours)
        {
            Activity called = await EndedAsync(Ours, ActivityKind.Client);
            Assert.Equal(byDeadline ? "DEADLINE_EXCEEDED" : "CANCELLED", called.GetTagItem("rpc.response.status_code"));
            Assert.Equal(ActivityStatusCode.Error, called.Status);
        }

        if (server == Ours)
        {
            // Client and server have the same deadline; whose clock is ahead tells the other.
            Activity served = await EndedAsync(Ours, ActivityKind.Server);
            Assert.Contains((string)served.GetTagItem("rpc.response.status_code")!, byDeadline ? ["DEADLINE_EXCEEDED", "CANCELLED"] : new[] { "CANCELLED" });
        }
    }

    [Theory]
    [InlineData(Ours)]
    [InlineData(AspNetCore)]
    public async Task All_attempts_are_children_of_the_one_call(string server)
    {
        using TracerProvider tracing = Trace(Ours, AspNetCore);
        Pair pair = new(s_ourClient, PeerOf(server), Transport.Tcp);
        await using Session session = await pair.StartAndConnectAsync(
            setup => setup with { Services = [TestService.BindService(new FailingTwice())] },
            new ClientSetup { Retry = new RetrySetup(MaxAttempts: 3, TimeSpan.FromMilliseconds(1)) });
        (await AnyCall.RunAsync(session.Client, Kind.Unary, default, new Request())).AssertEndedWith(StatusCode.OK);

        Activity called = await EndedAsync(Ours, ActivityKind.Client);
        int children = 0;
        await _spans.FirstAsync(span => span.Source.Name == server && span.Kind == ActivityKind.Server && ++children == 3, "three spans of the server");
        Assert.All(_spans.Snapshot().Where(span => span.Kind == ActivityKind.Server), span => Assert.Equal(called.SpanId, span.ParentSpanId));
        Assert.Equal(2, called.Events.Count());
    }

    /// <summary>As HttpClient does: no span of ours, but the trace goes on.</summary>
    [Fact]
    public async Task Without_a_listener_to_our_spans_the_caller_s_is_the_server_s_parent()
    {
        using TracerProvider tracing = Trace(AspNetCore);
        await using Session session = await ConnectAsync(Ours, AspNetCore);
        using Activity? root = s_test.StartActivity("root");
        (await AnyCall.RunAsync(session.Client, Kind.Unary, default, new Request())).AssertEndedWith(StatusCode.OK);
        Activity served = await EndedAsync(AspNetCore, ActivityKind.Server);
        Assert.Equal((root!.TraceId, root.SpanId), (served.TraceId, served.ParentSpanId));
    }

    [Theory]
    [InlineData(Ours, Ours)]
    [InlineData(Ours, AspNetCore)]
    [InlineData(HttpClients, Ours)]
    public async Task The_SDK_collects_every_metric_with_its_unit_its_labels_and_our_buckets(string client, string server)
    {
        Exported<MetricSnapshot> exported = [];
        using MeterProvider metrics = Sdk.CreateMeterProviderBuilder().AddMeter(Ours).AddInMemoryExporter(exported).Build();
        await using Session session = await ConnectAsync(client, server);
        foreach (Kind kind in Enum.GetValues<Kind>())
        {
            (await AnyCall.RunAsync(session.Client, kind, default, new Request { Payload = Pattern.Bytes(2000, 1) })).AssertEndedWith(StatusCode.OK);
        }

        string[] expected = [.. client == Ours ? ClientMetrics(4) : [], .. server == Ours ? ServerMetrics(4) : []];
        string[] found = [];
        for (long start = Environment.TickCount64; !found.SequenceEqual(expected) && Environment.TickCount64 - start < Bounded.Limit.TotalMilliseconds;)
        {
            await Task.Yield(); // the last handler may be about to return still
            exported.Clear();
            metrics.ForceFlush();
            found = [.. exported.Snapshot().Where(one => one.Name.StartsWith("grpc.", StringComparison.Ordinal)).Select(Describe).Order(StringComparer.Ordinal)];
        }

        Assert.Equal(expected, found);
    }

    private static IEnumerable<string> ClientMetrics(int calls) =>
    [
        $"grpc.client.attempt.duration s grpc.method,grpc.status,grpc.target 41 bounds {calls}",
        $"grpc.client.attempt.rcvd_total_compressed_message_size By grpc.method,grpc.status,grpc.target 14 bounds {calls}",
        $"grpc.client.attempt.sent_total_compressed_message_size By grpc.method,grpc.status,grpc.target 14 bounds {calls}",
        $"grpc.client.attempt.started {{attempt}} grpc.method,grpc.target {calls}",
        $"grpc.client.call.duration s grpc.method,grpc.status,grpc.target 41 bounds {calls}",
    ];

    private static IEnumerable<string> ServerMetrics(int calls) =>
    [
        $"grpc.server.call.duration s grpc.method,grpc.status 41 bounds {calls}",
        $"grpc.server.call.rcvd_total_compressed_message_size By grpc.method,grpc.status 14 bounds {calls}",
        $"grpc.server.call.sent_total_compressed_message_size By grpc.method,grpc.status 14 bounds {calls}",
        $"grpc.server.call.started {{call}} grpc.method {calls}",
    ];

    /// <summary>Name, unit, labels, buckets and count of all points together; each method is a point.</summary>
    private static string Describe(MetricSnapshot metric)
    {
        SortedSet<string> labels = new(StringComparer.Ordinal);
        long count = 0;
        string bounds = "";
        foreach (MetricPoint point in metric.MetricPoints)
        {
            foreach (KeyValuePair<string, object?> label in point.Tags)
            {
                labels.Add(label.Key);
            }

            count += metric.MetricType == MetricType.Histogram ? point.GetHistogramCount() : point.GetSumLong();
            if (metric.MetricType == MetricType.Histogram)
            {
                int buckets = 0;
                foreach (HistogramBucket _ in point.GetHistogramBuckets())
                {
                    buckets++;
                }

                bounds = $" {buckets - 1} bounds";
            }
        }

        return $"{metric.Name} {metric.Unit} {string.Join(',', labels)}{bounds} {count}";
    }

    private static IServerPeer PeerOf(string source) => source == Ours ? s_ourServer : new KestrelPeer();

    private static Task<Session> ConnectAsync(string client, string server) =>
        new Pair(client == Ours ? s_ourClient : new GrpcNetClientPeer(), PeerOf(server), Transport.Tcp).StartAndConnectAsync(setup => setup);

    private TracerProvider Trace(params string[] sources) =>
        Sdk.CreateTracerProviderBuilder().AddSource(["test", .. sources]).AddInMemoryExporter(_spans).Build();

    private Task<Activity> EndedAsync(string source, ActivityKind kind) =>
        _spans.FirstAsync(span => span.Source.Name == source && span.Kind == kind, $"the {kind} span of {source}");

    private sealed class FailingTwice : TestService.TestServiceBase
    {
        private int _attempts;

        public override Task<Response> Unary(Request request, ServerCallContext context) =>
            Interlocked.Increment(ref _attempts) < 3 ? throw new RpcException(new Grpc.Core.Status(StatusCode.Unavailable, "no")) : Task.FromResult(new Response());
    }
}
