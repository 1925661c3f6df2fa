using System.Diagnostics;
using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Client.Diagnostics;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Observability;

/// <summary>Whoever listens to a part of what there is gets that part.</summary>
[Collection(nameof(Alone))]
public class FewListenersTests
{
    [Theory]
    [InlineData("grpc.client.attempt.started")]
    [InlineData("grpc.client.attempt.duration")]
    [InlineData("grpc.client.attempt.sent_total_compressed_message_size")]
    [InlineData("grpc.client.attempt.rcvd_total_compressed_message_size")]
    [InlineData("grpc.client.call.duration")]
    [InlineData("grpc.server.call.started")]
    [InlineData("grpc.server.call.duration")]
    [InlineData("grpc.server.call.sent_total_compressed_message_size")]
    [InlineData("grpc.server.call.rcvd_total_compressed_message_size")]
    public async Task One_instrument_is_enough(string instrument)
    {
        await using Watched watched = await new Watched(traces: false, instrument).StartAsync();
        await watched.CallAsync();
        Assert.Single(await watched.MeasuredAsync(instrument));
    }

    [Fact]
    public async Task Spans_alone_are_enough()
    {
        await using Watched watched = await new Watched(instruments: null).StartAsync();
        await watched.CallAsync();
        Activity client = Assert.Single(await watched.SpansAsync(ActivityKind.Client));
        Assert.Equal(client.SpanId, Assert.Single(await watched.SpansAsync(ActivityKind.Server)).ParentSpanId);
    }

    /// <summary>Its own server may be watched, and others by whoever passes it on.</summary>
    [Fact]
    public async Task The_caller_s_span_is_carried_though_nobody_listens()
    {
        await using var watched = new Watched(traces: false, instruments: null);
        Metadata? seen = null;
        watched.Handlers.Unary = (request, context) =>
        {
            seen = context.RequestHeaders;
            return Task.FromResult(request);
        };
        await watched.StartAsync();
        using Activity caller = new Activity("caller").SetIdFormat(ActivityIdFormat.W3C).Start();
        await watched.CallAsync();
        Assert.Equal(caller.Id, seen!.GetValue("traceparent"));
    }

    [Fact]
    public async Task A_call_that_nobody_wants_to_know_of_has_no_observer()
    {
        await using var watched = new Watched(traces: false, instruments: null);
        await using var channel = MiniChannel.ForEndPoint(watched.EndPoint);
        Activity.Current = null;
        Assert.Null(CallObserver.Start(channel, channel.PlanOf(watched.Unary), watched.Unary.FullName, null));
    }

    /// <summary>Nobody knows when it began: its duration would be wrong, and the sums of those that were started and those that have ended.</summary>
    [Fact]
    public async Task A_call_that_began_before_anybody_measured_is_not_measured()
    {
        await using Watched watched = await new Watched(instruments: null).StartAsync();
        using AsyncDuplexStreamingCall<byte[], byte[]> call = watched.Invoker.AsyncDuplexStreamingCall(watched.Duplex, null, default);
        await RawPeer.Within(call.RequestStream.WriteAsync([1]), "a write");
        Assert.True(await RawPeer.Within(call.ResponseStream.MoveNext(CancellationToken.None), "a response"));
        watched.Measure("grpc.");
        await RawPeer.Within(call.RequestStream.CompleteAsync(), "the end of the requests");
        Assert.False(await RawPeer.Within(call.ResponseStream.MoveNext(CancellationToken.None), "the end"));
        await watched.SpansAsync(ActivityKind.Client); // which is told last
        await watched.SpansAsync(ActivityKind.Server);
        AssertNothing(watched);
    }

    [Fact]
    public async Task A_request_whose_head_came_before_anybody_measured_is_not_measured()
    {
        await using var watched = new Watched(instruments: null);
        await using var server = new TestServer(null, null, watched.Bind());
        RawClient client = await server.StartAsync();
        await client.HeadersAsync(1, endStream: false, watched.RequestFields());
        await client.RoundTripAsync();
        watched.Measure("grpc.");
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        await client.ResponseAsync(1);
        await watched.SpansAsync(ActivityKind.Server);
        AssertNothing(watched);
    }

    /// <summary>Or more attempts would have been started than have ended, or will.</summary>
    [Fact]
    public async Task A_second_attempt_of_a_call_that_is_not_measured_is_not_measured()
    {
        await using var watched = new Watched(instruments: null);
        await using var client = new TestChannel();
        using AsyncUnaryCall<byte[]> call = client.Invoker.AsyncUnaryCall(watched.Unary, null, default, [1, 2]);
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        watched.Measure("grpc.");
        await server.SendAsync(o => RstStreamFrame.Write(o, 1, ErrorCode.RefusedStream));
        await server.RequestAsync(3);
        await server.ReplyAsync(3, 7);
        await RawPeer.Within(call.ResponseAsync, "the response");
        await watched.SpansAsync(ActivityKind.Client);
        AssertNothing(watched);
    }

    private static void AssertNothing(Watched watched)
    {
        foreach (string instrument in new[] { "grpc.client.attempt.started", "grpc.client.attempt.duration", "grpc.client.call.duration", "grpc.server.call.started", "grpc.server.call.duration" })
        {
            Assert.Empty(watched.Of(instrument));
        }
    }
}
