using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.Client;

/// <summary>gRFC A6, hedging: a call that is sent several times, on a clock moved by hand.</summary>
public class Hedges
{
    private readonly BackoffClock _time = new();

    [Fact]
    public async Task The_first_answer_counts_and_the_other_attempts_are_cancelled()
    {
        await using TestChannel client = Channel("10s");
        using AsyncUnaryCall<byte[]> call = client.Unary([1, 2]);
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await _time.IsArmedAsync();
        _time.Advance(TimeSpan.FromMilliseconds(9_999));
        await server.AssertNothingOnAsync(3);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        (RawFrame second, byte[] data) = await server.RequestAsync(3);
        Assert.Equal("1", second["grpc-previous-rpc-attempts"]);
        Assert.Equal(RawClient.Message(1, 2), data);
        await _time.IsArmedAsync();
        await server.ReplyAsync(3, 7);
        Assert.Equal([7], await RawPeer.Within(call.ResponseAsync, "the response"));
        await server.ExpectResetAsync(1, ErrorCode.Cancel);
        await AssertNothingIsLeftAsync(client, server, 5);
    }

    [Fact]
    public async Task Without_a_delay_all_are_sent_at_once()
    {
        await using TestChannel client = Channel("0s");
        using AsyncUnaryCall<byte[]> call = client.Unary([1]);
        RawServer server = await client.StartAsync();
        foreach (int id in new[] { 1, 3, 5 })
        {
            await server.RequestAsync(id);
        }

        await server.ReplyAsync(1, 7);
        Assert.Equal([7], await RawPeer.Within(call.ResponseAsync, "the response"));
        await server.ExpectResetAsync(3, ErrorCode.Cancel);
        await server.ExpectResetAsync(5, ErrorCode.Cancel);
        await AssertNothingIsLeftAsync(client, server, 7);
    }

    [Fact]
    public async Task A_failure_that_is_not_fatal_makes_room_for_the_next_at_once()
    {
        await using TestChannel client = Channel("1000s");
        using AsyncUnaryCall<byte[]> call = client.Unary([1]);
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.FailAsync(1, StatusCode.Unavailable);
        await server.RequestAsync(3);
        await server.FailAsync(3, StatusCode.Unavailable);
        await server.RequestAsync(5);
        await server.FailAsync(5, StatusCode.Unavailable); // the last one
        await TestChannel.AssertFailsAsync(call.ResponseAsync, StatusCode.Unavailable, "no");
        await AssertNothingIsLeftAsync(client, server, 7);
    }

    [Fact]
    public async Task A_fatal_failure_ends_the_call_and_the_other_attempts()
    {
        await using TestChannel client = Channel("0s");
        using AsyncUnaryCall<byte[]> call = client.Unary([1]);
        RawServer server = await client.StartAsync();
        foreach (int id in new[] { 1, 3, 5 })
        {
            await server.RequestAsync(id);
        }

        await server.FailAsync(3, StatusCode.InvalidArgument);
        await TestChannel.AssertFailsAsync(call.ResponseAsync, StatusCode.InvalidArgument, "no");
        await server.ExpectResetAsync(1, ErrorCode.Cancel);
        await server.ExpectResetAsync(5, ErrorCode.Cancel);
        await AssertNothingIsLeftAsync(client, server, 7);
    }

    [Fact]
    public async Task The_server_may_say_when_the_next_one_is_welcome_or_that_none_is()
    {
        await using TestChannel client = Channel("1000s");
        using AsyncUnaryCall<byte[]> call = client.Unary([1]);
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await _time.IsArmedAsync();
        await server.FailAsync(1, StatusCode.Unavailable, "grpc-retry-pushback-ms=50000");
        await _time.IsArmedAsync();
        _time.Advance(TimeSpan.FromMilliseconds(49_999));
        await server.AssertNothingOnAsync(3);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        await server.RequestAsync(3);
        await server.FailAsync(3, StatusCode.Unavailable, "grpc-retry-pushback-ms=-1");
        await TestChannel.AssertFailsAsync(call.ResponseAsync, StatusCode.Unavailable, "no");
        await AssertNothingIsLeftAsync(client, server, 5);
    }

    /// <summary>gRFC A6: a deadline is the whole call's, and no server can put it off by asking for a longer pause.</summary>
    [Fact]
    public async Task A_deadline_that_passes_before_the_next_one_is_welcome_ends_the_call()
    {
        await using TestChannel client = Channel("1000s");
        using AsyncUnaryCall<byte[]> call = client.Unary([1], new CallOptions(deadline: _time.GetUtcNow().UtcDateTime.AddSeconds(2)));
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await _time.IsArmedAsync();
        await server.FailAsync(1, StatusCode.Unavailable, "grpc-retry-pushback-ms=60000");
        await _time.IsArmedAsync();
        _time.Advance(TimeSpan.FromMilliseconds(1_999));
        await server.AssertNothingOnAsync(3);
        Assert.False(call.ResponseAsync.IsCompleted);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        await TestChannel.AssertFailsAsync(call.ResponseAsync, StatusCode.DeadlineExceeded, "deadline");
        await AssertNothingIsLeftAsync(client, server, 3);
    }

    /// <summary>gRFC A6, hedging: the pause is the call's, whose earlier attempt is still waited for, and ends at the deadline as well.</summary>
    [Fact]
    public async Task A_deadline_that_passes_while_one_attempt_is_under_way_and_another_has_failed_ends_the_call()
    {
        await using TestChannel client = Channel("1s");
        using AsyncUnaryCall<byte[]> call = client.Unary([1], new CallOptions(deadline: _time.GetUtcNow().UtcDateTime.AddSeconds(2)));
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await _time.IsArmedAsync();
        _time.Advance(TimeSpan.FromSeconds(1));
        await server.RequestAsync(3);
        await _time.IsArmedAsync();
        await server.FailAsync(3, StatusCode.Unavailable, "grpc-retry-pushback-ms=60000");
        await _time.IsArmedAsync();
        _time.Advance(TimeSpan.FromSeconds(1));
        await TestChannel.AssertFailsAsync(call.ResponseAsync, StatusCode.DeadlineExceeded, "deadline");
        await server.ExpectResetAsync(1, ErrorCode.Cancel);
        await AssertNothingIsLeftAsync(client, server, 5);
    }

    /// <summary>
    /// gRFC A6, buffered RPCs: the call goes on with one attempt, and the one that is furthest has the least to send again. Here it is the
    /// first, for the server lets no other one send anything.
    /// </summary>
    [Fact]
    public async Task Requests_that_need_more_room_than_there_is_go_to_the_attempt_that_has_sent_the_most()
    {
        byte[] large = new byte[1000];
        await using TestChannel client = Channel("10s", configure: options =>
        {
            options.MaxRetryBufferPerCallSize = 1000;
            options.AbuseLimits = new AbuseLimits { SendQueue = 1 };
        });
        using AsyncClientStreamingCall<byte[], byte[]> call = client.Collect();
        RawServer server = await client.StartAsync((SettingId.InitialWindowSize, 0));
        await server.ExpectAsync(FrameType.Headers, 1);
        await server.SendAsync(o => WindowUpdateFrame.Write(o, 1, 100));
        foreach (byte octet in new byte[] { 1, 2 })
        {
            await RawPeer.Within(call.RequestStream.WriteAsync([octet], TestContext.Current.CancellationToken), "the write");
            Assert.Equal(RawClient.Message(octet), (await server.ExpectAsync(FrameType.Data, 1)).Payload);
        }

        await _time.IsArmedAsync();
        _time.Advance(TimeSpan.FromSeconds(10));
        await server.ExpectAsync(FrameType.Headers, 3);
        Task written = call.RequestStream.WriteAsync(large, TestContext.Current.CancellationToken);
        await server.ExpectResetAsync(3, ErrorCode.Cancel);
        await server.SendAsync(o => SettingsFrame.Write(o, [(SettingId.InitialWindowSize, 65_535)]));
        await RawPeer.Within(written, "the write that is too large");
        await RawPeer.Within(call.RequestStream.CompleteAsync(), "the end of the writes");
        var rest = new List<byte>();
        for (bool ended = false; !ended;)
        {
            RawFrame next = await server.ExpectAsync(FrameType.Data, 1);
            rest.AddRange(next.Payload);
            ended = next.EndStream;
        }

        Assert.Equal(RawClient.Message(large), rest);
        await server.ReplyAsync(1, 7);
        Assert.Equal([7], await RawPeer.Within(call.ResponseAsync, "the response"));
        await AssertNothingIsLeftAsync(client, server, 5);
    }

    /// <summary>Once, at once, and without being counted: three may be made beside it.</summary>
    [Fact]
    public async Task What_no_server_has_looked_at_is_sent_again_and_does_not_count()
    {
        await using TestChannel client = Channel("1000s");
        using AsyncUnaryCall<byte[]> call = client.Unary([1]);
        RawServer server = await client.StartAsync();
        Assert.Null(await PreviousAttemptsAsync(1));
        await RefuseAsync(1);
        Assert.Null(await PreviousAttemptsAsync(3));
        await RefuseAsync(3); // this one counts
        Assert.Equal("1", await PreviousAttemptsAsync(5));
        await RefuseAsync(5);
        Assert.Equal("2", await PreviousAttemptsAsync(7));
        await RefuseAsync(7);
        await TestChannel.AssertFailsAsync(call.ResponseAsync, StatusCode.Unavailable, "");
        await AssertNothingIsLeftAsync(client, server, 9);

        async Task<string?> PreviousAttemptsAsync(int id) => (await server.RequestAsync(id)).Head["grpc-previous-rpc-attempts"];

        Task RefuseAsync(int id) => server.SendAsync(o => RstStreamFrame.Write(o, id, ErrorCode.RefusedStream));
    }

    /// <summary>As retries: two tokens, of which one failure leaves too few.</summary>
    [Fact]
    public async Task Too_many_failures_stop_all_hedges_for_a_while()
    {
        await using TestChannel client = Channel("1000s", """, "retryThrottling": {"maxTokens": 2, "tokenRatio": 0.5}""");
        using AsyncUnaryCall<byte[]> call = client.Unary([1]);
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.FailAsync(1, StatusCode.Unavailable);
        await TestChannel.AssertFailsAsync(call.ResponseAsync, StatusCode.Unavailable, "no");
        Assert.False(client.Channel.RetryThrottle!.AllowsRetries);
        await AssertNothingIsLeftAsync(client, server, 3);
        Assert.True(client.Channel.RetryThrottle.AllowsRetries);
    }

    /// <summary>A failure that ends the call says nothing of an overload; one whose server wants no other attempt does.</summary>
    [Theory]
    [InlineData(null, true)]
    [InlineData("grpc-retry-pushback-ms=-1", false)]
    public async Task What_counts_against_hedges_is_what_they_could_make_worse(string? trailer, bool allowed)
    {
        await using TestChannel client = Channel("1000s", """, "retryThrottling": {"maxTokens": 2, "tokenRatio": 0.001}""");
        using AsyncUnaryCall<byte[]> call = client.Unary([1]);
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.FailAsync(1, StatusCode.Internal, trailer is null ? [] : [trailer]);
        await TestChannel.AssertFailsAsync(call.ResponseAsync, StatusCode.Internal, "no");
        Assert.Equal(allowed, client.Channel.RetryThrottle!.AllowsRetries);
    }

    /// <summary>The method of <see cref="TestChannel.AssertWorksAsync"/> is hedged, too: another one shows that the connection works.</summary>
    private static async Task AssertNothingIsLeftAsync(TestChannel client, RawServer server, int nextId)
    {
        using AsyncServerStreamingCall<byte[]> call = client.Spread([1]);
        await server.RequestAsync(nextId);
        await server.ReplyAsync(nextId, 4);
        Assert.True(await RawPeer.Within(call.ResponseStream.MoveNext(CancellationToken.None), "the response"));
        Assert.False(await RawPeer.Within(call.ResponseStream.MoveNext(CancellationToken.None), "the end"));
        await client.AssertQuietAsync(server);
        await Eventually.IsTrueAsync(() => client.Channel.RetryBuffer.Octets == 0, "kept requests to be let go");
    }

    private TestChannel Channel(string delay, string throttling = "", Action<MiniChannelOptions>? configure = null) => new(options =>
    {
        options.TimeProvider = _time;
        configure?.Invoke(options);
        options.ServiceConfig = ServiceConfig.Parse($$$"""
            {"methodConfig": [{"name": [{"service": "test", "method": "Unary"}, {"service": "test", "method": "Collect"}],
              "hedgingPolicy": {"maxAttempts": 3, "hedgingDelay": "{{{delay}}}", "nonFatalStatusCodes": ["UNAVAILABLE"]}}]{{{throttling}}}}
            """);
    });
}
