using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Client.Repeating;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.Client;

/// <content>Calls of many requests that are not sent once more, or whose end comes in between; how much is kept, and for how long.</content>
public partial class TransparentRetries
{
    private static readonly DateTimeOffset s_now = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task A_streaming_call_that_is_refused_again_fails()
    {
        await using var client = new TestChannel();
        using AsyncClientStreamingCall<byte[], byte[]> call = client.Collect();
        Task written = WriteAsync(call.RequestStream, [1]);
        RawServer server = await client.StartAsync();
        foreach (int id in new[] { 1, 3 })
        {
            await ExpectRequestsAsync(server, id, [1]);
            await RefuseAsync(server, id);
        }

        await RawPeer.Within(written, "the write");
        Status status = await TestChannel.FailureAsync(call.ResponseAsync);
        Assert.Equal((StatusCode.Unavailable, "The server reset the stream: REFUSED_STREAM."), (status.StatusCode, status.Detail));
        await TestChannel.AssertFailsAsync(WriteAsync(call.RequestStream, [2]), StatusCode.Unavailable, "REFUSED_STREAM");
        await AssertNothingIsLeftAsync(client, server, 5);
    }

    [Fact]
    public async Task A_streaming_call_that_was_answered_is_not_sent_once_more()
    {
        await using var client = new TestChannel();
        using AsyncClientStreamingCall<byte[], byte[]> call = client.Collect();
        Task written = WriteAsync(call.RequestStream, [1]);
        RawServer server = await client.StartAsync();
        await ExpectRequestsAsync(server, 1, [1]);
        await RawPeer.Within(written, "the write");
        Assert.NotEqual(0, client.Channel.RetryBuffer.Octets);
        await server.HeadersAsync(1, endStream: false, RawServer.Headers200);
        await RawPeer.Within(call.ResponseHeadersAsync, "the response's header list");
        AssertNothingIsKept(client);
        await RefuseAsync(server, 1);
        await TestChannel.AssertFailsAsync(call.ResponseAsync, StatusCode.Unavailable, "REFUSED_STREAM");
        await AssertNothingIsLeftAsync(client, server, 3);
    }

    /// <summary>64 KiB for a call, or what the options say if that is less, and half of what they say for all calls.</summary>
    [Theory]
    [InlineData(null, null, (64 * 1024) - 10, true)]
    [InlineData(null, null, (64 * 1024) - 9, false)]
    [InlineData(null, 3 * 64 * 1024, 1000, true)]
    [InlineData(1000, null, 990, true)]
    [InlineData(1000, null, 991, false)]
    [InlineData(0, null, 0, false)]
    [InlineData(null, 1024, 500, true)]
    [InlineData(null, 1023, 500, false)]
    public async Task Requests_that_need_more_room_than_there_is_are_not_sent_once_more(int? perCall, int? perChannel, int length, bool fits)
    {
        await using var client = new TestChannel(options =>
        {
            options.MaxRetryBufferPerCallSize = perCall ?? options.MaxRetryBufferPerCallSize;
            options.MaxRetryBufferSize = perChannel ?? options.MaxRetryBufferSize;
        });
        using AsyncClientStreamingCall<byte[], byte[]> call = client.Collect();
        byte[] request = new byte[length];
        Task written = WriteAsync(call.RequestStream, [], request);
        RawServer server = await client.StartAsync((SettingId.InitialWindowSize, 1024 * 1024));
        await server.SendAsync(o => WindowUpdateFrame.Write(o, 0, 1024 * 1024));
        await ExpectRequestsAsync(server, 1, [], request);
        await RawPeer.Within(written, "the writes");
        await RefuseAsync(server, 1);
        if (fits)
        {
            await ExpectRequestsAsync(server, 3, [], request);
            await server.ReplyAsync(3, 9);
            Assert.Equal([9], await RawPeer.Within(call.ResponseAsync, "the response"));
        }
        else
        {
            await TestChannel.AssertFailsAsync(call.ResponseAsync, StatusCode.Unavailable, "REFUSED_STREAM. (More requests had been sent than are kept to be sent again.)");
        }

        await AssertNothingIsLeftAsync(client, server, fits ? 5 : 3);
    }

    [Theory]
    [InlineData("token")]
    [InlineData("dispose")]
    [InlineData("deadline")]
    public async Task A_call_that_waits_for_its_second_stream_can_be_ended(string how)
    {
        var time = new FakeTimeProvider(s_now);
        await using var client = new TestChannel(options => options.TimeProvider = time);
        using var source = new CancellationTokenSource();
        using AsyncClientStreamingCall<byte[], byte[]> call =
            client.Collect(new CallOptions(deadline: s_now.UtcDateTime.AddSeconds(5), cancellationToken: source.Token));
        Task written = WriteAsync(call.RequestStream, [1]);
        RawServer server = await client.StartAsync();
        await ExpectRequestsAsync(server, 1, [1]);
        await RawPeer.Within(written, "the first write");
        await server.SendAsync(o => SettingsFrame.Write(o, [(SettingId.MaxConcurrentStreams, 0)]));
        await RefuseAsync(server, 1);
        await Eventually.CallsWaitAsync(client.Channel, 1);
        Task waiting = WriteAsync(call.RequestStream, [2]);
        Assert.False(waiting.IsCompleted);
        switch (how)
        {
            case "token": await source.CancelAsync(); break;
            case "dispose": call.Dispose(); break;
            default: time.Advance(TimeSpan.FromSeconds(5)); break;
        }

        StatusCode expected = how == "deadline" ? StatusCode.DeadlineExceeded : StatusCode.Cancelled;
        await TestChannel.AssertFailsAsync(call.ResponseAsync, expected, "");
        await TestChannel.AssertFailsAsync(waiting, expected, "");
        await server.SendAsync(o => SettingsFrame.Write(o, [(SettingId.MaxConcurrentStreams, 100)]));
        await AssertNothingIsLeftAsync(client, server, 3); // the next stream is the next call's
    }

    [Fact]
    public async Task The_deadline_goes_on()
    {
        var time = new FakeTimeProvider(s_now);
        await using var client = new TestChannel(options => options.TimeProvider = time);
        using AsyncClientStreamingCall<byte[], byte[]> call = client.Collect(new CallOptions(deadline: s_now.UtcDateTime.AddSeconds(5)));
        RawServer server = await client.StartAsync();
        Assert.Equal("5000000u", (await server.ExpectAsync(FrameType.Headers, 1))["grpc-timeout"]);
        time.Advance(TimeSpan.FromSeconds(2));
        await RefuseAsync(server, 1);
        Assert.Equal("3000000u", (await server.ExpectAsync(FrameType.Headers, 3))["grpc-timeout"]);
        time.Advance(TimeSpan.FromSeconds(3));
        await server.ExpectResetAsync(3, ErrorCode.Cancel);
        await TestChannel.AssertFailsAsync(call.ResponseAsync, StatusCode.DeadlineExceeded, "");
    }

    /// <summary>A server must not take what is left of a call for the whole of it.</summary>
    [Fact]
    public async Task A_call_that_ends_as_its_second_stream_is_opened_does_not_say_that_its_requests_are_complete()
    {
        var time = new AskedClock();
        await using var client = new TestChannel(options => options.TimeProvider = time);
        using AsyncClientStreamingCall<byte[], byte[]> call = client.Collect(new CallOptions(deadline: s_now.UtcDateTime.AddSeconds(5)));
        Task written = WriteAsync(call.RequestStream, [1]);
        RawServer server = await client.StartAsync();
        await RawPeer.Within(written, "the write");
        await RawPeer.Within(call.RequestStream.CompleteAsync(), "the end of the requests");
        await server.RequestAsync(1);
        time.WhenAsked(call.Dispose); // how much time is left is asked for after it was seen that the call goes on
        await RefuseAsync(server, 1);
        Assert.False((await server.ExpectAsync(FrameType.Headers, 3)).EndStream);
        await server.ExpectResetAsync(3, ErrorCode.Cancel);
        await server.AssertNothingOnAsync(3);
        await TestChannel.AssertFailsAsync(call.ResponseAsync, StatusCode.Cancelled, "");
        await AssertNothingIsLeftAsync(client, server, 5);
    }

    /// <summary>Its log is there for all attempts, refused ones as well.</summary>
    [Fact]
    public async Task A_call_with_a_retry_policy_keeps_its_requests_once()
    {
        await using var client = new TestChannel(options => options.ServiceConfig = ServiceConfig.Parse(
            """
            {"methodConfig": [{"name": [{}], "retryPolicy":
                {"maxAttempts": 2, "initialBackoff": "1s", "maxBackoff": "1s", "backoffMultiplier": 1, "retryableStatusCodes": ["ABORTED"]}}]}
            """));
        using AsyncClientStreamingCall<byte[], byte[]> call = client.Collect();
        Task written = WriteAsync(call.RequestStream, [1]);
        RawServer server = await client.StartAsync();
        await ExpectRequestsAsync(server, 1, [1]);
        await RawPeer.Within(written, "the write");
        Assert.Equal(1 + 64, client.Channel.RetryBuffer.Octets);
        await RefuseAsync(server, 1);
        await ExpectRequestsAsync(server, 3, [1]);
        await server.ReplyAsync(3, 9);
        Assert.Equal([9], await RawPeer.Within(call.ResponseAsync, "the response"));
        await AssertNothingIsLeftAsync(client, server, 5);
    }

    [Fact]
    public void Calls_without_a_policy_leave_half_of_the_room_to_the_others()
    {
        var room = new RetryBuffer(limit: 1000);
        Assert.True(room.TryTakeSpare(500));
        Assert.False(room.TryTakeSpare(1));
        Assert.True(room.TryTake(500));
        room.Return(600);
        Assert.False(room.TryTakeSpare(101));
        Assert.True(room.TryTakeSpare(100));
        Assert.True(new RetryBuffer(limit: null).TryTakeSpare(long.MaxValue));
    }

    /// <summary>A clock that stands still, and does something the next time that it is asked for the time of day.</summary>
    private sealed class AskedClock() : FakeTimeProvider(s_now)
    {
        private Action? _onAsked;

        public void WhenAsked(Action action) => Volatile.Write(ref _onAsked, action);

        public override long GetTimestamp() => 0; // the base class would ask for the time of day

        public override DateTimeOffset GetUtcNow()
        {
            Interlocked.Exchange(ref _onAsked, null)?.Invoke();
            return base.GetUtcNow();
        }
    }
}
