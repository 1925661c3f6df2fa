using Grpc.Core;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.Client;

/// <content>Attempts that no server has looked at, waits at their corners, and calls that end between attempts or after one was chosen.</content>
public partial class Retries
{
    /// <summary>Once, at once, and without being counted.</summary>
    [Fact]
    public async Task What_no_server_has_looked_at_is_sent_again_and_does_not_count()
    {
        await using TestChannel client = Channel();
        using AsyncClientStreamingCall<byte[], byte[]> call = client.Collect();
        Task written = WriteAsync(call.RequestStream, [1]);
        RawServer server = await client.StartAsync();
        Assert.Null(await PreviousAttemptsAsync(1));
        await RawPeer.Within(written, "the write");
        await RefuseAsync(1);
        Assert.Null(await PreviousAttemptsAsync(3));
        await RefuseAsync(3); // this one counts
        await _time.IsArmedAsync();
        _time.Advance(s_shortestWait + s_rest);
        Assert.Equal("1", await PreviousAttemptsAsync(5));
        await RawPeer.Within(call.RequestStream.CompleteAsync(), "the end of the writes");
        await ReadDataAsync(server, 5);
        await server.ReplyAsync(5, 7);
        Assert.Equal([7], await RawPeer.Within(call.ResponseAsync, "the response"));
        await AssertNothingIsLeftAsync(client, server, 7);

        async Task<string?> PreviousAttemptsAsync(int id)
        {
            RawFrame head = await server.ExpectAsync(FrameType.Headers, id);
            await server.ExpectAsync(FrameType.Data, id);
            return head["grpc-previous-rpc-attempts"];
        }

        Task RefuseAsync(int id) => server.SendAsync(o => RstStreamFrame.Write(o, id, ErrorCode.RefusedStream));
    }

    /// <summary>What is sent again unseen is so by the call, not by its attempts: three refusals are one more than the policy allows.</summary>
    [Fact]
    public async Task A_call_of_one_request_is_sent_once_more_and_no_oftener()
    {
        await using TestChannel client = Channel(TenOneHundred.Replace("\"maxAttempts\": 3", "\"maxAttempts\": 2", StringComparison.Ordinal));
        using AsyncUnaryCall<byte[]> call = client.Unary([1]);
        RawServer server = await client.StartAsync();
        foreach ((int id, string? previous) in new[] { (1, null), (3, null), (5, "1") })
        {
            Assert.Equal(previous, (await server.RequestAsync(id)).Head["grpc-previous-rpc-attempts"]);
            await server.SendAsync(o => RstStreamFrame.Write(o, id, ErrorCode.RefusedStream));
            if (id == 3)
            {
                await _time.IsArmedAsync();
                _time.Advance(s_shortestWait + s_rest);
            }
        }

        await TestChannel.AssertFailsAsync(call.ResponseAsync, StatusCode.Unavailable, "");
        await AssertNothingIsLeftAsync(client, server, 7);
    }

    /// <summary>A failure that ends the call says nothing of an overload; one whose server wants no other attempt does.</summary>
    [Theory]
    [InlineData(null, true)]
    [InlineData("grpc-retry-pushback-ms=-1", false)]
    public async Task What_counts_against_retries_is_what_they_could_make_worse(string? trailer, bool allowed)
    {
        await using TestChannel client = Channel(TenOneHundred.Trim()[..^1] + """, "retryThrottling": {"maxTokens": 2, "tokenRatio": 0.001}}""");
        using AsyncUnaryCall<byte[]> call = client.Unary([1]);
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.FailAsync(1, StatusCode.Internal, trailer is null ? [] : [trailer]);
        await TestChannel.AssertFailsAsync(call.ResponseAsync, StatusCode.Internal, "no");
        Assert.Equal(allowed, client.Channel.RetryThrottle!.AllowsRetries);
    }

    [Fact]
    public async Task When_the_server_has_said_when_to_come_back_the_waits_begin_anew()
    {
        await using TestChannel client = Channel(TenOneHundred.Replace("\"maxAttempts\": 3", "\"maxAttempts\": 4", StringComparison.Ordinal));
        using AsyncUnaryCall<byte[]> call = client.Unary([1]);
        RawServer server = await client.StartAsync();
        await FailAsync(1, TimeSpan.FromSeconds(12));
        await FailAsync(3, TimeSpan.FromSeconds(1), "grpc-retry-pushback-ms=1000");
        await FailAsync(5, TimeSpan.FromSeconds(12)); // the third would be 40 seconds, or the second 20
        await server.RequestAsync(7);
        await server.ReplyAsync(7, 7);
        Assert.Equal([7], await RawPeer.Within(call.ResponseAsync, "the response"));

        async Task FailAsync(int id, TimeSpan wait, params string[] trailers)
        {
            await server.RequestAsync(id);
            await server.FailAsync(id, StatusCode.Unavailable, trailers);
            await _time.IsArmedAsync();
            _time.Advance(wait);
        }
    }

    /// <summary>Timers take 49 days at the most.</summary>
    [Fact]
    public async Task A_wait_may_be_longer_than_a_timer_takes()
    {
        const string Months = """
            {"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 2, "initialBackoff": "6000000s", "maxBackoff": "6000000s",
              "backoffMultiplier": 1, "retryableStatusCodes": ["UNAVAILABLE"]}}]}
            """;
        await using TestChannel client = Channel(Months, options => options.IdleTimeout = Timeout.InfiniteTimeSpan);
        using AsyncUnaryCall<byte[]> call = client.Unary([1]);
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.FailAsync(1, StatusCode.Unavailable);
        await _time.IsArmedAsync();
        _time.Advance(TimeSpan.FromDays(25));
        await _time.IsArmedAsync(); // it isn't over
        _time.Advance(TimeSpan.FromDays(60));
        await server.RequestAsync(3);
        await server.ReplyAsync(3, 7);
        Assert.Equal([7], await RawPeer.Within(call.ResponseAsync, "the response"));
    }

    [Fact]
    public async Task A_request_that_needs_more_room_between_attempts_makes_the_next_one_the_last()
    {
        await using TestChannel client = Channel(configure: options => options.MaxRetryBufferPerCallSize = 1000);
        using AsyncClientStreamingCall<byte[], byte[]> call = client.Collect();
        RawServer server = await client.StartAsync();
        await server.ExpectAsync(FrameType.Headers, 1);
        await server.FailAsync(1, StatusCode.Unavailable, "attempt=1");
        await _time.IsArmedAsync();
        Task written = WriteAsync(call.RequestStream, new byte[1000]);
        _time.Advance(s_shortestWait + s_rest);
        await ExpectMessagesAsync(server, 3, new byte[1000]);
        await RawPeer.Within(written, "the write");
        await server.FailAsync(3, StatusCode.Unavailable, "attempt=3");
        await TestChannel.AssertFailsAsync(call.ResponseAsync, StatusCode.Unavailable, "no");
        Assert.Equal("3", call.GetTrailers().GetValue("attempt"));
        await AssertNothingIsLeftAsync(client, server, 5);
    }

    [Fact]
    public async Task A_write_that_no_attempt_takes_ends_with_the_call()
    {
        await using TestChannel client = Channel();
        AsyncClientStreamingCall<byte[], byte[]> call = client.Collect();
        Task written = call.RequestStream.WriteAsync([1], TestContext.Current.CancellationToken);
        call.Dispose();
        await TestChannel.AssertFailsAsync(written, StatusCode.Cancelled, "disposed of");
    }

    [Fact]
    public async Task A_call_may_be_cancelled_when_an_attempt_was_chosen_which_needs_no_room_any_more()
    {
        await using TestChannel client = Channel();
        using var cancellation = new CancellationTokenSource();
        using AsyncServerStreamingCall<byte[]> call = client.Spread([1], new CallOptions(cancellationToken: cancellation.Token));
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        Assert.NotEqual(0, client.Channel.RetryBuffer.Octets);
        await server.HeadersAsync(1, endStream: false, RawServer.Headers200);
        await RawPeer.Within(call.ResponseHeadersAsync, "the header list");
        Assert.Equal(0, client.Channel.RetryBuffer.Octets);
        await cancellation.CancelAsync();
        await server.ExpectResetAsync(1, ErrorCode.Cancel);
        await TestChannel.AssertFailsAsync(call.ResponseStream.MoveNext(CancellationToken.None), StatusCode.Cancelled, "cancelled by its caller");
        await AssertNothingIsLeftAsync(client, server, 3);
    }

    [Fact]
    public async Task The_token_of_the_first_read_ends_the_call()
    {
        await using TestChannel client = Channel();
        using var cancellation = new CancellationTokenSource();
        using AsyncDuplexStreamingCall<byte[], byte[]> call = client.Duplex();
        Task<bool> read = call.ResponseStream.MoveNext(cancellation.Token);
        RawServer server = await client.StartAsync();
        await server.ExpectAsync(FrameType.Headers, 1);
        await cancellation.CancelAsync();
        await TestChannel.AssertFailsAsync(read, StatusCode.Cancelled, "the token of a read");
        await server.ExpectResetAsync(1, ErrorCode.Cancel);
        await AssertNothingIsLeftAsync(client, server, 3);
    }
}
