using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Client.Diagnostics;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Observability;

/// <summary>gRFC A66: what is measured of the attempts of a client's call, which has one, several, or none.</summary>
public class AttemptMetricsTests
{
    private const string Received = "grpc.client.attempt.rcvd_total_compressed_message_size";
    private const string Sent = "grpc.client.attempt.sent_total_compressed_message_size";

    [Fact]
    public async Task A_call_without_a_connection_has_an_attempt_that_sent_nothing()
    {
        await using var watched = new Watched();
        watched.Connect();
        Assert.Equal(StatusCode.Unavailable, await watched.FailAsync());
        Assert.Single(await watched.MeasuredAsync("grpc.client.attempt.started"));
        await watched.AssertStatusesAsync("grpc.client.attempt.duration", "UNAVAILABLE");
        Assert.Equal(0, Assert.Single(watched.Of(Sent)).Value);
    }

    [Fact]
    public async Task A_call_that_ends_before_it_begins_has_no_attempt()
    {
        await using Watched watched = await new Watched().StartAsync();
        await watched.FailAsync(new CallOptions(cancellationToken: new CancellationToken(canceled: true)));
        await watched.AssertStatusesAsync("grpc.client.call.duration", "CANCELLED");
        Assert.Empty(watched.Of("grpc.client.attempt.started"));
        Assert.Empty(watched.Of("grpc.client.attempt.duration"));
    }

    /// <summary>gRFC A6: each is an attempt, all together are a call.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Attempts_of_a_call_that_is_tried_again_are_counted_one_by_one(bool isStreaming)
    {
        await using var watched = new Watched();
        int attempts = 0;
        watched.Handlers.Unary = (request, _) => ++attempts < 3 ? throw new RpcException(new Status(StatusCode.Unavailable, "no")) : Task.FromResult(request);
        watched.Handlers.Duplex = async (requests, responses, _) =>
        {
            if (++attempts < 3)
            {
                throw new RpcException(new Status(StatusCode.Unavailable, "no"));
            }

            await new TestService().Duplex(requests, responses, null!);
        };
        await watched.StartAsync(options =>
        {
            options.TimeProvider = TimeProvider.System;
            options.ServiceConfig = ServiceConfig.Parse("""
                {"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 4, "initialBackoff": "0.001s", "maxBackoff": "0.001s",
                  "backoffMultiplier": 1, "retryableStatusCodes": ["UNAVAILABLE"]}}]}
                """);
        });
        await watched.CallAsync(isStreaming ? MethodType.DuplexStreaming : MethodType.Unary);
        await watched.AssertStatusesAsync("grpc.client.attempt.duration", "UNAVAILABLE", "UNAVAILABLE", "OK");
        Assert.Equal(3, watched.Of("grpc.client.attempt.started").Length);
        await watched.AssertStatusesAsync("grpc.client.call.duration", "OK");
        Assert.Equal(isStreaming ? 7 : 3, (await watched.MeasuredAsync(Received, 3))[^1].Value);
    }

    [Fact]
    public async Task A_call_whose_attempts_all_fail_has_the_status_of_the_last()
    {
        await using var watched = new Watched();
        int attempts = 0;
        watched.Handlers.Unary = (_, _) => throw new RpcException(new Status(++attempts < 2 ? StatusCode.Unavailable : StatusCode.Internal, "no"));
        await watched.StartAsync(options =>
        {
            options.TimeProvider = TimeProvider.System;
            options.ServiceConfig = ServiceConfig.Parse("""
                {"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 4, "initialBackoff": "0.001s", "maxBackoff": "0.001s",
                  "backoffMultiplier": 1, "retryableStatusCodes": ["UNAVAILABLE"]}}]}
                """);
        });
        Assert.Equal(StatusCode.Internal, await watched.FailAsync());
        await watched.AssertStatusesAsync("grpc.client.call.duration", "INTERNAL");
        await watched.AssertStatusesAsync("grpc.client.attempt.duration", "UNAVAILABLE", "INTERNAL");
    }

    [Fact]
    public async Task An_attempt_that_another_one_has_overtaken_is_cancelled()
    {
        await using var watched = new Watched();
        int attempts = 0;
        watched.Handlers.Unary = async (request, context) =>
        {
            if (Interlocked.Increment(ref attempts) == 1)
            {
                await TestService.UntilCancelledAsync(context);
            }

            return request;
        };
        await watched.StartAsync(options => options.ServiceConfig = ServiceConfig.Parse(
            """{"methodConfig": [{"name": [{}], "hedgingPolicy": {"maxAttempts": 2, "hedgingDelay": "0s"}}]}"""));
        await watched.CallAsync();
        Measured[] ended = await watched.MeasuredAsync("grpc.client.attempt.duration", 2);
        Assert.Equal(["CANCELLED", "OK"], ended.Select(Watched.StatusOf).Order(StringComparer.Ordinal));
        await watched.AssertStatusesAsync("grpc.client.call.duration", "OK");
    }

    [Fact]
    public async Task A_call_with_a_retry_policy_that_is_cancelled_before_it_begins_has_ended()
    {
        await using Watched watched = await new Watched().StartAsync(options => options.ServiceConfig = ServiceConfig.Parse(
            """{"methodConfig": [{"name": [{}], "hedgingPolicy": {"maxAttempts": 2, "hedgingDelay": "0s"}}]}"""));
        await watched.FailAsync(new CallOptions(cancellationToken: new CancellationToken(canceled: true)));
        await watched.AssertStatusesAsync("grpc.client.call.duration", "CANCELLED");
        Assert.Empty(watched.Of("grpc.client.attempt.started"));
    }

    /// <summary>gRFC A6, transparent retries: an attempt that no server has looked at is one all the same.</summary>
    [Fact]
    public async Task A_call_that_is_sent_once_more_has_two_attempts()
    {
        await using var watched = new Watched();
        await using var client = new TestChannel();
        using AsyncUnaryCall<byte[]> call = client.Invoker.AsyncUnaryCall(watched.Unary, null, default, [1, 2]);
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.SendAsync(o => RstStreamFrame.Write(o, 1, ErrorCode.RefusedStream));
        await server.RequestAsync(3);
        await server.ReplyAsync(3, 7, 8, 9);
        await RawPeer.Within(call.ResponseAsync, "the response");
        await watched.AssertStatusesAsync("grpc.client.attempt.duration", "UNAVAILABLE", "OK");
        Assert.Equal(2, watched.Of("grpc.client.attempt.started").Length);
        await watched.AssertStatusesAsync("grpc.client.call.duration", "OK");
        Assert.Equal([2, 2], watched.Of(Sent).Select(one => one.Value));
        Assert.Equal([0, 3], watched.Of(Received).Select(one => one.Value));
    }

    /// <summary>What the second attempt sends of the first counts again: it is sent twice.</summary>
    [Fact]
    public async Task A_call_of_many_requests_that_is_sent_once_more_has_two_attempts()
    {
        await using var watched = new Watched();
        await using var client = new TestChannel();
        using AsyncClientStreamingCall<byte[], byte[]> call = client.Invoker.AsyncClientStreamingCall(watched.Collect, null, default);
        Task first = call.RequestStream.WriteAsync([1, 2], TestContext.Current.CancellationToken);
        RawServer server = await client.StartAsync();
        await RawPeer.Within(first, "the first write");
        await RawPeer.Within(call.RequestStream.WriteAsync([3, 4, 5], TestContext.Current.CancellationToken), "the second write");
        await server.SendAsync(o => RstStreamFrame.Write(o, 1, ErrorCode.RefusedStream));
        await server.ExpectAsync(FrameType.Headers, 3);
        await RawPeer.Within(call.RequestStream.WriteAsync([6], TestContext.Current.CancellationToken), "the third write");
        await RawPeer.Within(call.RequestStream.CompleteAsync(), "the end of the requests");
        await server.ReplyAsync(3, 7, 8, 9);
        await RawPeer.Within(call.ResponseAsync, "the response");
        await watched.AssertStatusesAsync("grpc.client.attempt.duration", "UNAVAILABLE", "OK");
        Assert.Equal(2, watched.Of("grpc.client.attempt.started").Length);
        await watched.AssertStatusesAsync("grpc.client.call.duration", "OK");
        Assert.Equal([5, 6], watched.Of(Sent).Select(one => one.Value));
    }

    [Fact]
    public async Task A_call_that_is_given_up_before_it_is_sent_once_more_has_one_attempt()
    {
        await using var watched = new Watched();
        var dispatcher = new HeldSecondStart();
        await using var client = new TestChannel(options => options.Connection = options.Connection with { Dispatcher = dispatcher });
        using AsyncUnaryCall<byte[]> call = client.Invoker.AsyncUnaryCall(watched.Unary, null, default, [1, 2]);
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.SendAsync(o => RstStreamFrame.Write(o, 1, ErrorCode.RefusedStream));
        IThreadPoolWorkItem second = await RawPeer.Within(dispatcher.Held.Task, "the second start");
        call.Dispose();
        await watched.AssertStatusesAsync("grpc.client.call.duration", "CANCELLED");
        second.Execute();
        await watched.AssertStatusesAsync("grpc.client.attempt.duration", "UNAVAILABLE");
        Assert.Single(watched.Of("grpc.client.attempt.started"));
    }

    [Fact]
    public async Task A_second_attempt_that_finds_no_stream_has_sent_nothing()
    {
        await using var watched = new Watched();
        await using var client = new TestChannel();
        using AsyncUnaryCall<byte[]> call = client.Invoker.AsyncUnaryCall(watched.Unary, null, default, [1, 2]);
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.SendAsync(o => SettingsFrame.Write(o, [(SettingId.MaxConcurrentStreams, 0)]));
        await server.SendAsync(o => RstStreamFrame.Write(o, 1, ErrorCode.RefusedStream));
        await watched.MeasuredAsync("grpc.client.attempt.started", 2);
        call.Dispose();
        await watched.AssertStatusesAsync("grpc.client.attempt.duration", "UNAVAILABLE", "CANCELLED");
        Assert.Equal([2, 0], watched.Of(Sent).Select(one => one.Value));
    }

    /// <summary>A call that is decided as its next attempt is about to start.</summary>
    [Fact]
    public async Task An_attempt_that_is_over_does_not_begin()
    {
        await using Watched watched = await new Watched().StartAsync();
        await using var channel = MiniChannel.ForEndPoint(watched.EndPoint);
        AttemptObserver attempt = CallObserver.StartOne(channel, channel.PlanOf(watched.Unary), watched.Unary.FullName, null)!;
        attempt.End(StatusCode.Cancelled, isLast: true);
        attempt.Begin();
        attempt.Report(new Status(StatusCode.Cancelled, ""));
        attempt.Report(new Status(StatusCode.Cancelled, ""));
        Assert.Empty(watched.Of("grpc.client.attempt.started"));
        Assert.Empty(watched.Of("grpc.client.attempt.duration"));
        Assert.Single(watched.Of("grpc.client.call.duration"));
    }

    /// <summary>The call may be given up before the attempt that follows begins: there was one all the same.</summary>
    [Fact]
    public async Task An_attempt_ends_once()
    {
        await using Watched watched = await new Watched().StartAsync();
        await using var channel = MiniChannel.ForEndPoint(watched.EndPoint);
        AttemptObserver attempt = CallObserver.StartOne(channel, channel.PlanOf(watched.Unary), watched.Unary.FullName, null)!;
        attempt.Begin();
        attempt.End(StatusCode.Unavailable, isLast: false);
        attempt.End(StatusCode.Cancelled, isLast: true);
        attempt.Report(new Status(StatusCode.Cancelled, ""));
        await watched.AssertStatusesAsync("grpc.client.attempt.duration", "UNAVAILABLE");
        await watched.AssertStatusesAsync("grpc.client.call.duration", "CANCELLED");
    }

    /// <summary>What can't be read is the call's end, though the server has said OK.</summary>
    [Fact]
    public async Task A_call_without_a_response_has_failed()
    {
        await using var watched = new Watched();
        await using var client = new TestChannel();
        using AsyncUnaryCall<byte[]> call = client.Invoker.AsyncUnaryCall(watched.Unary, null, default, [1, 2]);
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.HeadersAsync(1, endStream: true, [.. RawServer.Headers200, "grpc-status=0"]);
        await TestChannel.AssertFailsAsync(call.ResponseAsync, StatusCode.Internal, "no response");
        await watched.AssertStatusesAsync("grpc.client.attempt.duration", "OK");
        await watched.AssertStatusesAsync("grpc.client.call.duration", "INTERNAL");
    }

    /// <summary>The thread pool, but for the second start of a call.</summary>
    private sealed class HeldSecondStart : IDispatcher
    {
        public TaskCompletionSource<IThreadPoolWorkItem> Held { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Post(IThreadPoolWorkItem item)
        {
            if (item.GetType().Name == "SecondStart")
            {
                Held.SetResult(item);
            }
            else
            {
                ThreadPoolDispatcher.Instance.Post(item);
            }
        }

        public void RunOrPost(IThreadPoolWorkItem item) => ThreadPoolDispatcher.Instance.RunOrPost(item);

        public Task Cancel(CancellationTokenSource source) => ThreadPoolDispatcher.Instance.Cancel(source);
    }
}
