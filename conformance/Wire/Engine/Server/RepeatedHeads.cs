using System.IO.Compression;
using Microsoft.Extensions.Time.Testing;
using MiniGrpc.Server;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Hpack;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Wire.Engine.Server;

/// <summary>
/// Requests whose heads are the same, octet for octet (fast path 5 of docs/design.md): what a head asks for is done each time, as it was
/// when the head came first.
/// </summary>
public class RepeatedHeads
{
    /// <summary>The first time a block is decoded, the second time it is kept with what was made of it, and then both are found again.</summary>
    private const int Times = 5;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Every_call_is_that_of_its_own_method(bool inserts)
    {
        await using var server = new TestServer();
        RawClient client = await StartAsync(server, inserts);
        for (int i = 0; i < Times; i++)
        {
            int id = 1 + (6 * i);
            await client.AssertWorksAsync(id);
            await client.AssertWorksAsync(id + 2, "Collect");
            await client.RequestAsync(id + 4, "Spread");
            await client.DataAsync(id + 4, RawClient.Message(1, 2, 3), endStream: true);
            byte[] spread = (await client.ResponseAsync(id + 4)).Data;
            Assert.Equal([.. RawClient.Message(1), .. RawClient.Message(2), .. RawClient.Message(3)], spread);
        }

        Assert.Equal(3, Known(server).Count(block => block.Reading is MethodHandler));
        await server.AssertQuietAsync(client);
    }

    /// <summary>gRPC over HTTP/2, Timeout: the time runs from when the request comes in.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_timeout_holds_for_every_call(bool inserts)
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = new TestServer(options => options.TimeProvider = time);
        RawClient client = await StartAsync(server, inserts);
        for (int i = 0; i < Times; i++)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            await CallAsync(client, 1 + (4 * i), "grpc-timeout=10S");
            Assert.Equal(time.GetUtcNow().UtcDateTime.AddSeconds(10), server.Service.Calls.Last().Deadline);
            await CallAsync(client, 3 + (4 * i));
            Assert.Equal(DateTime.MaxValue, server.Service.Calls.Last().Deadline);
        }

        Task started = server.Service.HoldUnary();
        const int Last = 1 + (4 * Times);
        await client.RequestAsync(Last, "Unary", "grpc-timeout=10S");
        await client.DataAsync(Last, RawClient.Message(1), endStream: true);
        await RawPeer.Within(started, "the handler to start");
        time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal("4", (await client.ResponseAsync(Last)).Status);
    }

    /// <summary>compression.md: the messages of a call are in the encoding that its own head names.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_encoding_holds_for_every_call(bool inserts)
    {
        await using var server = new TestServer(options => options.CompressionProviders.Add(new GzipCompressionProvider(CompressionLevel.Fastest)));
        RawClient client = await StartAsync(server, inserts);
        byte[] zipped = Zip([1, 2, 3]);
        for (int i = 0; i < Times; i++)
        {
            int id = 1 + (4 * i);
            await client.RequestAsync(id, "Unary", "grpc-encoding=gzip");
            await client.DataAsync(id, [1, 0, 0, 0, (byte)zipped.Length, .. zipped], endStream: true);
            Assert.Equal(RawClient.Message(1, 2, 3), (await client.ResponseAsync(id)).Data);
            await client.RequestAsync(id + 2, "Unary");
            await client.DataAsync(id + 2, [1, 0, 0, 0, (byte)zipped.Length, .. zipped], endStream: true);
            Assert.Equal("13", (await client.ResponseAsync(id + 2)).Status); // compressed, and its head says nothing of it
        }
    }

    /// <summary>Each of the heads comes again, and so does the stream that has served the call before.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Every_handler_sees_the_metadata_of_its_own_call(bool inserts)
    {
        await using var server = new TestServer();
        RawClient client = await StartAsync(server, inserts);
        string[] seen = [];
        server.Service.Unary = (request, context) =>
        {
            seen = [.. context.RequestHeaders.Select(entry => $"{entry.Key}={entry.Value}")];
            return Task.FromResult(request);
        };
        string[][] metadata = [[], ["key=1"], ["key=2", "other=3"], ["key=1", "key=2"]];
        for (int i = 0; i < Times * metadata.Length; i++)
        {
            string[] sent = metadata[i % metadata.Length];
            await CallAsync(client, 1 + (2 * i), sent);
            Assert.Equal(sent, seen);
        }

        // What comes only once is decoded into a list that has stood for known blocks.
        const int Last = 1 + (2 * Times * 4);
        await CallAsync(client, Last, "once=1");
        Assert.Equal(["once=1"], seen);
        Assert.Equal(metadata.Length, Known(server).Count(block => block.Reading is MethodHandler));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_unknown_method_is_unimplemented_each_time(bool inserts)
    {
        await using var server = new TestServer();
        RawClient client = await StartAsync(server, inserts);
        for (int i = 0; i < Times; i++)
        {
            int id = 1 + (4 * i);
            await client.HeadersAsync(id, endStream: true, RawClient.RequestFields("Nothing"));
            Assert.Equal("12", (await client.ResponseAsync(id)).Status);
            await client.AssertWorksAsync(id + 2);
        }
    }

    /// <summary>gRPC over HTTP/2, Requests: what is no gRPC request is refused in HTTP's words.</summary>
    [Theory]
    [InlineData(":method=GET", "content-type=application/grpc", "405")]
    [InlineData(":method=POST", "content-type=text/plain", "415")]
    public async Task What_is_no_grpc_is_refused_each_time(string method, string type, string status)
    {
        await using var server = new TestServer();
        RawClient client = await StartAsync(server, inserts: false);
        for (int i = 0; i < Times; i++)
        {
            int id = 1 + (4 * i);
            await client.HeadersAsync(id, endStream: true, method, ":scheme=http", ":path=/test/Unary", "te=trailers", type);
            Assert.Equal(status, (await client.ResponseAsync(id)).Head[":status"]);
            await client.AssertWorksAsync(id + 2);
        }
    }

    /// <summary>A request that its handler can't use is not known by its handler: the reason is found each time.</summary>
    [Theory]
    [InlineData("grpc-timeout=1", "13")]
    [InlineData("grpc-encoding=snappy", "12")]
    [InlineData("data-bin=*", "13")]
    public async Task A_head_that_is_refused_is_refused_each_time(string field, string status)
    {
        await using var server = new TestServer();
        RawClient client = await StartAsync(server, inserts: false);
        for (int i = 0; i < Times; i++)
        {
            int id = 1 + (4 * i);
            await client.HeadersAsync(id, endStream: true, RawClient.RequestFields("Unary", field));
            Assert.Equal(status, (await client.ResponseAsync(id)).Status);
            await client.AssertWorksAsync(id + 2);
        }
    }

    /// <summary>RFC 9113 section 8.1.1: content-length is held against the DATA of each stream.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_content_length_is_checked_each_time(bool inserts)
    {
        await using var server = new TestServer();
        RawClient client = await StartAsync(server, inserts);
        byte[] message = RawClient.Message(1, 2, 3);
        for (int i = 0; i < Times; i++)
        {
            int id = 1 + (4 * i);
            await client.RequestAsync(id, "Unary", $"content-length={message.Length}");
            await client.DataAsync(id, message, endStream: true);
            Assert.Equal("0", (await client.ResponseAsync(id)).Status);
            await client.RequestAsync(id + 2, "Unary", $"content-length={message.Length}");
            await client.DataAsync(id + 2, RawClient.Message(1, 2), endStream: true);
            await client.ExpectResetAsync(id + 2, ErrorCode.ProtocolError);
        }
    }

    /// <summary>The end of the request is the frame's to say, not the block's.</summary>
    [Fact]
    public async Task A_known_head_may_end_the_request_or_not()
    {
        await using var server = new TestServer();
        RawClient client = await StartAsync(server, inserts: false);
        for (int i = 0; i < Times; i++)
        {
            int id = 1 + (4 * i);
            await client.AssertWorksAsync(id, "Collect");
            await client.HeadersAsync(id + 2, endStream: true, RawClient.RequestFields("Collect"));
            RawResponse response = await client.ResponseAsync(id + 2);
            Assert.Equal("0", response.Status);
            Assert.Equal(RawClient.Message(), response.Data);
        }
    }

    private static async Task<RawClient> StartAsync(TestServer server, bool inserts)
    {
        RawClient client = await server.StartAsync();
        client.Indexing = inserts ? Indexing.Incremental : Indexing.Without;
        return client;
    }

    private static List<RepeatedBlock> Known(TestServer server) => Internals.KnownBlocksOf(Internals.ConnectionsOf(server.Core).Single());

    private static async Task CallAsync(RawClient client, int id, params string[] more)
    {
        await client.RequestAsync(id, "Unary", more);
        await client.DataAsync(id, RawClient.Message(1), endStream: true);
        Assert.Equal("0", (await client.ResponseAsync(id)).Status);
    }

    private static byte[] Zip(byte[] octets)
    {
        var zipped = new MemoryStream();
        using (var gzip = new GZipStream(zipped, CompressionLevel.Fastest))
        {
            gzip.Write(octets);
        }

        return zipped.ToArray();
    }
}
