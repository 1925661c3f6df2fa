using System.IO.Compression;
using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Wire.Engine.Client;

/// <summary>compression.md on a client: when its requests are compressed, and when not.</summary>
public class Compression
{
    private static readonly byte[] s_request = [.. Enumerable.Repeat((byte)'a', 1000)];

    /// <summary>compression.md, test case 1: nothing is compressed unless somebody asks for it.</summary>
    [Fact]
    [Requirement("grpc-compression-8")]
    [Requirement("grpc-messages-4")]
    public async Task Requests_are_plain_by_default_and_say_what_the_client_accepts()
    {
        (RawFrame head, byte[] data) = await CallAsync(WithBoth, default);
        Assert.Equal("identity,gzip,deflate", head["grpc-accept-encoding"]);
        Assert.Null(head["grpc-encoding"]);
        Assert.Equal(RawClient.Message(s_request), data);
    }

    /// <summary>compression.md, test cases 2 and 3: the channel's setting counts unless the call has one of its own.</summary>
    [Theory]
    [InlineData(null, "gzip")]
    [InlineData("deflate", "deflate")]
    [InlineData("identity", null)]
    [Requirement("grpc-compression-7")]
    [Requirement("grpc-compression-9")]
    [Requirement("grpc-compression-10")]
    [Requirement("grpc-messages-2")]
    public async Task Requests_are_compressed_as_the_call_or_else_the_channel_says(string? call, string? expected)
    {
        Metadata headers = call is null ? [] : new Metadata { { "grpc-internal-encoding-request", call } };
        (RawFrame head, byte[] data) = await CallAsync(Compressing, new CallOptions(headers));
        Assert.Equal(expected, head["grpc-encoding"]);
        Assert.Equal(expected is null ? 0 : 1, data[0]);
        Assert.Equal(s_request, Unfold(expected, data[5..]));
        Assert.Null(head["grpc-internal-encoding-request"]);
    }

    /// <summary>compression.md, "Specific Disabling", and gRPC over HTTP/2: a context for each message.</summary>
    [Fact]
    [Requirement("grpc-compression-7")]
    [Requirement("grpc-messages-2")]
    [Requirement("grpc-messages-3")]
    public async Task A_message_that_is_not_to_be_compressed_is_not()
    {
        await using var client = new TestChannel(Compressing);
        using AsyncClientStreamingCall<byte[], byte[]> call = client.Collect();
        RawServer server = await client.StartAsync();
        await call.RequestStream.WriteAsync(s_request);
        call.RequestStream.WriteOptions = new WriteOptions(WriteFlags.NoCompress);
        await call.RequestStream.WriteAsync(s_request);
        call.RequestStream.WriteOptions = new WriteOptions(WriteFlags.BufferHint); // says nothing of compression
        await call.RequestStream.WriteAsync(s_request);
        await call.RequestStream.CompleteAsync();
        byte[] data = (await server.RequestAsync(1)).Data;
        int first = 5 + data[4];
        Assert.Equal((byte)1, data[0]);
        Assert.Equal(s_request, Unfold("gzip", data[5..first]));
        Assert.Equal(RawClient.Message(s_request), data[first..(first + 1005)]);
        Assert.Equal(data[..first], data[(first + 1005)..]);
    }

    /// <summary>compression.md, test case 5: a response in an encoding that the client doesn't have is INTERNAL and says which there are.</summary>
    [Fact]
    [Requirement("grpc-compression-4")]
    [Requirement("grpc-compression-12")]
    public async Task A_response_in_an_encoding_that_the_client_does_not_list_is_internal_and_names_those_there_are()
    {
        await using var client = new TestChannel(WithBoth);
        Task<byte[]> call = client.Unary([1]).ResponseAsync;
        RawServer server = await client.StartAsync();
        RawFrame head = (await server.RequestAsync(1)).Head;
        Assert.DoesNotContain("snappy", head["grpc-accept-encoding"], StringComparison.Ordinal);
        await server.HeadersAsync(1, endStream: false, [.. RawServer.Headers200, "grpc-encoding=snappy"]);
        await server.ExpectResetAsync(1, ErrorCode.Cancel);
        Status status = await TestChannel.FailureAsync(call);
        Assert.Equal(StatusCode.Internal, status.StatusCode);
        Assert.Contains("snappy", status.Detail, StringComparison.Ordinal);
        Assert.Contains("identity,gzip,deflate", status.Detail, StringComparison.Ordinal);
        await client.AssertWorksAsync(server, 3);
    }

    private static void WithBoth(MiniChannelOptions options)
    {
        options.CompressionProviders.Add(new GzipCompressionProvider(CompressionLevel.Fastest));
        options.CompressionProviders.Add(new DeflateCompressionProvider(CompressionLevel.Fastest));
    }

    private static void Compressing(MiniChannelOptions options)
    {
        WithBoth(options);
        options.RequestCompressionAlgorithm = "gzip";
    }

    private static async Task<(RawFrame Head, byte[] Data)> CallAsync(Action<MiniChannelOptions> configure, CallOptions options)
    {
        await using var client = new TestChannel(configure);
        using AsyncUnaryCall<byte[]> call = client.Unary(s_request, options);
        RawServer server = await client.StartAsync();
        return await server.RequestAsync(1);
    }

    private static byte[] Unfold(string? encoding, byte[] octets)
    {
        using Stream stream = encoding switch
        {
            "gzip" => new GZipStream(new MemoryStream(octets), CompressionMode.Decompress),
            "deflate" => new ZLibStream(new MemoryStream(octets), CompressionMode.Decompress),
            _ => new MemoryStream(octets),
        };
        var plain = new MemoryStream();
        stream.CopyTo(plain);
        return plain.ToArray();
    }
}
