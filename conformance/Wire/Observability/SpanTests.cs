using System.Diagnostics;
using Grpc.Core;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Conformance.Wire.Surface;
using MiniGrpc.Server;
using MiniGrpc.Wire.Grpc;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Observability;

/// <summary>Spans by OpenTelemetry's conventions for RPC, and how a server's comes to be the child of its client's (W3C Trace Context).</summary>
public class SpanTests
{
    private const string TraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    [Theory]
    [InlineData(MethodType.Unary)]
    [InlineData(MethodType.ClientStreaming)]
    [InlineData(MethodType.ServerStreaming)]
    [InlineData(MethodType.DuplexStreaming)]
    public async Task The_server_s_span_is_the_child_of_the_client_s_and_both_say_what_was_called(MethodType kind)
    {
        await using Watched watched = await new Watched().StartAsync();
        await watched.CallAsync(kind);

        Activity client = Assert.Single(await watched.SpansAsync(ActivityKind.Client));
        Activity server = Assert.Single(await watched.SpansAsync(ActivityKind.Server));
        Assert.Equal((client.TraceId, client.SpanId, true), (server.TraceId, server.ParentSpanId, server.HasRemoteParent));
        Assert.Null(client.ParentId);
        foreach (Activity span in new[] { client, server })
        {
            Assert.Equal($"{watched.Service}/{kind}", span.DisplayName);
            Assert.Equal("MiniGrpc", span.Source.Name);
            Assert.Equal(Watched.Version, span.Source.Version);
            Assert.Equal("grpc", span.GetTagItem("rpc.system.name"));
            Assert.Equal($"{watched.Service}/{kind}", span.GetTagItem("rpc.method"));
            Assert.Null(span.GetTagItem("error.type"));
            Assert.Equal("OK", span.GetTagItem("rpc.response.status_code"));
            Assert.Equal("localhost", span.GetTagItem("server.address"));
            Assert.Null(span.GetTagItem("server.port")); // memory has none
            Assert.Equal(ActivityStatusCode.Unset, span.Status);
            Assert.Empty(span.Events);
        }
    }

    [Fact]
    public async Task Spans_name_host_and_port_of_the_server()
    {
        await using var watched = new Watched();
        await using GrpcServer server = EchoService.CreateServer("http://127.0.0.1:0", watched.Bind());
        await server.StartAsync();
        await using var channel = MiniGrpc.Client.MiniChannel.ForAddress($"http://127.0.0.1:{server.Ports[0]}");
        await RawPeer.Within(channel.CreateCallInvoker().AsyncUnaryCall(watched.Unary, null, default, [1]).ResponseAsync, "the response");
        foreach (ActivityKind kind in new[] { ActivityKind.Client, ActivityKind.Server })
        {
            Activity span = Assert.Single(await watched.SpansAsync(kind));
            Assert.Equal("127.0.0.1", span.GetTagItem("server.address"));
            Assert.Equal(server.Ports[0], span.GetTagItem("server.port"));
        }
    }

    /// <summary>RFC 9113 section 8.3.1: a client may name the server in Host instead.</summary>
    [Theory]
    [InlineData(":authority=a.example:81")]
    [InlineData("host=a.example:81")]
    public async Task The_server_s_span_says_where_its_client_thinks_it_is(string field)
    {
        await using var watched = new Watched();
        await using var server = new TestServer(null, null, watched.Bind());
        RawClient client = await server.StartAsync();
        string[] fields = [.. watched.RequestFields().Select(one => one.StartsWith(":authority", StringComparison.Ordinal) ? field : one)];
        await client.HeadersAsync(1, endStream: false, [.. fields.Where(one => one[0] == ':'), .. fields.Where(one => one[0] != ':')]);
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        await client.ResponseAsync(1);
        Activity span = Assert.Single(await watched.SpansAsync(ActivityKind.Server));
        Assert.Equal("a.example", span.GetTagItem("server.address"));
        Assert.Equal(81, span.GetTagItem("server.port"));
    }

    /// <summary>Though its handler starts when the request is whole.</summary>
    [Fact]
    public async Task The_server_s_span_begins_with_the_request_s_header_list()
    {
        await using var watched = new Watched();
        await using var server = new TestServer(null, null, watched.Bind());
        RawClient client = await server.StartAsync();
        DateTime before = DateTime.UtcNow;
        await client.HeadersAsync(1, endStream: false, watched.RequestFields());
        await client.RoundTripAsync();
        DateTime after = DateTime.UtcNow;
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        await client.ResponseAsync(1);
        Assert.InRange(Assert.Single(await watched.SpansAsync(ActivityKind.Server)).StartTimeUtc, before, after);
    }

    /// <summary>The call is the caller's child, but the caller goes on in its own span, and so does whoever is told of the end.</summary>
    [Fact]
    public async Task The_caller_s_span_is_the_parent_and_stays_the_current_one()
    {
        await using Watched watched = await new Watched().StartAsync();
        using Activity caller = new Activity("caller").SetIdFormat(ActivityIdFormat.W3C).Start();
        using AsyncDuplexStreamingCall<byte[], byte[]> call = watched.Invoker.AsyncDuplexStreamingCall(watched.Duplex, null, default);
        Assert.Same(caller, Activity.Current);
        await watched.CallAsync();
        Assert.Same(caller, Activity.Current);
        call.Dispose();
        Assert.Same(caller, Activity.Current);
        Assert.All(await watched.SpansAsync(ActivityKind.Client, 2), span => Assert.Equal(caller.SpanId, span.ParentSpanId));
    }

    /// <summary>Whoever ends a call stays where it is, though the call began elsewhere.</summary>
    [Fact]
    public async Task Ending_a_call_changes_no_current_span()
    {
        await using Watched watched = await new Watched().StartAsync(options => options.ServiceConfig = ServiceConfig.Parse(
            """{"methodConfig": [{"name": [{}], "hedgingPolicy": {"maxAttempts": 2, "hedgingDelay": "100s"}}]}"""));
        using Activity caller = new Activity("caller").SetIdFormat(ActivityIdFormat.W3C).Start();
        using AsyncDuplexStreamingCall<byte[], byte[]> call = watched.Invoker.AsyncDuplexStreamingCall(watched.Duplex, null, default);
        caller.Stop();
        using Activity other = new Activity("other").SetIdFormat(ActivityIdFormat.W3C).Start();
        call.Dispose();
        Assert.Same(other, Activity.Current);
        Assert.Equal(caller.SpanId, Assert.Single(await watched.SpansAsync(ActivityKind.Client)).ParentSpanId);
    }

    [Fact]
    public async Task The_handler_runs_in_the_server_s_span_and_nothing_after_it_does()
    {
        await using var watched = new Watched();
        List<Activity?> seen = [];
        watched.Handlers.Unary = async (request, _) =>
        {
            seen.Add(Activity.Current);
            await Task.Yield();
            seen.Add(Activity.Current);
            return request;
        };
        await watched.StartAsync();
        await watched.CallAsync();
        await watched.CallAsync();
        Activity[] spans = [.. (await watched.SpansAsync(ActivityKind.Server, 2)).OrderBy(span => span.StartTimeUtc)];
        Assert.Equal([spans[0], spans[0], spans[1], spans[1]], seen);
        Assert.NotEqual(spans[0].TraceId, spans[1].TraceId);
    }

    /// <summary>OpenTelemetry's rule: to the client every status but OK is an error, to the server only those that are its own doing.</summary>
    [Theory]
    [InlineData(StatusCode.Cancelled, false)]
    [InlineData(StatusCode.Unknown, true)]
    [InlineData(StatusCode.InvalidArgument, false)]
    [InlineData(StatusCode.DeadlineExceeded, true)]
    [InlineData(StatusCode.NotFound, false)]
    [InlineData(StatusCode.AlreadyExists, false)]
    [InlineData(StatusCode.PermissionDenied, false)]
    [InlineData(StatusCode.ResourceExhausted, false)]
    [InlineData(StatusCode.FailedPrecondition, false)]
    [InlineData(StatusCode.Aborted, false)]
    [InlineData(StatusCode.OutOfRange, false)]
    [InlineData(StatusCode.Unimplemented, true)]
    [InlineData(StatusCode.Internal, true)]
    [InlineData(StatusCode.Unavailable, true)]
    [InlineData(StatusCode.DataLoss, true)]
    [InlineData(StatusCode.Unauthenticated, false)]
    public async Task A_failure_is_an_error_of_the_client_and_may_be_one_of_the_server(StatusCode code, bool isServers)
    {
        await using var watched = new Watched();
        watched.Handlers.Unary = (_, _) => throw new RpcException(new Status(code, "the reason"));
        await watched.StartAsync();
        await watched.FailAsync();
        Activity client = Assert.Single(await watched.SpansAsync(ActivityKind.Client));
        Activity server = Assert.Single(await watched.SpansAsync(ActivityKind.Server));
        Assert.Equal((ActivityStatusCode.Error, "the reason"), (client.Status, client.StatusDescription));
        Assert.Equal((isServers ? ActivityStatusCode.Error : ActivityStatusCode.Unset, isServers ? "the reason" : null), (server.Status, server.StatusDescription));
        Assert.Equal((StatusCodeNames.Of((int)code), isServers ? StatusCodeNames.Of((int)code) : null), (client.GetTagItem("error.type"), server.GetTagItem("error.type")));
        Assert.Equal(StatusCodeNames.Of((int)code), client.GetTagItem("rpc.response.status_code"));
        Assert.Equal(StatusCodeNames.Of((int)code), server.GetTagItem("rpc.response.status_code"));
    }

    /// <summary>Their names are the client's to choose, so they name no span.</summary>
    [Fact]
    public async Task A_method_that_the_server_has_not_is_called_other()
    {
        await using Watched watched = await new Watched().StartAsync();
        Method<byte[], byte[]> missing = new(MethodType.Unary, watched.Service, "Missing", watched.Unary.RequestMarshaller, watched.Unary.ResponseMarshaller);
        await Assert.ThrowsAsync<RpcException>(() => watched.Invoker.AsyncUnaryCall(missing, null, default, [1]).ResponseAsync);
        Activity client = Assert.Single(await watched.SpansAsync(ActivityKind.Client));
        Activity server = Assert.Single(await watched.SpansAsync(ActivityKind.Server));
        Assert.Equal((client.SpanId, "_OTHER", ActivityStatusCode.Error), (server.ParentSpanId, server.DisplayName, server.Status));
        Assert.Equal(("grpc", "_OTHER"), (server.GetTagItem("rpc.system.name"), server.GetTagItem("rpc.method")));
        Assert.Equal($"{watched.Service}/Missing", server.GetTagItem("rpc.method_original"));
        Assert.Equal("UNIMPLEMENTED", server.GetTagItem("rpc.response.status_code"));
    }

    [Fact]
    public async Task A_call_that_is_given_up_before_its_request_was_whole_has_a_span()
    {
        await using var watched = new Watched();
        await using var server = new TestServer(null, null, watched.Bind());
        RawClient client = await server.StartAsync();
        await client.HeadersAsync(1, endStream: false, watched.RequestFields("traceparent=" + TraceParent));
        await client.SendAsync(o => RstStreamFrame.Write(o, 1, ErrorCode.Cancel));
        Activity span = Assert.Single(await watched.SpansAsync(ActivityKind.Server));
        Assert.Equal(TraceParent, span.ParentId);
        Assert.Equal("CANCELLED", span.GetTagItem("rpc.response.status_code"));
    }

    /// <summary>What the handler still does belongs to the span.</summary>
    [Fact]
    public async Task The_server_s_span_lasts_until_its_handler_has_returned()
    {
        await using var watched = new Watched();
        var mayReturn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        watched.Handlers.Unary = async (request, context) =>
        {
            await TestService.UntilCancelledAsync(context);
            await mayReturn.Task;
            return request;
        };
        await watched.StartAsync();
        DateTime deadline = watched.Time.GetUtcNow().UtcDateTime.AddSeconds(10);
        Task<StatusCode> failed = watched.FailAsync(new CallOptions(deadline: deadline));
        await watched.MeasuredAsync("grpc.server.call.started");
        watched.Time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(StatusCode.DeadlineExceeded, await RawPeer.Within(failed, "the call to fail"));
        await watched.MeasuredAsync("grpc.server.call.duration");
        Assert.Empty(watched.Spans(ActivityKind.Server));
        mayReturn.SetResult();
        Activity span = Assert.Single(await watched.SpansAsync(ActivityKind.Server));
        Assert.Equal("DEADLINE_EXCEEDED", span.GetTagItem("rpc.response.status_code"));
        Assert.Equal("DEADLINE_EXCEEDED", Assert.Single(await watched.SpansAsync(ActivityKind.Client)).GetTagItem("rpc.response.status_code"));
    }

    /// <summary>All attempts are the children of the one call; its span tells of those after the first.</summary>
    [Fact]
    public async Task A_call_that_is_tried_again_is_one_span_with_a_child_for_each_attempt()
    {
        await using var watched = new Watched();
        int attempts = 0;
        watched.Handlers.Unary = (request, _) => ++attempts < 3 ? throw new RpcException(new Status(StatusCode.Unavailable, "no")) : Task.FromResult(request);
        await watched.StartAsync(options =>
        {
            options.TimeProvider = TimeProvider.System;
            options.ServiceConfig = ServiceConfig.Parse("""
                {"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 4, "initialBackoff": "0.001s", "maxBackoff": "0.001s",
                  "backoffMultiplier": 1, "retryableStatusCodes": ["UNAVAILABLE"]}}]}
                """);
        });
        await watched.CallAsync();
        Activity client = Assert.Single(await watched.SpansAsync(ActivityKind.Client));
        Activity[] servers = await watched.SpansAsync(ActivityKind.Server, 3);
        Assert.Equal(3, servers.Length);
        Assert.All(servers, server => Assert.Equal(client.SpanId, server.ParentSpanId));
        Assert.Equal(["attempt 1", "attempt 2"], client.Events.Select(one => $"{one.Name} {one.Tags.Single(tag => tag.Key == "previous-rpc-attempts").Value}"));
        Assert.Equal(ActivityStatusCode.Unset, client.Status);
    }
}
