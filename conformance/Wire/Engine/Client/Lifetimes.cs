using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.Client;

/// <summary>How calls end on a client other than by a response: cancelled, late, or with their connection; each once.</summary>
public class Lifetimes
{
    private static readonly DateTimeOffset s_now = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("token")]
    [InlineData("dispose")]
    [Requirement("grpc-cancellation-1")]
    public async Task A_call_that_its_caller_cancels_resets_its_stream(string how)
    {
        await using var client = new TestChannel();
        using var source = new CancellationTokenSource();
        using AsyncUnaryCall<byte[]> call = client.Unary([1], new CallOptions(cancellationToken: source.Token));
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        if (how == "token")
        {
            await source.CancelAsync();
        }
        else
        {
            call.Dispose();
        }

        await server.ExpectResetAsync(1, ErrorCode.Cancel);
        await TestChannel.AssertFailsAsync(call.ResponseAsync, StatusCode.Cancelled, "");
        await TestChannel.AssertFailsAsync(call.ResponseHeadersAsync, StatusCode.Cancelled, "");

        // What was under way when the reset went out is ignored.
        await server.ReplyAsync(1, 9);
        await client.AssertWorksAsync(server, 3);
        await client.AssertQuietAsync(server);
    }

    /// <summary>A caller that disposes of a call gives up what it has not read. That must not look like the end of the stream.</summary>
    [Fact]
    public async Task Responses_given_up_by_a_dispose_are_not_taken_for_the_end_of_the_stream()
    {
        await using var client = new TestChannel();
        AsyncServerStreamingCall<byte[]> call = client.Spread([1]);
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.ReplyAsync(1, 1, 2, 3);
        await client.AssertWorksAsync(server, 3); // so the first reply has come in, too
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
        call.Dispose();
        await TestChannel.AssertFailsAsync(call.ResponseStream.MoveNext(CancellationToken.None), StatusCode.Cancelled, "before all of its responses were read");
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
        await client.AssertQuietAsync(server);
    }

    [Fact]
    public async Task A_read_whose_token_is_cancelled_cancels_the_call()
    {
        await using var client = new TestChannel();
        using AsyncServerStreamingCall<byte[]> call = client.Spread([1]);
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        using var source = new CancellationTokenSource();
        Task<bool> read = call.ResponseStream.MoveNext(source.Token);
        await source.CancelAsync();
        await TestChannel.AssertFailsAsync(read, StatusCode.Cancelled, "");
        await server.ExpectResetAsync(1, ErrorCode.Cancel);
        await client.AssertQuietAsync(server);
    }

    /// <summary>gRPC over HTTP/2, Timeout: the server is told the time that is left, and the client doesn't rely on it.</summary>
    [Fact]
    [Requirement("grpc-cancellation-2")]
    [Requirement("grpc-requests-7")]
    public async Task A_deadline_that_passes_ends_the_call_and_resets_its_stream()
    {
        var time = new FakeTimeProvider(s_now);
        await using var client = new TestChannel(options => options.TimeProvider = time);
        using AsyncUnaryCall<byte[]> call = client.Unary([1], new CallOptions(deadline: s_now.UtcDateTime.AddMilliseconds(1500)));
        RawServer server = await client.StartAsync();
        Assert.Equal("1500000u", (await server.RequestAsync(1)).Head["grpc-timeout"]);
        time.Advance(TimeSpan.FromMilliseconds(1499));
        await server.AssertNothingOnAsync(1);
        Assert.False(call.ResponseAsync.IsCompleted);
        time.Advance(TimeSpan.FromMilliseconds(1));
        await server.ExpectResetAsync(1, ErrorCode.Cancel);
        await TestChannel.AssertFailsAsync(call.ResponseAsync, StatusCode.DeadlineExceeded, "");
        await client.AssertWorksAsync(server, 3);
        await client.AssertQuietAsync(server);
    }

    [Fact]
    public async Task A_call_that_has_ended_leaves_no_timer()
    {
        var time = new TimerCount();
        await using var client = new TestChannel(options => options.TimeProvider = time);
        Task<byte[]> first = client.Unary([1]).ResponseAsync;
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.ReplyAsync(1);
        await RawPeer.Within(first, "the response");
        await server.RoundTripAsync();
        int before = time.Count;
        Task<byte[]> call = client.Unary([1], new CallOptions(deadline: DateTime.UtcNow.AddHours(1))).ResponseAsync;
        Assert.Equal(before + 1, time.Count);
        await server.RequestAsync(3);
        await server.ReplyAsync(3);
        await RawPeer.Within(call, "the response");
        Assert.Equal(before, time.Count);
    }

    [Fact]
    [Requirement("grpc-requests-7")]
    public async Task The_timeout_that_is_sent_is_what_is_left_when_the_call_starts()
    {
        var time = new FakeTimeProvider(s_now);
        await using var client = new TestChannel(options => options.TimeProvider = time);
        using AsyncUnaryCall<byte[]> call = client.Unary([1], new CallOptions(deadline: s_now.UtcDateTime.AddSeconds(10)));
        RawServer server = await client.AcceptAsync();
        time.Advance(TimeSpan.FromSeconds(4)); // the server takes its time to say SETTINGS
        await server.StartAsync();
        Assert.Equal("6000000u", (await server.RequestAsync(1)).Head["grpc-timeout"]);
    }

    [Fact]
    public async Task A_deadline_that_has_passed_already_sends_nothing()
    {
        await using var client = new TestChannel(options => options.TimeProvider = new FakeTimeProvider(s_now));
        await TestChannel.AssertFailsAsync(
            client.Unary([1], new CallOptions(deadline: s_now.UtcDateTime)).ResponseAsync, StatusCode.DeadlineExceeded, "");
        using var source = new CancellationTokenSource();
        await source.CancelAsync();
        await TestChannel.AssertFailsAsync(
            client.Unary([1], new CallOptions(cancellationToken: source.Token)).ResponseAsync, StatusCode.Cancelled, "");
        Task<byte[]> call = client.Unary([2]).ResponseAsync;
        RawServer server = await client.StartAsync();
        Assert.Equal(RawClient.Message(2), (await server.RequestAsync(1)).Data);
        await server.ReplyAsync(1);
        await RawPeer.Within(call, "the response");
    }

    /// <summary>Timers take 49 days at most: longer deadlines are waited for in parts.</summary>
    [Theory]
    [InlineData(20, "28800M")]
    [InlineData(60, "86400M")]
    [InlineData(3650, "5256000M")]
    [Requirement("grpc-requests-7")]
    public async Task A_deadline_of_weeks_or_years_passes_when_it_is_due(int days, string timeout)
    {
        var time = new FakeTimeProvider(s_now);
        await using var client = new TestChannel(options => options.TimeProvider = time);
        using AsyncUnaryCall<byte[]> call = client.Unary([1], new CallOptions(deadline: s_now.UtcDateTime.AddDays(days)));
        RawServer server = await client.StartAsync();
        string sent = (await server.RequestAsync(1)).Head["grpc-timeout"]!;
        Assert.Equal(Ticks(timeout), Ticks(sent));
        await server.RoundTripAsync(); // its SETTINGS are acknowledged: no other clock runs
        time.Advance(TimeSpan.FromDays(days) - TimeSpan.FromSeconds(1));
        await server.AssertNothingOnAsync(1);
        Assert.False(call.ResponseAsync.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(1));
        await TestChannel.AssertFailsAsync(call.ResponseAsync, StatusCode.DeadlineExceeded, "");
        await server.ExpectResetAsync(1, ErrorCode.Cancel);
    }

    [Fact]
    public async Task The_last_moment_there_is_means_no_deadline()
    {
        await using var client = new TestChannel();
        using AsyncUnaryCall<byte[]> call = client.Unary([1], new CallOptions(deadline: DateTime.MaxValue));
        RawServer server = await client.StartAsync();
        Assert.Null((await server.RequestAsync(1)).Head["grpc-timeout"]);
        await server.ReplyAsync(1);
        await RawPeer.Within(call.ResponseAsync, "the response");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Requirement("grpc-connections-8")]
    public async Task A_connection_that_is_lost_fails_every_call_on_it(bool cut)
    {
        await using var client = new TestChannel();
        using AsyncUnaryCall<byte[]> unary = client.Unary([1]);
        RawServer server = await client.StartAsync();
        await server.ExpectAsync(FrameType.Headers, 1);
        using AsyncClientStreamingCall<byte[], byte[]> collect = client.Collect();
        using AsyncServerStreamingCall<byte[]> spread = client.Spread([1]);
        using AsyncDuplexStreamingCall<byte[], byte[]> duplex = client.Duplex();
        Task read = spread.ResponseStream.MoveNext(CancellationToken.None);
        Task write = duplex.RequestStream.WriteAsync(new byte[200_000]); // more than the window: it waits
        await server.ExpectAsync(FrameType.Headers, 7);
        await server.HeadersAsync(7, endStream: false, RawServer.Headers200);
        await server.RoundTripAsync();

        if (cut)
        {
            server.Cut();
        }
        else
        {
            await server.CloseOutputAsync();
        }

        await TestChannel.AssertFailsAsync(unary.ResponseAsync, StatusCode.Unavailable, "memory:test");
        await TestChannel.AssertFailsAsync(collect.ResponseAsync, StatusCode.Unavailable, "memory:test");
        await TestChannel.AssertFailsAsync(read, StatusCode.Unavailable, "memory:test");
        await TestChannel.AssertFailsAsync(write, StatusCode.Unavailable, "memory:test");
        await TestChannel.AssertFailsAsync(duplex.ResponseStream.MoveNext(CancellationToken.None), StatusCode.Unavailable, "memory:test");
        await TestChannel.AssertFailsAsync(collect.RequestStream.WriteAsync([1]), StatusCode.Unavailable, "memory:test");
        Assert.Equal(StatusCode.Unavailable, unary.GetStatus().StatusCode);

        Task<byte[]> next = client.Unary([2]).ResponseAsync;
        RawServer second = await client.StartAsync();
        await second.RequestAsync(1);
        await second.ReplyAsync(1);
        await RawPeer.Within(next, "the response on a new connection");
    }

    /// <summary>Calls are started while connections die under them: each must end, and exactly as unavailable.</summary>
    [Fact]
    public async Task No_call_is_forgotten_when_connections_die_while_calls_start()
    {
        await using var client = new TestChannel();
        var done = new TaskCompletionSource();
        Task killing = Task.Run(
            async () =>
            {
                for (int i = 0; ; i++)
                {
                    Task<RawServer> accept = client.AcceptAsync();
                    if (await Task.WhenAny(accept, done.Task) == done.Task)
                    {
                        return;
                    }

                    RawServer server = await accept;
                    await server.StartAsync();
                    if (i % 3 == 1)
                    {
                        await server.SendAsync(o => GoAwayFrame.Write(o, 0, ErrorCode.NoError));
                        await server.CloseOutputAsync();
                    }
                    else if (i % 3 == 2)
                    {
                        await server.ExpectAsync(FrameType.Headers, 1);
                    }

                    server.Cut();
                }
            },
            TestContext.Current.CancellationToken);
        for (int round = 0; round < 200; round++)
        {
            Task<byte[]>[] calls = [.. Enumerable.Range(0, 8).Select(_ => client.Unary([1]).ResponseAsync)];
            foreach (Task<byte[]> call in calls)
            {
                Assert.Equal(StatusCode.Unavailable, (await TestChannel.FailureAsync(call)).StatusCode);
            }
        }

        done.SetResult();
        await RawPeer.Within(killing, "the last connection to be cut");
    }

    [Fact]
    public async Task A_channel_that_is_closed_cancels_its_calls_and_takes_no_more()
    {
        await using var client = new TestChannel();
        using AsyncUnaryCall<byte[]> call = client.Unary([1]);
        RawServer server = await client.StartAsync((SettingId.MaxConcurrentStreams, 1));
        await server.RequestAsync(1);
        Task<byte[]> waiting = client.Unary([2]).ResponseAsync;
        Task closing = client.Channel.DisposeAsync().AsTask();
        await server.ExpectEndAsync();
        await server.DisposeAsync();
        await RawPeer.Within(closing, "the channel to close");
        await TestChannel.AssertFailsAsync(call.ResponseAsync, StatusCode.Cancelled, "closed");
        await TestChannel.AssertFailsAsync(waiting, StatusCode.Cancelled, "closed");
        Assert.Throws<ObjectDisposedException>(() => client.Unary([3]));
    }

    private static long Ticks(string timeout)
    {
        Assert.Null(MiniGrpc.Wire.Grpc.GrpcTimeout.Parse(System.Text.Encoding.ASCII.GetBytes(timeout), out TimeSpan time));
        return time.Ticks;
    }
}
