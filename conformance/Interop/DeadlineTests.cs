using System.Diagnostics;
using Grpc.Core;
using MiniGrpc.Conformance.Interop.Calls;
using MiniGrpc.Conformance.Interop.Peers;
using MiniGrpc.Conformance.Interop.Service;
using MiniGrpc.Conformance.Protos;

namespace MiniGrpc.Conformance.Interop;

/// <summary>A deadline ends a call on both sides, wherever the call is; the server learns it from <c>grpc-timeout</c>.</summary>
public sealed class DeadlineTests
{
    [Theory, Matrix]
    public async Task A_deadline_that_passes_ends_the_call_on_both_sides(Pair pair, Kind kind, Headers headers)
    {
        await using Session session = await pair.ConnectAsync();
        Request request = new() { Headers = headers, Answer = new Answer(), Then = Then.AwaitCancellation };
        bool reached = false;

        // On a busy machine a deadline may pass before the request is there: then once more with a later one.
        for (TimeSpan timeout = TimeSpan.FromMilliseconds(150); !reached; timeout *= 2)
        {
            CallWatch watch = session.Watch();
            DateTime deadline = DateTime.UtcNow + timeout;
            Outcome outcome = await AnyCall.RunAsync(session.Client, kind, watch.Options.WithDeadline(deadline), request);

            outcome.AssertEndedByClientWith(StatusCode.DeadlineExceeded, pair.Client);
            Assert.True(DateTime.UtcNow >= deadline - TimeSpan.FromMilliseconds(50), "The call ended before its deadline.");
            reached = watch.Waiting.IsCompleted;
            if (reached)
            {
                await watch.Cancelled.WithinLimit("the handler's token fires");
                await watch.Ended.WithinLimit("the handler ends");
            }
        }
    }

    [Theory, Matrix(AcrossProcesses = true)]
    public async Task A_deadline_may_pass_between_two_messages(Pair pair)
    {
        await using Session session = await pair.ConnectAsync();
        Request request = new() { Answer = new Answer { Count = 1, Size = 100 }, Then = Then.AwaitCancellation };
        int responses = 0;
        for (TimeSpan timeout = TimeSpan.FromMilliseconds(150); responses == 0; timeout *= 2)
        {
            CallOptions options = new(deadline: DateTime.UtcNow + timeout);
            Outcome outcome = await AnyCall.RunAsync(session.Client, Kind.ServerStreaming, options, request);

            outcome.AssertEndedByClientWith(StatusCode.DeadlineExceeded, pair.Client);
            responses = outcome.Responses.Count;
        }

        Assert.Equal(1, responses);
    }

    [Theory, Matrix]
    public async Task The_handler_sees_the_deadline(Pair pair, Kind kind)
    {
        await using Session session = await pair.ConnectAsync();
        CallWatch watch = session.Watch();
        DateTime deadline = DateTime.UtcNow.AddHours(1);

        Outcome outcome = await AnyCall.RunAsync(session.Client, kind, watch.Options.WithDeadline(deadline), new Request());

        outcome.AssertEndedWith(StatusCode.OK);
        Assert.Equal(DateTimeKind.Utc, watch.Deadline.Kind);
        Assert.InRange(watch.Deadline, deadline - TimeSpan.FromSeconds(1), deadline + Bounded.Limit);
    }

    [Theory, Matrix]
    public async Task Without_a_deadline_the_handler_sees_the_end_of_time(Pair pair, Kind kind)
    {
        await using Session session = await pair.ConnectAsync();
        CallWatch watch = session.Watch();

        Outcome outcome = await AnyCall.RunAsync(session.Client, kind, watch.Options.WithDeadline(DateTime.MaxValue), new Request());

        outcome.AssertEndedWith(StatusCode.OK);
        Assert.Equal(DateTime.MaxValue, watch.Deadline);
    }

    // Timers have limits of their own (49 days, 24 days); a deadline doesn't.
    [Theory, Matrix(AcrossProcesses = true)]
    public async Task A_deadline_may_be_far_away(Pair pair, Kind kind)
    {
        await using Session session = await pair.ConnectAsync();
        foreach (int days in new[] { 25, 60, 3650 })
        {
            CallOptions options = new(deadline: DateTime.UtcNow.AddDays(days));

            Outcome outcome = await AnyCall.RunAsync(session.Client, kind, options, new Request());

            outcome.AssertEndedWith(StatusCode.OK);
        }
    }

    [Theory, Matrix]
    public async Task A_call_whose_deadline_has_passed_is_over_at_once(Pair pair, Kind kind)
    {
        await using Session session = await pair.ConnectAsync();
        CallWatch watch = session.Watch();
        long start = Stopwatch.GetTimestamp();

        Outcome outcome = await AnyCall.RunAsync(
            session.Client, kind, watch.Options.WithDeadline(DateTime.UtcNow.AddMinutes(-1)), new Request());

        outcome.AssertEndedWith(StatusCode.DeadlineExceeded);
        Assert.False(watch.Started.IsCompleted);
        Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(30));
    }

    [Theory, Matrix(AcrossProcesses = true)]
    public async Task A_blocking_call_keeps_its_deadline(Pair pair)
    {
        await using Session session = await pair.ConnectAsync();
        CallOptions options = new(deadline: DateTime.UtcNow.AddMilliseconds(150));
        Request request = new() { Then = Then.AwaitCancellation };

        Task<Response> call = Task.Run(() => session.Client.Unary(request, options));

        RpcException e = await Assert.ThrowsAsync<RpcException>(() => call.WithinLimit());
        Assert.Equal(StatusCode.DeadlineExceeded, e.StatusCode);
    }

    /// <summary>A client without a clock, made of HttpClient: only the server can end this call.</summary>
    [Theory, Matrix]
    public async Task The_server_keeps_the_deadline_by_itself(IServerPeer peer)
    {
        await using HostedServer server = await HostedServer.StartAsync(peer, Transport.Tcp, setup => setup);
        CallWatch watch = server.Service.Watch(1);
        using HttpClient client = new();
        using HttpRequestMessage request = RawCall.Unary(server.Address, new Request { Then = Then.AwaitCancellation });
        request.Headers.Add("grpc-timeout", "150m");
        request.Headers.Add(CallWatch.HeaderName, watch.CallId);

        using HttpResponseMessage response = await client.SendAsync(request).WithinLimit();
        await response.Content.CopyToAsync(Stream.Null).WithinLimit();

        Assert.Equal(StatusCode.DeadlineExceeded, RawCall.StatusOf(response));
    }
}
