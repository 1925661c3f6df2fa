using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.BothEnds;

/// <summary>RFC 9113 section 6.8: what comes after GOAWAY, of either end.</summary>
public class Section6_8_GoAway
{
    /// <summary>RFC 9113 section 6.8: streams above the last one are ignored, but not what they do to the connection.</summary>
    [Fact]
    [Requirement("9113-6.8-7")]
    [Requirement("9113-6.8-8")]
    public async Task What_comes_on_streams_above_the_last_one_still_counts_for_the_connection()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Collect");
        await client.DataAsync(1, RawClient.Message(1));
        await BeginShutdownAsync(server, client, lastStreamId: 1);
        string[] enter = [.. Enumerable.Range(0, 30).Select(i => $"enters=the table {i}")];
        await client.RequestAsync(3, "Collect", enter);
        await client.ExpectResetAsync(3, ErrorCode.RefusedStream);
        byte[] data = new byte[16_384];
        for (int sent = 0; sent < 3 * new ReceiveLimits().ConnectionWindow; sent += data.Length)
        {
            while (client.ConnectionCredit < data.Length)
            {
                await client.ExpectAsync(FrameType.WindowUpdate);
            }

            await client.DataAsync(3, data);
        }

        // Trailers that only decode when the block of stream 3 has: an index that its entries have moved up there.
        await client.HeadersAsync(1, endStream: true, enter[0]);
        RawResponse response = await client.ResponseAsync(1);
        Assert.Equal("0", response.Status);
        await client.CloseOutputAsync();
        await client.ExpectEndAsync();
    }

    /// <summary>An error during a shutdown is told by a further GOAWAY, whose last stream is no higher than the one before.</summary>
    [Fact]
    [Requirement("9113-5.4-2")]
    [Requirement("9113-6.8-5")]
    public async Task An_error_during_a_shutdown_does_not_raise_the_last_stream()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Collect");
        await BeginShutdownAsync(server, client, lastStreamId: 1);
        await client.RequestAsync(3, "Collect");
        await client.ExpectResetAsync(3, ErrorCode.RefusedStream);
        await client.FrameAsync(FrameType.Ping, FrameFlags.None, 1, new byte[8]);
        await client.ExpectGoAwayAndEndAsync(ErrorCode.ProtocolError, 1, "6.7");
        Assert.Equal(0, client.CountKept(FrameType.GoAway));
        await server.AssertEndedAsync();
    }

    /// <summary>A client that the server has asked to leave says goodbye as well, when its last call is over.</summary>
    [Fact]
    [Requirement("9113-5.4.1-3")]
    [Requirement("9113-6.8-2")]
    [Requirement("9113-6.8-3")]
    public async Task A_client_that_has_no_more_use_for_a_connection_sends_goaway_before_it_closes()
    {
        await using var client = new TestChannel();
        Task<byte[]> call = client.Unary([1]).ResponseAsync;
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.SendAsync(o => GoAwayFrame.Write(o, 1, ErrorCode.NoError));
        await server.RoundTripAsync();
        Assert.Equal(0, server.CountKept(FrameType.GoAway));
        await server.ReplyAsync(1, 9);
        RawFrame farewell = await server.ExpectAsync(FrameType.GoAway);
        Assert.Equal((0, ErrorCode.NoError), (farewell.Number, farewell.ErrorCode));
        await server.ExpectEndAsync();
        Assert.Equal(0, server.CountKept(FrameType.GoAway));
        Assert.Equal([9], await RawPeer.Within(call, "the response"));
    }

    /// <summary>The two GOAWAYs of a server's shutdown may come together.</summary>
    [Fact]
    public async Task A_client_that_is_asked_to_go_twice_says_goodbye_once()
    {
        await using var client = new TestChannel();
        Task<byte[]> call = client.Unary([1]).ResponseAsync;
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.ReplyAsync(1, 9);
        Assert.Equal([9], await RawPeer.Within(call, "the response"));
        await server.SendAsync(o =>
        {
            GoAwayFrame.Write(o, int.MaxValue, ErrorCode.NoError);
            GoAwayFrame.Write(o, 1, ErrorCode.NoError);
        });
        await server.ExpectAsync(FrameType.GoAway);
        await server.ExpectEndAsync();
        Assert.Equal(0, server.CountKept(FrameType.GoAway));
    }

    private static async Task BeginShutdownAsync(TestServer server, RawClient client, int lastStreamId)
    {
        await client.RoundTripAsync();
        server.Core.BeginShutdown();
        Assert.Equal(int.MaxValue, (await client.ExpectAsync(FrameType.GoAway)).Number);
        await client.AnswerAsync(await client.ExpectAsync(FrameType.Ping));
        Assert.Equal(lastStreamId, (await client.ExpectAsync(FrameType.GoAway)).Number);
    }
}
