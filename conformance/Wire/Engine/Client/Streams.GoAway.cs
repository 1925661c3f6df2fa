using Grpc.Core;
using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.Client;

/// <content>What becomes of streams when the server goes away (RFC 9113 section 6.8).</content>
public partial class Streams
{
    /// <summary>RFC 9113 section 6.8: streams up to the last one go on; those above were not processed.</summary>
    [Fact]
    [Requirement("grpc-connections-2")]
    [Requirement("grpc-connections-3")]
    [Requirement("9113-6.8-1")]
    public async Task A_goaway_splits_the_calls_at_its_last_stream_and_new_ones_get_a_new_connection()
    {
        await using var client = new TestChannel();
        Task<byte[]> below = client.Unary([1]).ResponseAsync;
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        Task<byte[]> above = client.Unary([2]).ResponseAsync;
        await server.RequestAsync(3);
        Http2Connection connection = Internals.ReadyConnectionOf(client.Channel)!;
        Assert.Equal(OpenResult.Opened, connection.CanOpen);
        await server.SendAsync(o => GoAwayFrame.Write(o, 1, ErrorCode.NoError, "restart"u8));
        RawServer second = await client.StartAsync();
        Assert.Equal(RawClient.Message(2), (await second.RequestAsync(1)).Data); // not processed there, and so sent again here
        await second.ReplyAsync(1, 4);
        Assert.Equal([4], await RawPeer.Within(above, "the response on the new connection"));
        Assert.False(below.IsCompleted);
        Assert.Equal(OpenResult.GoingAway, connection.CanOpen);

        Task<byte[]> next = client.Unary([3]).ResponseAsync;
        Assert.Equal(RawClient.Message(3), (await second.RequestAsync(3)).Data);
        await second.ReplyAsync(3, 6);
        Assert.Equal([6], await RawPeer.Within(next, "the next response on the new connection"));

        await server.ReplyAsync(1, 5);
        Assert.Equal([5], await RawPeer.Within(below, "the response on the old connection"));
        await server.ExpectEndAsync(); // the client closes the old connection with its last stream
        await client.AssertQuietAsync(second);
    }

    /// <summary>RFC 9113 section 6.8: a graceful shutdown in two steps loses no call.</summary>
    [Fact]
    public async Task A_graceful_shutdown_of_the_server_loses_no_call()
    {
        await using var client = new TestChannel();
        Task<byte[]> call = client.Unary([1]).ResponseAsync;
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.SendAsync(o =>
        {
            GoAwayFrame.Write(o, int.MaxValue, ErrorCode.NoError);
            PingFrame.Write(o, isAck: false, 1);
        });
        await server.ExpectAsync(FrameType.Ping, 0, FrameFlags.Ack);
        await server.SendAsync(o => GoAwayFrame.Write(o, 1, ErrorCode.NoError));
        await server.ReplyAsync(1, 5);
        Assert.Equal([5], await RawPeer.Within(call, "the response"));
        await server.ExpectEndAsync();
    }

    [Fact]
    public async Task Calls_that_a_goaway_leaves_and_the_connection_then_drops_are_told_of_both()
    {
        await using var client = new TestChannel();
        Task<byte[]> call = client.Unary([1]).ResponseAsync;
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.SendAsync(o => GoAwayFrame.Write(o, 1, ErrorCode.EnhanceYourCalm, "too_many_pings"u8));
        await server.CloseOutputAsync();
        await TestChannel.AssertFailsAsync(call, StatusCode.Unavailable, "ENHANCE_YOUR_CALM \"too_many_pings\"");
    }

    [Fact]
    [Requirement("9113-6.8-1")]
    public async Task Calls_that_wait_for_a_stream_move_to_a_new_connection_when_the_server_goes_away()
    {
        await using var client = new TestChannel();
        Task<byte[]> first = client.Unary([1]).ResponseAsync;
        RawServer server = await client.StartAsync((SettingId.MaxConcurrentStreams, 1));
        await server.RequestAsync(1);
        Task<byte[]> waiting = client.Unary([2]).ResponseAsync;
        await server.AssertNothingOnAsync(3);
        await server.SendAsync(o => GoAwayFrame.Write(o, 1, ErrorCode.NoError));
        RawServer second = await client.StartAsync();
        Assert.Equal(RawClient.Message(2), (await second.RequestAsync(1)).Data);
        await second.ReplyAsync(1, 2);
        Assert.Equal([2], await RawPeer.Within(waiting, "the response on the new connection"));
        await server.ReplyAsync(1, 1);
        Assert.Equal([1], await RawPeer.Within(first, "the response on the old connection"));
    }
}
