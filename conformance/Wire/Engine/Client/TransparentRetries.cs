using Grpc.Core;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.Client;

/// <summary>
/// gRFC A6, transparent retries: what the server has certainly not looked at (RFC 9113 section 8.7) is sent once more, without any policy.
/// </summary>
public partial class TransparentRetries
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_refused_call_is_sent_once_more(bool streaming)
    {
        await using var client = new TestChannel();
        using AsyncServerStreamingCall<byte[]>? many = streaming ? client.Spread([1, 2]) : null;
        using AsyncUnaryCall<byte[]>? one = streaming ? null : client.Unary([1, 2]);
        Task<bool>? read = many?.ResponseStream.MoveNext(CancellationToken.None);
        RawServer server = await client.StartAsync();
        Assert.Equal(RawClient.Message(1, 2), (await server.RequestAsync(1)).Data);
        await RefuseAsync(server, 1);
        (RawFrame head, byte[] data) = await server.RequestAsync(3);
        Assert.Equal(RawClient.Message(1, 2), data);
        Assert.Null(head["grpc-previous-rpc-attempts"]); // it counts for nothing
        await server.ReplyAsync(3, 9);
        if (many is null)
        {
            Assert.Equal([9], await RawPeer.Within(one!.ResponseAsync, "the response"));
        }
        else
        {
            Assert.True(await RawPeer.Within(read!, "the response"));
            Assert.Equal([9], many.ResponseStream.Current);
            Assert.False(await RawPeer.Within(many.ResponseStream.MoveNext(CancellationToken.None), "the end"));
        }

        await client.AssertWorksAsync(server, 5);
        await client.AssertQuietAsync(server);
    }

    [Fact]
    public async Task A_call_that_is_refused_again_fails()
    {
        await using var client = new TestChannel();
        using AsyncUnaryCall<byte[]> call = client.Unary([1]);
        RawServer server = await client.StartAsync();
        foreach (int id in new[] { 1, 3 })
        {
            await server.RequestAsync(id);
            await RefuseAsync(server, id);
        }

        await TestChannel.AssertFailsAsync(call.ResponseAsync, StatusCode.Unavailable, "REFUSED_STREAM");
        await client.AssertWorksAsync(server, 5);
        await client.AssertQuietAsync(server);
    }

    [Fact]
    public async Task A_call_that_was_answered_is_not_sent_once_more()
    {
        await using var client = new TestChannel();
        using AsyncUnaryCall<byte[]> call = client.Unary([1]);
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.HeadersAsync(1, endStream: false, RawServer.Headers200);
        await RefuseAsync(server, 1);
        await TestChannel.AssertFailsAsync(call.ResponseAsync, StatusCode.Unavailable, "REFUSED_STREAM");
        await client.AssertWorksAsync(server, 3);
        await client.AssertQuietAsync(server);
    }

    private static Task RefuseAsync(RawServer server, int id) => server.SendAsync(o => RstStreamFrame.Write(o, id, ErrorCode.RefusedStream));
}
