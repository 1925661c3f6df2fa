using Grpc.Core;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.Client;

/// <content>Calls of many requests: what was sent until the server answers is kept, and goes to the second stream as it was.</content>
public partial class TransparentRetries
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Requests_that_were_sent_are_sent_once_more_and_what_follows_after_them(bool bothWays)
    {
        await using var client = new TestChannel();
        using AsyncClientStreamingCall<byte[], byte[]>? up = bothWays ? null : client.Collect();
        using AsyncDuplexStreamingCall<byte[], byte[]>? both = bothWays ? client.Duplex() : null;
        IClientStreamWriter<byte[]> requests = up?.RequestStream ?? both!.RequestStream;
        Task<bool>? read = both?.ResponseStream.MoveNext(CancellationToken.None);
        Task written = WriteAsync(requests, [1], [], [2, 3]);
        RawServer server = await client.StartAsync();
        await ExpectRequestsAsync(server, 1, [1], [], [2, 3]);
        await RawPeer.Within(written, "the writes");
        await RefuseAsync(server, 1);
        RawFrame head = await ExpectRequestsAsync(server, 3, [1], [], [2, 3]);
        Assert.Null(head["grpc-previous-rpc-attempts"]); // it counts for nothing
        AssertNothingIsKept(client);
        await RawPeer.Within(WriteAsync(requests, [4]), "the write on the second stream");
        await RawPeer.Within(requests.CompleteAsync(), "the end of the requests");
        Assert.Equal(RawClient.Message(4), await ReadToTheEndAsync(server, 3));
        await server.ReplyAsync(3, 9);
        if (both is null)
        {
            Assert.Equal([9], await RawPeer.Within(up!.ResponseAsync, "the response"));
        }
        else
        {
            Assert.True(await RawPeer.Within(read!, "the response"));
            Assert.Equal([9], both.ResponseStream.Current);
            Assert.False(await RawPeer.Within(both.ResponseStream.MoveNext(CancellationToken.None), "the end"));
        }

        await AssertNothingIsLeftAsync(client, server, 5);
    }

    [Fact]
    public async Task A_call_that_has_sent_no_request_is_sent_once_more()
    {
        await using var client = new TestChannel();
        using AsyncClientStreamingCall<byte[], byte[]> call = client.Collect();
        RawServer server = await client.StartAsync();
        await server.ExpectAsync(FrameType.Headers, 1);
        await RefuseAsync(server, 1);
        await server.ExpectAsync(FrameType.Headers, 3);
        await RawPeer.Within(WriteAsync(call.RequestStream, [1]), "the write");
        await RawPeer.Within(call.RequestStream.CompleteAsync(), "the end of the requests");
        Assert.Equal(RawClient.Message(1), await ReadToTheEndAsync(server, 3));
        await server.ReplyAsync(3, 9);
        Assert.Equal([9], await RawPeer.Within(call.ResponseAsync, "the response"));
        await AssertNothingIsLeftAsync(client, server, 5);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public async Task The_end_of_the_requests_is_sent_once_more(int count)
    {
        await using var client = new TestChannel();
        using AsyncClientStreamingCall<byte[], byte[]> call = client.Collect();
        byte[][] requests = [.. Enumerable.Range(0, count).Select(i => new[] { (byte)i })];
        Task written = WriteAsync(call.RequestStream, requests);
        RawServer server = await client.StartAsync();
        await RawPeer.Within(written, "the writes");
        await RawPeer.Within(call.RequestStream.CompleteAsync(), "the end of the requests");
        byte[] all = (await server.RequestAsync(1)).Data;
        Assert.Equal(requests.SelectMany(request => RawClient.Message(request)), all);
        await RefuseAsync(server, 1);
        Assert.Equal(all, (await server.RequestAsync(3)).Data);
        await server.ReplyAsync(3, 9);
        Assert.Equal([9], await RawPeer.Within(call.ResponseAsync, "the response"));
        await AssertNothingIsLeftAsync(client, server, 5);
    }

    /// <summary>RFC 9113 section 6.8: streams above the last one that GOAWAY names were not processed.</summary>
    [Fact]
    [Requirement("grpc-connections-3")]
    public async Task A_write_that_waits_when_the_server_goes_away_is_over_when_there_is_another_stream()
    {
        byte[] large = new byte[3000];
        await using var client = new TestChannel(options => options.AbuseLimits = new AbuseLimits { SendQueue = 1 });
        using AsyncClientStreamingCall<byte[], byte[]> call = client.Collect();
        Task written = WriteAsync(call.RequestStream, [1], large);
        RawServer server = await client.StartAsync((SettingId.InitialWindowSize, 100));
        await ReadDataAsync(server, 1, 100);
        Assert.False(written.IsCompleted);
        await server.SendAsync(o => GoAwayFrame.Write(o, 0, ErrorCode.NoError));
        RawServer second = await client.StartAsync();
        await ExpectRequestsAsync(second, 1, [1], large);
        await RawPeer.Within(written, "the write that waited");
        await RawPeer.Within(call.RequestStream.CompleteAsync(), "the end of the requests");
        Assert.Empty(await ReadToTheEndAsync(second, 1));
        await second.ReplyAsync(1, 9);
        Assert.Equal([9], await RawPeer.Within(call.ResponseAsync, "the response"));
        await server.ExpectEndAsync();
        await AssertNothingIsLeftAsync(client, second, 3);
    }

    /// <summary>A request between the two streams waits for the second; were it taken to be for the first, what is kept would be let go.</summary>
    [Fact]
    public async Task A_request_too_large_to_be_kept_that_is_written_between_the_streams_takes_nothing_away()
    {
        byte[] large = new byte[100];
        await using var client = new TestChannel(options => options.MaxRetryBufferPerCallSize = 50);
        using AsyncClientStreamingCall<byte[], byte[]> call = client.Collect();
        Task first = WriteAsync(call.RequestStream, [1]);
        RawServer server = await client.StartAsync();
        await ExpectRequestsAsync(server, 1, [1]);
        await RawPeer.Within(first, "the write");

        // It is refused, and no stream is free then.
        await server.SendAsync(o => SettingsFrame.Write(o, [(SettingId.MaxConcurrentStreams, 0)]));
        await RefuseAsync(server, 1);
        await Eventually.CallsWaitAsync(client.Channel, 1);
        Task written = WriteAsync(call.RequestStream, large);
        Assert.False(written.IsCompleted);
        await server.SendAsync(o => SettingsFrame.Write(o, [(SettingId.MaxConcurrentStreams, 1)]));
        await ExpectRequestsAsync(server, 3, [1], large);
        await RawPeer.Within(written, "the write that waited");
        await RawPeer.Within(call.RequestStream.CompleteAsync(), "the end of the requests");
        Assert.Empty(await ReadToTheEndAsync(server, 3));
        await server.ReplyAsync(3, 9);
        Assert.Equal([9], await RawPeer.Within(call.ResponseAsync, "the response"));
    }

    [Fact]
    public async Task What_is_written_while_a_refusal_comes_in_is_neither_lost_nor_doubled()
    {
        const int Calls = 50;
        const int Requests = 20;
        await using var client = new TestChannel();
        byte[] expected = [.. Enumerable.Range(0, Requests).SelectMany(i => RawClient.Message((byte)i))];
        Task<RawServer> starting = client.StartAsync();
        for (int i = 0; i < Calls; i++)
        {
            using AsyncClientStreamingCall<byte[], byte[]> call = client.Collect();
            Task written = Task.Run(
                async () =>
                {
                    await WriteAsync(call.RequestStream, [.. Enumerable.Range(0, Requests).Select(number => new[] { (byte)number })]);
                    await call.RequestStream.CompleteAsync();
                },
                TestContext.Current.CancellationToken);
            RawServer server = await starting;
            int id = (4 * i) + 1;
            await server.ExpectAsync(FrameType.Headers, id);
            await RefuseAsync(server, id);
            Assert.Equal(expected, (await server.RequestAsync(id + 2)).Data);
            await server.ReplyAsync(id + 2, 9);
            Assert.Equal([9], await RawPeer.Within(call.ResponseAsync, "the response"));
            await RawPeer.Within(written, "the writes");
        }

        await AssertNothingIsLeftAsync(client, await starting, (4 * Calls) + 1);
    }

    /// <summary>A marshaller is asked once for each message, and what it has written is sent twice.</summary>
    [Fact]
    public async Task Requests_are_written_once()
    {
        int written = 0;
        Marshaller<byte[]> counting = Marshallers.Create(
            message =>
            {
                written++;
                return message;
            },
            octets => octets);
        await using var client = new TestChannel();
        var method = new Method<byte[], byte[]>(MethodType.ClientStreaming, "test", "Counted", counting, counting);
        using AsyncClientStreamingCall<byte[], byte[]> call = client.Invoker.AsyncClientStreamingCall(method, null, default);
        Task sent = WriteAsync(call.RequestStream, [1], [2]);
        RawServer server = await client.StartAsync();
        await ExpectRequestsAsync(server, 1, [1], [2]);
        await RawPeer.Within(sent, "the writes");
        await RefuseAsync(server, 1);
        await ExpectRequestsAsync(server, 3, [1], [2]);
        Assert.Equal(2, written);
    }

    private static async Task WriteAsync(IClientStreamWriter<byte[]> writer, params byte[][] messages)
    {
        foreach (byte[] message in messages)
        {
            await writer.WriteAsync(message, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>The header list of a stream, which these requests follow, and no others yet.</summary>
    private static async Task<RawFrame> ExpectRequestsAsync(RawServer server, int id, params byte[][] requests)
    {
        RawFrame head = await server.ExpectAsync(FrameType.Headers, id);
        byte[] expected = [.. requests.SelectMany(request => RawClient.Message(request))];
        Assert.Equal(expected, await ReadDataAsync(server, id, expected.Length));
        return head;
    }

    private static async Task<List<byte>> ReadDataAsync(RawServer server, int id, int octets)
    {
        var data = new List<byte>();
        while (data.Count < octets)
        {
            data.AddRange((await server.ExpectAsync(FrameType.Data, id)).Payload);
        }

        return data;
    }

    private static async Task<List<byte>> ReadToTheEndAsync(RawServer server, int id)
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

    private static void AssertNothingIsKept(TestChannel client) => Assert.Equal(0, client.Channel.RetryBuffer.Octets);

    private static async Task AssertNothingIsLeftAsync(TestChannel client, RawServer server, int nextId)
    {
        await client.AssertWorksAsync(server, nextId);
        await client.AssertQuietAsync(server);
        await Eventually.IsTrueAsync(() => client.Channel.RetryBuffer.Octets == 0, "kept requests to be let go");
    }
}
