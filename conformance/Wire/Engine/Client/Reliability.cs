using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.Client;

/// <summary>RFC 9113 section 8.7 and gRPC over HTTP/2, on a client: what may be believed of an answer, and what is done with it.</summary>
public class Reliability
{
    /// <summary>RFC 9113 section 8.1: RST_STREAM with NO_ERROR behind a complete response takes nothing of it away.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Requirement("9113-8.1-8")]
    [Requirement("grpc-errors-10")]
    public async Task A_complete_response_survives_the_reset_behind_it(bool inOneWrite)
    {
        await using var client = new TestChannel();
        using AsyncDuplexStreamingCall<byte[], byte[]> call = client.Duplex();
        RawServer server = await client.StartAsync();
        await server.ExpectAsync(FrameType.Headers, 1);
        byte[][] frames =
        [
            ReceiveBench.Frames(o => server.Headers(o, 1, endStream: false, RawServer.Headers200)),
            ReceiveBench.Frames(o => DataFrame.Write(o, 1, RawClient.Message(1), endStream: false)),
            ReceiveBench.Frames(o => DataFrame.Write(o, 1, RawClient.Message(2), endStream: false)),
            ReceiveBench.Frames(o => server.Headers(o, 1, endStream: true, "grpc-status=0", "k=v")),
            ReceiveBench.Frames(o => RstStreamFrame.Write(o, 1, ErrorCode.NoError)),
        ];
        foreach (byte[] write in inOneWrite ? [[.. frames.SelectMany(frame => frame)]] : frames)
        {
            await server.SendAsync(write);
        }

        // The client gives the stream up as well: it can't know that the server's reset is coming.
        await server.ExpectResetAsync(1, ErrorCode.NoError);
        await server.RoundTripAsync();
        Assert.True(await RawPeer.Within(call.ResponseStream.MoveNext(CancellationToken.None), "the first message"));
        Assert.Equal([1], call.ResponseStream.Current);
        Assert.True(await RawPeer.Within(call.ResponseStream.MoveNext(CancellationToken.None), "the second message"));
        Assert.Equal([2], call.ResponseStream.Current);
        Assert.False(await RawPeer.Within(call.ResponseStream.MoveNext(CancellationToken.None), "the end"));
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
        Assert.Equal("v", call.GetTrailers().GetValue("k"));
        await client.AssertWorksAsync(server, 3);
        await client.AssertQuietAsync(server);
    }

    /// <summary>RFC 9113 section 7: GOAWAY means the same whatever its code.</summary>
    [Theory]
    [InlineData(0x0eu, "0xe")]
    [InlineData(0xdeadbeefu, "0xdeadbeef")]
    [Requirement("9113-7-1")]
    [Requirement("grpc-connections-2")]
    public async Task A_goaway_with_an_unknown_code_is_a_goaway(uint code, string name)
    {
        await using var client = new TestChannel();
        Task<byte[]> below = client.Unary([1]).ResponseAsync;
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        Task<byte[]> above = client.Unary([2]).ResponseAsync;
        await server.RequestAsync(3);
        await server.SendAsync(o => GoAwayFrame.Write(o, 1, (ErrorCode)code));
        RawServer second = await client.StartAsync();
        await second.RequestAsync(1); // it was not processed there, and nor will it be here
        await second.SendAsync(o => GoAwayFrame.Write(o, 0, (ErrorCode)code));
        await TestChannel.AssertFailsAsync(above, StatusCode.Unavailable, name);
        await server.ReplyAsync(1, 5);
        Assert.Equal([5], await RawPeer.Within(below, "the response"));
        await server.ExpectEndAsync();
    }

    /// <summary>
    /// gRPC over HTTP/2, Idempotency and Retries: what may have been processed is not sent again. The connection dies with the
    /// call on it; the next one carries the next call and no other.
    /// </summary>
    [Theory]
    [InlineData("cut")]
    [InlineData("reset")]
    [InlineData("goaway")]
    [Requirement("grpc-retries-1")]
    public async Task A_call_that_may_have_been_processed_is_not_sent_again(string end)
    {
        await using var client = new TestChannel();
        Task<byte[]> call = client.Unary([1]).ResponseAsync;
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        switch (end)
        {
            case "cut": server.Cut(); break;
            case "reset": await server.SendAsync(o => RstStreamFrame.Write(o, 1, ErrorCode.InternalError)); break;
            default:
                await server.SendAsync(o => GoAwayFrame.Write(o, 1, ErrorCode.InternalError));
                await server.CloseOutputAsync();
                break;
        }

        await TestChannel.AssertFailsAsync(call, end == "reset" ? StatusCode.Internal : StatusCode.Unavailable, "");
        if (end == "reset")
        {
            await server.AssertNothingOnAsync(3);
            await client.AssertWorksAsync(server, 3);
        }
        else
        {
            Task<byte[]> next = client.Unary([2]).ResponseAsync;
            RawServer second = await client.StartAsync();
            Assert.Equal(RawClient.Message(2), (await second.RequestAsync(1)).Data);
            await second.ReplyAsync(1);
            await RawPeer.Within(next, "the response on a new connection");
            await second.AssertNothingOnAsync(3);
        }
    }

    /// <summary>
    /// gRPC over HTTP/2, Client Cancellation: the server's clock may be a moment ahead. What it then says of the call, by a reset
    /// or by trailers, is the deadline, and nothing of the trailers shows.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Requirement("grpc-cancellation-5")]
    [Requirement("grpc-cancellation-6")]
    public async Task A_call_that_the_server_cancels_after_its_deadline_has_exceeded_it(bool reset)
    {
        var time = new LateTimers();
        await using var client = new TestChannel(options => options.TimeProvider = time);
        using AsyncUnaryCall<byte[]> early = client.Unary([1], new CallOptions(deadline: time.GetUtcNow().UtcDateTime.AddSeconds(1)));
        RawServer server = await client.StartAsync();
        await CancelAsync(1);
        await TestChannel.AssertFailsAsync(early.ResponseAsync, StatusCode.Cancelled, reset ? "CANCEL" : "server says");
        using AsyncUnaryCall<byte[]> late = client.Unary([1], new CallOptions(deadline: time.GetUtcNow().UtcDateTime.AddSeconds(1)));
        time.Advance(TimeSpan.FromSeconds(1));
        await CancelAsync(3);
        Status status = await TestChannel.FailureAsync(late.ResponseAsync);
        Assert.Equal(StatusCode.DeadlineExceeded, status.StatusCode);
        Assert.DoesNotContain("server says", status.Detail, StringComparison.Ordinal);
        Assert.Empty(late.GetTrailers());
        await client.AssertWorksAsync(server, 5);

        async Task CancelAsync(int id)
        {
            await server.RequestAsync(id);
            await server.SendAsync(o =>
            {
                if (reset)
                {
                    RstStreamFrame.Write(o, id, ErrorCode.Cancel);
                }
                else
                {
                    server.Headers(o, id, endStream: true, [.. RawServer.Headers200, "grpc-status=1", "grpc-message=the server says so", "k=v"]);
                }
            });
        }
    }

    /// <summary>A clock that goes on while its timers don't: each is always about to fire.</summary>
    private sealed class LateTimers : FakeTimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            new FakeTimeProvider().CreateTimer(callback, state, dueTime, period);
    }
}
