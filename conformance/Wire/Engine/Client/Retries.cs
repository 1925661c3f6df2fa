using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Client.Repeating;
using MiniGrpc.Conformance.Wire.Balancing;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Wire.Engine.Client;

/// <summary>gRFC A6: calls that a service config lets be tried again, on a clock moved by hand.</summary>
public partial class Retries
{
    private const string TenOneHundred = """
        {"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 3, "initialBackoff": "10s", "maxBackoff": "100s",
          "backoffMultiplier": 2, "retryableStatusCodes": ["UNAVAILABLE", "ABORTED"]}}]}
        """;

    private static readonly TimeSpan s_shortestWait = TimeSpan.FromSeconds(8);
    private static readonly TimeSpan s_rest = TimeSpan.FromSeconds(4);
    private readonly TimerCensus _time = new();

    [Fact]
    public async Task A_call_that_fails_in_a_way_that_may_pass_is_tried_again_after_a_wait()
    {
        await using TestChannel client = Channel();
        using AsyncUnaryCall<byte[]> call = client.Unary([1, 2], new CallOptions(new Metadata { { "key", "value" } }));
        RawServer server = await client.StartAsync();
        (RawFrame first, _) = await server.RequestAsync(1);
        Assert.Null(first["grpc-previous-rpc-attempts"]);
        await server.FailAsync(1, StatusCode.Unavailable);
        await _time.IsArmedAsync();
        _time.Advance(s_shortestWait - TimeSpan.FromMilliseconds(1));
        await server.AssertNothingOnAsync(3);
        _time.Advance(s_rest);

        (RawFrame second, byte[] data) = await server.RequestAsync(3);
        Assert.Equal("1", second["grpc-previous-rpc-attempts"]);
        Assert.Equal("value", second["key"]);
        Assert.Equal(RawClient.Message(1, 2), data);
        await server.FailAsync(3, StatusCode.Aborted);
        await _time.IsArmedAsync();
        _time.Advance(2 * (s_shortestWait + s_rest)); // twice as long

        (RawFrame third, _) = await server.RequestAsync(5);
        Assert.Equal("2", third["grpc-previous-rpc-attempts"]);
        await server.ReplyAsync(5, 7);
        Assert.Equal([7], await RawPeer.Within(call.ResponseAsync, "the response"));
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
        Assert.Empty(call.GetTrailers());
        await AssertNothingIsLeftAsync(client, server, 7);
    }

    [Fact]
    public async Task The_last_attempt_has_the_last_word()
    {
        await using TestChannel client = Channel();
        using AsyncUnaryCall<byte[]> call = client.Unary([1]);
        RawServer server = await client.StartAsync();
        foreach (int id in new[] { 1, 3 })
        {
            await server.RequestAsync(id);
            await server.FailAsync(id, StatusCode.Unavailable, $"attempt={id}");
            await _time.IsArmedAsync();
            _time.Advance(TimeSpan.FromSeconds(100));
        }

        await server.RequestAsync(5);
        await server.FailAsync(5, StatusCode.Unavailable, "attempt=5");
        await TestChannel.AssertFailsAsync(call.ResponseAsync, StatusCode.Unavailable, "no");
        Assert.Equal("5", call.GetTrailers().GetValue("attempt"));
        await AssertFailsAsync(call.ResponseHeadersAsync);
        await AssertNothingIsLeftAsync(client, server, 7);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task The_channel_has_a_limit_of_its_own(int limit)
    {
        await using TestChannel client = Channel(configure: options => options.MaxRetryAttempts = limit);
        using AsyncUnaryCall<byte[]> call = client.Unary([1]);
        RawServer server = await client.StartAsync();
        for (int attempt = 1; attempt <= limit; attempt++)
        {
            await server.RequestAsync((2 * attempt) - 1);
            await server.FailAsync((2 * attempt) - 1, StatusCode.Unavailable);
            if (attempt < limit)
            {
                await _time.IsArmedAsync();
                _time.Advance(TimeSpan.FromSeconds(100));
            }
        }

        await TestChannel.AssertFailsAsync(call.ResponseAsync, StatusCode.Unavailable, "no");
        await AssertNothingIsLeftAsync(client, server, (2 * limit) + 1);
    }

    [Theory]
    [InlineData(StatusCode.Internal)]
    [InlineData(StatusCode.Unknown)]
    [InlineData(StatusCode.DeadlineExceeded)]
    public async Task Another_status_is_the_call_s(StatusCode code)
    {
        await using TestChannel client = Channel();
        using AsyncUnaryCall<byte[]> call = client.Unary([1]);
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.FailAsync(1, code);
        await TestChannel.AssertFailsAsync(call.ResponseAsync, code, "no");
        await AssertNothingIsLeftAsync(client, server, 3);
    }

    /// <summary>The caller may have seen the header list: from there on the call is that attempt.</summary>
    [Fact]
    public async Task An_attempt_whose_response_has_begun_is_the_last()
    {
        await using TestChannel client = Channel();
        using AsyncServerStreamingCall<byte[]> call = client.Spread([1]);
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.HeadersAsync(1, endStream: false, [.. RawServer.Headers200, "key=value"]);
        Metadata headers = await RawPeer.Within(call.ResponseHeadersAsync, "the header list");
        Assert.Equal("value", headers.GetValue("key"));
        await server.HeadersAsync(1, endStream: true, "grpc-status=14", "grpc-message=later");
        await TestChannel.AssertFailsAsync(call.ResponseStream.MoveNext(CancellationToken.None), StatusCode.Unavailable, "later");
        await AssertNothingIsLeftAsync(client, server, 3);
    }

    [Fact]
    public async Task The_server_may_say_when_to_come_back()
    {
        await using TestChannel client = Channel();
        using AsyncUnaryCall<byte[]> call = client.Unary([1]);
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.FailAsync(1, StatusCode.Unavailable, "grpc-retry-pushback-ms=50000");
        await _time.IsArmedAsync();
        _time.Advance(TimeSpan.FromMilliseconds(49_999));
        await server.AssertNothingOnAsync(3);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        await server.RequestAsync(3);
        await server.ReplyAsync(3, 7);
        Assert.Equal([7], await RawPeer.Within(call.ResponseAsync, "the response"));
        await AssertNothingIsLeftAsync(client, server, 5);
    }

    [Theory]
    [InlineData("-1")]
    [InlineData("soon")]
    [InlineData("99999999999")]
    public async Task The_server_may_say_that_it_wants_no_other_attempt(string pushback)
    {
        await using TestChannel client = Channel();
        using AsyncUnaryCall<byte[]> call = client.Unary([1]);
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.FailAsync(1, StatusCode.Unavailable, $"grpc-retry-pushback-ms={pushback}");
        await TestChannel.AssertFailsAsync(call.ResponseAsync, StatusCode.Unavailable, "no");
        await AssertNothingIsLeftAsync(client, server, 3);
    }

    /// <summary>Two tokens: the first failure leaves one, half of them, and that is too few; two calls that end well make up for it.</summary>
    [Fact]
    public async Task Too_many_failures_stop_all_retries_for_a_while()
    {
        await using TestChannel client = Channel(TenOneHundred.Trim()[..^1] + """, "retryThrottling": {"maxTokens": 2, "tokenRatio": 0.5}}""");
        using AsyncUnaryCall<byte[]> throttled = client.Unary([1]);
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.FailAsync(1, StatusCode.Unavailable);
        await TestChannel.AssertFailsAsync(throttled.ResponseAsync, StatusCode.Unavailable, "no");
        await client.AssertWorksAsync(server, 3);
        await client.AssertWorksAsync(server, 5);
        Assert.True(client.Channel.RetryThrottle!.AllowsRetries);
        await AssertNothingIsLeftAsync(client, server, 7);
    }

    [Fact]
    public async Task A_deadline_that_passes_between_attempts_ends_the_call()
    {
        await using TestChannel client = Channel();
        using AsyncUnaryCall<byte[]> call = client.Unary([1], new CallOptions(deadline: _time.GetUtcNow().UtcDateTime.AddSeconds(5)));
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.FailAsync(1, StatusCode.Unavailable);
        await _time.IsArmedAsync();
        _time.Advance(TimeSpan.FromSeconds(5));
        await TestChannel.AssertFailsAsync(call.ResponseAsync, StatusCode.DeadlineExceeded, "");
        await AssertNothingIsLeftAsync(client, server, 3);
    }

    [Theory]
    [InlineData("token")]
    [InlineData("dispose")]
    public async Task A_call_may_be_cancelled_between_attempts(string how)
    {
        await using TestChannel client = Channel();
        using var cancellation = new CancellationTokenSource();
        using AsyncUnaryCall<byte[]> call = client.Unary([1], new CallOptions(cancellationToken: cancellation.Token));
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.FailAsync(1, StatusCode.Unavailable);
        await _time.IsArmedAsync();
        await CancelAsync(how, call, cancellation);
        await TestChannel.AssertFailsAsync(call.ResponseAsync, StatusCode.Cancelled, "");
        Assert.Equal(StatusCode.Cancelled, call.GetStatus().StatusCode);
        await Eventually.IsTrueAsync(() => _time.LeftBy(typeof(RepeatedCall<,>)) == 0, "the wait for the next attempt to be called off");
        await AssertNothingIsLeftAsync(client, server, 3);
    }

    [Theory]
    [InlineData("token")]
    [InlineData("dispose")]
    public async Task A_call_may_be_cancelled_during_an_attempt(string how)
    {
        await using TestChannel client = Channel();
        using var cancellation = new CancellationTokenSource();
        using AsyncUnaryCall<byte[]> call = client.Unary([1], new CallOptions(cancellationToken: cancellation.Token));
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await CancelAsync(how, call, cancellation);
        await server.ExpectResetAsync(1, ErrorCode.Cancel);
        await TestChannel.AssertFailsAsync(call.ResponseAsync, StatusCode.Cancelled, "");
        await AssertNothingIsLeftAsync(client, server, 3);
    }

    /// <summary>A token may live as long as the program.</summary>
    [Fact]
    public async Task A_call_that_has_ended_is_not_kept_by_its_token()
    {
        await using TestChannel client = Channel();
        using var cancellation = new CancellationTokenSource();
        Task<WeakReference> made = CallAsync();
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.ReplyAsync(1, 7);
        WeakReference metadata = await made;
        await AssertNothingIsLeftAsync(client, server, 3);
        await Eventually.IsCollectedAsync(metadata, "the call");

        async Task<WeakReference> CallAsync()
        {
            var metadata = new Metadata();
            using AsyncUnaryCall<byte[]> call = client.Unary([1], new CallOptions(metadata, cancellationToken: cancellation.Token));
            await RawPeer.Within(call.ResponseAsync, "the response");
            return new WeakReference(metadata);
        }
    }

    private static Task CancelAsync(string how, AsyncUnaryCall<byte[]> call, CancellationTokenSource cancellation)
    {
        if (how == "token")
        {
            return cancellation.CancelAsync();
        }

        call.Dispose();
        return Task.CompletedTask;
    }

    private static async Task AssertFailsAsync(Task call) => await Assert.ThrowsAsync<RpcException>(() => RawPeer.Within(call, "the call to fail"));

    private static async Task AssertNothingIsLeftAsync(TestChannel client, RawServer server, int nextId)
    {
        await client.AssertWorksAsync(server, nextId);
        await client.AssertQuietAsync(server);
        await Eventually.IsTrueAsync(() => client.Channel.RetryBuffer.Octets == 0, "kept requests to be let go");
    }

    private TestChannel Channel(string serviceConfig = TenOneHundred, Action<MiniChannelOptions>? configure = null) => new(options =>
    {
        options.TimeProvider = _time;
        options.ServiceConfig = ServiceConfig.Parse(serviceConfig);
        configure?.Invoke(options);
    });
}
