using System.IO.Compression;
using Grpc.Core;
using MiniGrpc.Server;
using MiniGrpc.Wire;

namespace MiniGrpc.Conformance.Wire.Engine.Server;

/// <summary>compression.md on a server: when its responses are compressed, and when not.</summary>
public class Compression
{
    private static readonly byte[] s_request = [.. Enumerable.Repeat((byte)'a', 1000)];

    /// <summary>compression.md, test case 1: nothing is compressed unless somebody asks for it.</summary>
    [Fact]
    [Requirement("grpc-compression-8")]
    [Requirement("grpc-messages-4")]
    public async Task Responses_are_plain_by_default_whatever_the_client_accepts()
    {
        RawResponse response = await CallAsync(options => options.CompressionProviders.Add(Gzip), "grpc-accept-encoding=identity,gzip");
        AssertPlain(response);
    }

    /// <summary>compression.md, test case 3: what is to be compressed in one way is compressed in that way.</summary>
    [Theory]
    [InlineData("identity,gzip,deflate")]
    [InlineData("gzip")]
    [Requirement("grpc-compression-10")]
    [Requirement("grpc-messages-2")]
    public async Task Responses_are_compressed_as_the_server_is_set_to(string accept)
    {
        RawResponse response = await CallAsync(Compressing, "grpc-accept-encoding=" + accept);
        Assert.Equal("gzip", response.Head["grpc-encoding"]);
        Assert.Equal((byte)1, response.Data[0]);
        Assert.Equal(s_request, Unzip(response.Data.AsSpan(5)));
    }

    /// <summary>compression.md: a client gets nothing that it doesn't say it understands.</summary>
    [Theory]
    [InlineData("grpc-accept-encoding=identity")]
    [InlineData("grpc-accept-encoding=deflate,snappy")]
    [InlineData("x=no grpc-accept-encoding")]
    [Requirement("grpc-compression-6")]
    [Requirement("grpc-messages-4")]
    public async Task Responses_are_plain_where_the_client_does_not_accept_the_encoding(string field) =>
        AssertPlain(await CallAsync(Compressing, field));

    /// <summary>compression.md, "Specific Disabling": the next message is sent as it is, in a stream that is otherwise compressed.</summary>
    [Fact]
    [Requirement("grpc-compression-7")]
    [Requirement("grpc-messages-2")]
    [Requirement("grpc-messages-3")]
    public async Task A_message_that_is_not_to_be_compressed_is_not()
    {
        await using var server = new TestServer(Compressing);
        server.Service.Spread = async (request, responses, _) =>
        {
            await responses.WriteAsync(request);
            responses.WriteOptions = new WriteOptions(WriteFlags.NoCompress);
            await responses.WriteAsync(request);
            responses.WriteOptions = null;
            await responses.WriteAsync(request);
        };
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Spread", "grpc-accept-encoding=gzip");
        await client.DataAsync(1, RawClient.Message(s_request), endStream: true);
        RawResponse response = await client.ResponseAsync(1);
        int first = 5 + response.Data[4];
        byte[] zipped = response.Data[5..first];
        Assert.Equal((byte)1, response.Data[0]);
        Assert.Equal(s_request, Unzip(zipped));
        Assert.Equal(RawClient.Message(s_request), response.Data[first..(first + 1005)]);

        // In a context of its own: the same message is compressed to the same octets.
        Assert.Equal(response.Data[..first], response.Data[(first + 1005)..]);
    }

    /// <summary>compression.md: what grpc-accept-encoding lists is taken; test case 4: what it doesn't list is UNIMPLEMENTED.</summary>
    [Theory]
    [InlineData("gzip")]
    [InlineData("deflate")]
    [InlineData("identity")]
    [Requirement("grpc-compression-3")]
    public async Task Every_encoding_that_the_server_lists_is_taken(string encoding)
    {
        await using var server = new TestServer(WithBoth);
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Unary", "grpc-encoding=snappy");
        RawResponse refusal = await client.ResponseAsync(1);
        Assert.Equal("12", refusal.Status);
        Assert.Contains(encoding, refusal.Head["grpc-accept-encoding"]!.Split(','));
        await client.RequestAsync(3, "Unary", "grpc-encoding=" + encoding);
        byte[] message = encoding switch
        {
            "gzip" => Compressed(stream => new GZipStream(stream, CompressionLevel.Fastest)),
            "deflate" => Compressed(stream => new ZLibStream(stream, CompressionLevel.Fastest)),
            _ => RawClient.Message(s_request),
        };
        await client.DataAsync(3, message, endStream: true);
        RawResponse response = await client.ResponseAsync(3);
        Assert.Equal("0", response.Status);
        Assert.Equal(RawClient.Message(s_request), response.Data);
        await server.AssertQuietAsync(client);
    }

    /// <summary>A handler is told of its request whether it came compressed, and its context says so of its own call for ever.</summary>
    [Fact]
    public async Task A_handler_is_told_whether_its_request_came_compressed()
    {
        await using var server = new TestServer(WithBoth);
        RawClient client = await server.StartAsync();
        int id = -1;
        foreach (bool compressed in new[] { true, false, true })
        {
            await client.RequestAsync(id += 2, "Unary", "grpc-encoding=gzip");
            await client.DataAsync(id, compressed ? Zipped : RawClient.Message(s_request), endStream: true);
            Assert.Equal("0", (await client.ResponseAsync(id)).Status);
            await client.RoundTripAsync(); // the stream is free for the next
        }

        Assert.Equal([true, false, true], server.Service.Calls.Select(context => context.IsRequestCompressed()));
    }

    [Fact]
    public async Task A_handler_of_many_requests_is_told_of_each()
    {
        await using var server = new TestServer(WithBoth);
        var told = new List<bool>();
        server.Service.Collect = async (requests, context) =>
        {
            told.Add(context.IsRequestCompressed());
            while (await requests.MoveNext(CancellationToken.None))
            {
                told.Add(context.IsRequestCompressed());
            }

            return [];
        };
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Collect", "grpc-encoding=gzip");
        await client.DataAsync(1, [.. Zipped, .. RawClient.Message(s_request)], endStream: true);
        Assert.Equal("0", (await client.ResponseAsync(1)).Status);
        Assert.Equal([false, true, false], told);
    }

    private static byte[] Zipped => Compressed(stream => new GZipStream(stream, CompressionLevel.Fastest));

    private static GzipCompressionProvider Gzip => new(CompressionLevel.Fastest);

    private static void WithBoth(GrpcServerOptions options)
    {
        options.CompressionProviders.Add(Gzip);
        options.CompressionProviders.Add(new DeflateCompressionProvider(CompressionLevel.Fastest));
    }

    private static void Compressing(GrpcServerOptions options)
    {
        WithBoth(options);
        options.ResponseCompressionAlgorithm = "gzip";
    }

    private static async Task<RawResponse> CallAsync(Action<GrpcServerOptions> configure, params string[] fields)
    {
        await using var server = new TestServer(configure);
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Unary", fields);
        await client.DataAsync(1, RawClient.Message(s_request), endStream: true);
        return await client.ResponseAsync(1);
    }

    private static void AssertPlain(RawResponse response)
    {
        Assert.Equal("0", response.Status);
        Assert.Null(response.Head["grpc-encoding"]);
        Assert.Equal(RawClient.Message(s_request), response.Data);
    }

    private static byte[] Compressed(Func<Stream, Stream> compress)
    {
        var octets = new MemoryStream();
        using (Stream stream = compress(octets))
        {
            stream.Write(s_request);
        }

        byte[] message = RawClient.Message(octets.ToArray());
        message[0] = 1;
        return message;
    }

    private static byte[] Unzip(ReadOnlySpan<byte> octets)
    {
        using var stream = new GZipStream(new MemoryStream(octets.ToArray()), CompressionMode.Decompress);
        var plain = new MemoryStream();
        stream.CopyTo(plain);
        return plain.ToArray();
    }
}
