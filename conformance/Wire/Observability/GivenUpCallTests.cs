using System.Diagnostics;
using Grpc.Core;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Server;
using MiniGrpc.Wire.Calls;
using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Grpc;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Observability;

/// <summary>What is measured of calls that their handler doesn't end: the client gives them up, or their deadline passes.</summary>
public class GivenUpCallTests
{
    [Fact]
    public async Task A_call_that_is_given_up_before_its_request_was_whole_is_measured()
    {
        await using var watched = new Watched();
        await using var server = new TestServer(null, null, watched.Bind());
        RawClient client = await server.StartAsync();
        await client.HeadersAsync(1, endStream: false, watched.RequestFields());
        await client.DataAsync(1, RawClient.Message(1, 2, 3));
        await client.SendAsync(o => RstStreamFrame.Write(o, 1, ErrorCode.Cancel));
        await watched.AssertStatusesAsync("grpc.server.call.duration", "CANCELLED");
        Assert.Single(await watched.MeasuredAsync("grpc.server.call.started"));
        Assert.Equal(3, Assert.Single(await watched.MeasuredAsync("grpc.server.call.rcvd_total_compressed_message_size")).Value);
    }

    /// <summary>The handler goes on, but for the client the call has ended.</summary>
    [Theory]
    [InlineData(true, "DEADLINE_EXCEEDED")]
    [InlineData(false, "CANCELLED")]
    public async Task A_call_that_its_handler_does_not_end_is_measured_when_it_ends(bool byDeadline, string status)
    {
        await using var watched = new Watched();
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var mayReturn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        watched.Handlers.Unary = async (request, _) =>
        {
            started.SetResult();
            await mayReturn.Task;
            return request;
        };
        await watched.StartAsync();
        using var cancel = new CancellationTokenSource();
        DateTime? deadline = byDeadline ? watched.Time.GetUtcNow().UtcDateTime.AddSeconds(10) : null;
        Task<StatusCode> failed = watched.FailAsync(new CallOptions(deadline: deadline, cancellationToken: cancel.Token));
        await RawPeer.Within(started.Task, "the handler to start");
        Assert.Single(await watched.MeasuredAsync("grpc.server.call.started"));
        watched.Time.Advance(TimeSpan.FromSeconds(byDeadline ? 10 : 1));
        await (byDeadline ? Task.CompletedTask : cancel.CancelAsync());
        await RawPeer.Within(failed, "the call to fail");

        await watched.AssertStatusesAsync("grpc.client.attempt.duration", status);
        await watched.AssertStatusesAsync("grpc.client.call.duration", status);
        await watched.AssertStatusesAsync("grpc.server.call.duration", status);
        Assert.Equal(byDeadline ? 10 : 1, watched.Of("grpc.server.call.duration")[0].Value);
        mayReturn.SetResult();
    }

    /// <summary>A client gives its call up at the deadline, and its reset may come before the server's own timer rings.</summary>
    [Theory]
    [InlineData(999, "CANCELLED", StatusCode.Cancelled)]
    [InlineData(1000, "DEADLINE_EXCEEDED", StatusCode.DeadlineExceeded)]
    public async Task A_reset_is_labelled_by_the_clock(int elapsed, string label, StatusCode code)
    {
        var time = new HandTimers();
        await using var watched = new Watched();
        await using var server = new TestServer(options => options.TimeProvider = time, null, watched.Bind());
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        watched.Handlers.Unary = async (request, context) =>
        {
            await TestService.UntilCancelledAsync(context, started);
            return request;
        };
        RawClient client = await server.StartAsync();
        await client.HeadersAsync(1, endStream: false, watched.RequestFields("grpc-timeout=1S"));
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        await RawPeer.Within(started.Task, "the handler to start");
        time.Elapsed = TimeSpan.FromMilliseconds(elapsed);
        await client.SendAsync(o => RstStreamFrame.Write(o, 1, ErrorCode.Cancel));
        await watched.AssertStatusesAsync("grpc.server.call.duration", label);
        Assert.Equal(StatusCodeNames.Of((int)code), Assert.Single(await watched.SpansAsync(ActivityKind.Server)).GetTagItem("rpc.response.status_code"));

        time.Elapsed = TimeSpan.FromSeconds(1);
        time.TimerOf<Deadline>().Fire(); // too late to end anything
        await server.AssertQuietAsync(client);
        await watched.AssertStatusesAsync("grpc.server.call.duration", label);
    }

    /// <summary>It has ended, and nobody has been told: whoever is about to start its handler finds that, and it is told once.</summary>
    [Fact]
    public async Task A_call_that_ends_as_it_is_about_to_start_is_told_of_once()
    {
        var time = new HandTimers();
        await using var watched = new Watched();
        await using var server = new TestServer(options => options.TimeProvider = time, null, watched.Bind());
        RawClient client = await server.StartAsync();
        await client.HeadersAsync(1, endStream: false, watched.RequestFields("traceparent=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
        await client.RoundTripAsync();
        ServerStream stream = OnlyStreamOf(server);
        time.BeforeNextReading = StartIfEnded; // its end is measured at this moment
        await client.SendAsync(o => RstStreamFrame.Write(o, 1, ErrorCode.Cancel));
        await watched.AssertStatusesAsync("grpc.server.call.duration", "CANCELLED");
        await server.AssertQuietAsync(client);
        await watched.AssertStatusesAsync("grpc.server.call.duration", "CANCELLED");
        Assert.Single(watched.Of("grpc.server.call.started"));
        Assert.Equal("CANCELLED", Assert.Single(await watched.SpansAsync(ActivityKind.Server)).GetTagItem("rpc.response.status_code"));

        void StartIfEnded()
        {
            if (stream.IsFinished)
            {
                stream.Execute();
            }
            else
            {
                time.BeforeNextReading = StartIfEnded;
            }
        }
    }

    /// <summary>A response that finds its stream closed was not sent.</summary>
    [Fact]
    public async Task What_comes_too_late_to_be_sent_does_not_count()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Unary");
        await client.RoundTripAsync();
        ServerStream stream = OnlyStreamOf(server);
        await client.SendAsync(o => RstStreamFrame.Write(o, 1, ErrorCode.Cancel));
        await client.RoundTripAsync();
        Assert.Equal(SendResult.Closed, Send(stream));
        Assert.Equal(0, stream.SentMessageOctets);

        static SendResult Send(ServerStream stream)
        {
            MessageSerializer serializer = MessageSerializer.Rent();
            using Http2Connection.GateScope gate = stream.Connection.Enter();
            SendResult result = stream.Send(gate.Send, serializer.Serialize(TestService.UnaryMethod.ResponseMarshaller, [1, 2, 3], null, null), endStream: false);
            serializer.Return();
            return result;
        }
    }

    private static ServerStream OnlyStreamOf(TestServer server) =>
        Assert.IsType<ServerStream>(Assert.Single(Internals.StreamsOf(Assert.Single(Internals.ConnectionsOf(server.Core)))));
}
