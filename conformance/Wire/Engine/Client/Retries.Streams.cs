using Grpc.Core;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.Client;

/// <content>Calls of many requests: what was written is kept, and sent again.</content>
public partial class Retries
{
    [Fact]
    public async Task What_was_written_is_sent_again_and_what_follows_after_it()
    {
        await using TestChannel client = Channel();
        using AsyncClientStreamingCall<byte[], byte[]> call = client.Collect();
        Task written = WriteAsync(call.RequestStream, [1], [2]);
        RawServer server = await client.StartAsync();
        await ExpectMessagesAsync(server, 1, [1], [2]);
        await RawPeer.Within(written, "the writes");
        await server.FailAsync(1, StatusCode.Unavailable);
        await _time.IsArmedAsync();
        _time.Advance(TimeSpan.FromSeconds(12));
        await ExpectMessagesAsync(server, 3, [1], [2]);
        await RawPeer.Within(call.RequestStream.WriteAsync([3], TestContext.Current.CancellationToken), "the third write");
        await RawPeer.Within(call.RequestStream.CompleteAsync(), "the end of the writes");
        Assert.Equal(RawClient.Message(3), (await ReadDataAsync(server, 3)).ToArray());
        await server.ReplyAsync(3, 7);
        Assert.Equal([7], await RawPeer.Within(call.ResponseAsync, "the response"));
        await AssertNothingIsLeftAsync(client, server, 5);
    }

    [Fact]
    public async Task Requests_that_need_more_room_than_there_is_are_not_sent_again()
    {
        await using TestChannel client = Channel(configure: options => options.MaxRetryBufferPerCallSize = 1000);
        using AsyncClientStreamingCall<byte[], byte[]> call = client.Collect();
        Task written = WriteAsync(call.RequestStream, new byte[500], new byte[500]);
        RawServer server = await client.StartAsync();
        await ExpectMessagesAsync(server, 1, new byte[500], new byte[500]);
        await RawPeer.Within(written, "the writes");
        await server.FailAsync(1, StatusCode.Unavailable);
        await TestChannel.AssertFailsAsync(call.ResponseAsync, StatusCode.Unavailable, "no");
        await AssertNothingIsLeftAsync(client, server, 3);
    }

    [Fact]
    public async Task The_room_of_a_channel_is_that_of_all_its_calls()
    {
        await using TestChannel client = Channel(configure: options => options.MaxRetryBufferSize = 1000);
        using AsyncUnaryCall<byte[]> first = client.Unary(new byte[900]);
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        using AsyncUnaryCall<byte[]> second = client.Unary(new byte[900]);
        await server.RequestAsync(3);
        await server.FailAsync(3, StatusCode.Unavailable);
        await TestChannel.AssertFailsAsync(second.ResponseAsync, StatusCode.Unavailable, "no");
        await server.ReplyAsync(1, 7);
        Assert.Equal([7], await RawPeer.Within(first.ResponseAsync, "the response"));
        await AssertNothingIsLeftAsync(client, server, 5);
    }

    [Fact]
    public async Task Responses_of_a_second_attempt_are_read_as_if_there_had_been_no_first()
    {
        await using TestChannel client = Channel();
        using AsyncDuplexStreamingCall<byte[], byte[]> call = client.Duplex();
        Task<bool> read = call.ResponseStream.MoveNext(CancellationToken.None);
        Assert.Throws<InvalidOperationException>(() => { _ = call.ResponseStream.MoveNext(CancellationToken.None); });
        RawServer server = await client.StartAsync();
        await server.ExpectAsync(FrameType.Headers, 1);
        await server.FailAsync(1, StatusCode.Unavailable);
        await _time.IsArmedAsync();
        _time.Advance(TimeSpan.FromSeconds(12));
        await server.ExpectAsync(FrameType.Headers, 3);
        await server.ReplyAsync(3, 7);
        Assert.True(await RawPeer.Within(read, "the response"));
        Assert.Equal([7], call.ResponseStream.Current);
        Assert.False(await RawPeer.Within(call.ResponseStream.MoveNext(CancellationToken.None), "the end"));
        InvalidOperationException e = await Assert.ThrowsAsync<InvalidOperationException>(() => call.RequestStream.WriteAsync([1], TestContext.Current.CancellationToken));
        Assert.Contains("the call has ended", e.Message, StringComparison.Ordinal);
        await AssertNothingIsLeftAsync(client, server, 5);
    }

    /// <summary>A stream may be long: from when on an attempt was chosen, nothing is kept of what that has sent.</summary>
    [Fact]
    public async Task What_the_chosen_attempt_has_sent_is_let_go()
    {
        await using TestChannel client = Channel();
        using AsyncDuplexStreamingCall<byte[], byte[]> call = client.Duplex();
        RawServer server = await client.StartAsync();
        WeakReference before = await WriteOneAsync(1);
        await WriteOneAsync(2); // the latest is still in hand
        await ExpectMessagesAsync(server, 1, [1], [2]);
        await server.HeadersAsync(1, endStream: false, RawServer.Headers200);
        await RawPeer.Within(call.ResponseHeadersAsync, "the header list");
        await Eventually.IsCollectedAsync(before, "what was sent before");
        WeakReference since = await WriteOneAsync(3);
        await WriteOneAsync(4);
        await Eventually.IsCollectedAsync(since, "what was sent since");

        async Task<WeakReference> WriteOneAsync(byte octet)
        {
            var options = new WriteOptions(); // kept with the message
            call.RequestStream.WriteOptions = options;
            await RawPeer.Within(call.RequestStream.WriteAsync([octet], TestContext.Current.CancellationToken), "the write");
            call.RequestStream.WriteOptions = null;
            return new WeakReference(options);
        }
    }

    [Fact]
    public async Task A_call_that_has_ended_takes_no_further_request()
    {
        await using TestChannel client = Channel();
        using AsyncClientStreamingCall<byte[], byte[]> call = client.Collect();
        byte[][] ten = [.. Enumerable.Range(0, 10).Select(i => new[] { (byte)i })];
        Task written = WriteAsync(call.RequestStream, ten);
        RawServer server = await client.StartAsync();
        await ExpectMessagesAsync(server, 1, ten);
        await RawPeer.Within(written, "the writes");
        await server.FailAsync(1, StatusCode.FailedPrecondition);
        await TestChannel.AssertFailsAsync(call.ResponseAsync, StatusCode.FailedPrecondition, "no");
        WeakReference further = await WriteOneAsync();
        await WriteOneAsync();
        await WriteOneAsync(); // the latest may still be in hand
        await Eventually.IsCollectedAsync(further, "what was written after the end");
        await AssertNothingIsLeftAsync(client, server, 3);

        async Task<WeakReference> WriteOneAsync()
        {
            var options = new WriteOptions(); // kept with the message
            call.RequestStream.WriteOptions = options;
            await TestChannel.AssertFailsAsync(call.RequestStream.WriteAsync([11], TestContext.Current.CancellationToken), StatusCode.FailedPrecondition, "no");
            call.RequestStream.WriteOptions = null;
            return new WeakReference(options);
        }
    }

    private static async Task WriteAsync(IClientStreamWriter<byte[]> writer, params byte[][] messages)
    {
        foreach (byte[] message in messages)
        {
            await writer.WriteAsync(message, TestContext.Current.CancellationToken);
        }
    }

    private static async Task ExpectMessagesAsync(RawServer server, int id, params byte[][] messages)
    {
        await server.ExpectAsync(FrameType.Headers, id);
        byte[] expected = [.. messages.SelectMany(message => RawClient.Message(message))];
        var data = new List<byte>();
        while (data.Count < expected.Length)
        {
            data.AddRange((await server.ExpectAsync(FrameType.Data, id)).Payload);
        }

        Assert.Equal(expected, data);
    }

    private static async Task<List<byte>> ReadDataAsync(RawServer server, int id)
    {
        var data = new List<byte>();
        for (bool ended = false; !ended;)
        {
            RawFrame next = await server.ExpectAsync(FrameType.Data, id);
            data.AddRange(next.Payload);
            ended = next.EndStream;
        }

        return data;
    }
}
