using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.Server;

/// <summary>How calls end on a server: by the handler, the deadline, the client or the connection, and once.</summary>
public class Lifetimes
{
    [Fact]
    [Requirement("grpc-connections-9")]
    public async Task A_connection_that_is_lost_cancels_every_call_on_it()
    {
        await using var server = new TestServer();
        var started = new CountdownEvent(4);
        async Task HoldAsync(ServerCallContext context)
        {
            var cancelled = new TaskCompletionSource();
            using (context.CancellationToken.Register(cancelled.SetResult))
            {
                started.Signal();
                await RawPeer.Within(cancelled.Task, "the call's token to be cancelled");
            }
        }

        server.Service.Unary = async (request, context) =>
        {
            await HoldAsync(context);
            return request;
        };
        server.Service.Spread = async (_, responses, context) =>
        {
            await HoldAsync(context);
            await Assert.ThrowsAsync<OperationCanceledException>(() => responses.WriteAsync([1]));
        };
        server.Service.Collect = async (requests, context) =>
        {
            Task<bool> read = requests.MoveNext(CancellationToken.None);
            await HoldAsync(context);
            await Assert.ThrowsAsync<OperationCanceledException>(() => RawPeer.Within(read, "the read to end"));
            return [];
        };
        server.Service.Duplex = async (_, responses, context) =>
        {
            Task write = WriteUntilFullAsync(responses);
            await HoldAsync(context);
            await Assert.ThrowsAsync<OperationCanceledException>(() => RawPeer.Within(write, "the write to end"));
        };
        RawClient client = await server.StartAsync();
        int id = 1;
        foreach (string method in new[] { "Unary", "Spread", "Collect", "Duplex" })
        {
            await client.RequestAsync(id, method);
            await client.DataAsync(id, RawClient.Message(1), endStream: method is "Unary" or "Spread");
            id += 2;
        }

        await RawPeer.Within(Task.Run(started.Wait, TestContext.Current.CancellationToken), "the handlers to start");
        client.Cut();
        await server.AssertEndedAsync();
    }

    [Fact]
    public async Task A_connection_that_ends_within_a_frame_is_told_apart_in_the_log()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.SendAsync(new byte[] { 0, 0, 8, 6, 0 });
        await client.CloseOutputAsync();
        await client.ExpectEndAsync();
        await server.AssertEndedAsync();
        Assert.Contains(server.Log.Lines, line => line.Contains("in the middle of a frame", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_connection_that_breaks_a_rule_cancels_its_other_calls()
    {
        await using var server = new TestServer();
        var started = new TaskCompletionSource();
        server.Service.Unary = async (request, context) =>
        {
            await TestService.UntilCancelledAsync(context, started);
            return request;
        };
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Unary");
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        await RawPeer.Within(started.Task, "the handler to start");
        await client.DataAsync(9, [1]);
        await client.ExpectGoAwayAndEndAsync(ErrorCode.ProtocolError, 1, "5.1");
        await server.AssertEndedAsync();
    }

    /// <summary>A handler's exception is for the log: its text tells a stranger nothing.</summary>
    [Theory]
    [InlineData("Unary")]
    [InlineData("Collect")]
    [InlineData("Spread")]
    [InlineData("Duplex")]
    [Requirement("grpc-errors-1")]
    public async Task A_handler_that_throws_is_unknown_and_keeps_its_secret(string method)
    {
        await using var server = new TestServer();
        server.Service.Unary = (_, _) => throw new InvalidOperationException("secret");
        server.Service.Collect = (_, _) => throw new InvalidOperationException("secret");
        server.Service.Spread = (_, _, _) => throw new InvalidOperationException("secret");
        server.Service.Duplex = (_, _, _) => throw new InvalidOperationException("secret");
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, method);
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        RawResponse response = await client.ResponseAsync(1);
        Assert.Equal("2", response.Status);
        Assert.DoesNotContain("secret", response.Message, StringComparison.Ordinal);
        await server.AssertQuietAsync(client);
    }

    [Fact]
    [Requirement("grpc-errors-1")]
    [Requirement("grpc-responses-1")]
    public async Task A_handler_that_throws_after_responses_ends_with_trailers()
    {
        await using var server = new TestServer();
        server.Service.Spread = async (_, responses, _) =>
        {
            await responses.WriteAsync([1]);
            throw new RpcException(new Status(StatusCode.Aborted, "enough"));
        };
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Spread");
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        RawResponse response = await client.ResponseAsync(1);
        Assert.Equal(RawClient.Message(1), response.Data);
        Assert.Equal(("10", "enough"), (response.Trailers?["grpc-status"], response.Trailers?["grpc-message"]));
        Assert.Null(response.Trailers?[":status"]);
        await server.AssertQuietAsync(client);
    }

    [Fact]
    public async Task A_handler_that_writes_and_reads_after_its_end_is_told_so_and_sends_nothing()
    {
        await using var server = new TestServer();
        IServerStreamWriter<byte[]>? writer = null;
        IAsyncStreamReader<byte[]>? reader = null;
        ServerCallContext? context = null;
        server.Service.Duplex = (requests, responses, c) =>
        {
            (reader, writer, context) = (requests, responses, c);
            return Task.CompletedTask;
        };
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Duplex");
        Assert.Equal("0", (await client.ResponseAsync(1)).Status);
        await client.ExpectResetAsync(1, ErrorCode.NoError);
        await Eventually.IsTrueAsync(() => server.Core.RunningCalls == 0, "the handler to return");
        await Assert.ThrowsAnyAsync<InvalidOperationException>(() => writer!.WriteAsync([1]));
        await Assert.ThrowsAnyAsync<InvalidOperationException>(() => reader!.MoveNext(CancellationToken.None));
        await Assert.ThrowsAnyAsync<InvalidOperationException>(() => context!.WriteResponseHeadersAsync([]));
        await client.AssertNothingOnAsync(1);
        await server.AssertQuietAsync(client);
    }

    /// <summary>The server ends a call at its deadline whatever its handler does, and drops what the handler still wants to say.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Requirement("grpc-cancellation-3")]
    public async Task A_deadline_that_passes_ends_the_call_and_cancels_the_handler(bool headersSent)
    {
        var time = new FakeTimeProvider();
        await using var server = new TestServer(options => options.TimeProvider = time);
        var started = new TaskCompletionSource();
        server.Service.Spread = async (_, responses, context) =>
        {
            if (headersSent)
            {
                await responses.WriteAsync([1]);
            }

            await TestService.UntilCancelledAsync(context, started);
            throw new RpcException(new Status(StatusCode.DataLoss, "too late to say"));
        };
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Spread", "grpc-timeout=500m");
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        await RawPeer.Within(started.Task, "the handler to start");
        Assert.Equal(time.GetUtcNow().UtcDateTime.AddMilliseconds(500), Assert.Single(server.Service.Calls).Deadline);
        time.Advance(TimeSpan.FromMilliseconds(499));
        await client.RoundTripAsync();
        Assert.False(Assert.Single(server.Service.Calls).CancellationToken.IsCancellationRequested);
        time.Advance(TimeSpan.FromMilliseconds(1));
        RawResponse response = await client.ResponseAsync(1);
        Assert.Equal("4", response.Status);
        Assert.Equal(headersSent, response.Trailers is not null);
        Assert.Equal(headersSent, response.Last[":status"] is null);
        await server.AssertQuietAsync(client);
        await client.AssertNothingOnAsync(1);
    }

    [Fact]
    [Requirement("grpc-cancellation-3")]
    [Requirement("grpc-errors-9")]
    public async Task A_deadline_that_passes_before_the_request_is_complete_ends_the_call_without_a_handler()
    {
        var time = new FakeTimeProvider();
        await using var server = new TestServer(options => options.TimeProvider = time);
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Unary", "grpc-timeout=1S");
        await client.DataAsync(1, RawClient.Message(1)[..3]);
        await client.RoundTripAsync();
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("4", (await client.ResponseAsync(1)).Status);
        await client.ExpectResetAsync(1, ErrorCode.NoError);
        await client.DataAsync(1, RawClient.Message(1)[3..], endStream: true);
        await server.AssertQuietAsync(client);
        Assert.Empty(server.Service.Calls);
    }

    [Fact]
    public async Task A_timeout_of_zero_is_over_at_once()
    {
        await using var server = new TestServer(options => options.TimeProvider = new FakeTimeProvider());
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Unary", "grpc-timeout=0n");
        Assert.Equal("4", (await client.ResponseAsync(1)).Status);
        await client.AssertWorksAsync(3);
        await server.AssertQuietAsync(client);
    }

    /// <summary>Timers take 49 days at most: longer deadlines are waited for in parts.</summary>
    [Theory]
    [InlineData("24H", 1)]
    [InlineData("2160H", 90)]
    [InlineData("87600H", 3650)]
    public async Task A_deadline_of_weeks_or_years_passes_when_it_is_due(string timeout, int days)
    {
        var time = new FakeTimeProvider();
        await using var server = new TestServer(options => options.TimeProvider = time);
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Collect", "grpc-timeout=" + timeout);
        await client.RoundTripAsync();
        time.Advance(TimeSpan.FromDays(days) - TimeSpan.FromSeconds(1));
        await client.AssertNothingOnAsync(1);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("4", (await client.ResponseAsync(1)).Status);
        await server.AssertQuietAsync(client);
    }

    [Fact]
    public async Task A_deadline_beyond_what_a_date_holds_is_none()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Unary", "grpc-timeout=99999999H");
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        Assert.Equal("0", (await client.ResponseAsync(1)).Status);
        Assert.Equal(DateTime.MaxValue, Assert.Single(server.Service.Calls).Deadline);
    }

    [Fact]
    public async Task A_call_that_has_ended_leaves_no_timer()
    {
        var time = new TimerCount();
        await using var server = new TestServer(options => options.TimeProvider = time);
        RawClient client = await server.StartAsync();
        await client.AssertWorksAsync(1);
        await server.AssertQuietAsync(client);
        int before = time.Count;
        await client.RequestAsync(3, "Unary", "grpc-timeout=1H");
        await client.RoundTripAsync();
        Assert.Equal(before + 1, time.Count);
        await client.DataAsync(3, RawClient.Message(1), endStream: true);
        Assert.Equal("0", (await client.ResponseAsync(3)).Status);
        await server.AssertQuietAsync(client);
        await Eventually.IsTrueAsync(() => time.Count == before, "the call's timer to be stopped");
    }

    /// <summary>A reset that comes before the request was complete leaves nothing behind: no handler ever starts.</summary>
    [Fact]
    public async Task A_call_that_is_reset_before_its_request_is_complete_never_reaches_a_handler()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        for (int id = 1; id < 200; id += 2)
        {
            await client.RequestAsync(id, "Unary");
            await client.DataAsync(id, RawClient.Message(1));
            await client.SendAsync(o => RstStreamFrame.Write(o, id, ErrorCode.Cancel));
        }

        await server.AssertQuietAsync(client);
        Assert.Empty(server.Service.Calls);
    }

    /// <summary>The race of a call's end and its handler's start: whoever wins, the handler hears of it and nothing is left.</summary>
    [Fact]
    public async Task A_call_that_is_reset_while_its_handler_starts_is_cancelled()
    {
        await using var server = new TestServer();
        server.Service.Unary = async (request, context) =>
        {
            await TestService.UntilCancelledAsync(context);
            return request;
        };
        RawClient client = await server.StartAsync();
        for (int id = 1; id < 1000; id += 2)
        {
            await client.SendAsync(o =>
            {
                client.Headers(o, id, endStream: false, RawClient.RequestFields("Unary"));
                DataFrame.Write(o, id, RawClient.Message(1), endStream: true);
                RstStreamFrame.Write(o, id, ErrorCode.Cancel);
            });
        }

        await server.AssertQuietAsync(client);
    }

    private static async Task WriteUntilFullAsync(IServerStreamWriter<byte[]> responses)
    {
        for (int i = 0; i < 1000; i++)
        {
            await responses.WriteAsync(new byte[10_000]);
        }
    }
}
