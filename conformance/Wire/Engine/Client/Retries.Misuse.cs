using System.IO.Compression;
using Grpc.Core;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.Client;

/// <content>Calls that may be tried again but can't be made: their caller is told, as of any other call.</content>
public partial class Retries
{
    private const string HedgeTwice = """{"methodConfig": [{"name": [{}], "hedgingPolicy": {"maxAttempts": 2, "hedgingDelay": "1s"}}]}""";

    [Theory]
    [InlineData(TenOneHundred)]
    [InlineData(HedgeTwice)]
    public async Task What_cannot_be_sent_throws_at_once(string serviceConfig)
    {
        await using TestChannel client = Channel(serviceConfig);
        CallCredentials credentials = CallCredentials.FromInterceptor((_, _) => Task.CompletedTask);
        Assert.Throws<ArgumentException>(() => client.Unary([1], new CallOptions(new Metadata { { "key", "a\nb" } })));
        Assert.Throws<InvalidOperationException>(() => client.Unary([1], new CallOptions(new Metadata { { "grpc-internal-encoding-request", "unheard-of" } })));
        Assert.Throws<InvalidOperationException>(() => client.Unary([1], new CallOptions(deadline: new DateTime(2200, 1, 1, 0, 0, 0, DateTimeKind.Local))));
        if (!OverTls.IsOn)
        {
            Assert.Throws<InvalidOperationException>(() => client.Duplex(new CallOptions(credentials: credentials)));
        }

        await client.Channel.DisposeAsync();
        Assert.Throws<ObjectDisposedException>(() => client.Unary([1]));
        Assert.Throws<ObjectDisposedException>(() => client.Duplex());
    }

    [Fact]
    public async Task Metadata_that_was_spoilt_between_attempts_is_the_calls_end()
    {
        await using TestChannel client = Channel();
        Metadata metadata = new() { { "key", "value" } };
        using AsyncUnaryCall<byte[]> call = client.Unary([1], new CallOptions(metadata));
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        metadata.Add("another", "a\nb");
        await server.FailAsync(1, StatusCode.Unavailable);
        await _time.IsArmedAsync();
        _time.Advance(s_shortestWait + s_rest);
        await TestChannel.AssertFailsAsync(call.ResponseAsync, StatusCode.Internal, "'another' holds the character U+000A");
        metadata.RemoveAt(1);
        await AssertNothingIsLeftAsync(client, server, 3);
    }

    [Fact]
    public async Task A_channel_that_is_closed_between_attempts_cancels_the_call()
    {
        await using TestChannel client = Channel();
        using AsyncUnaryCall<byte[]> call = client.Unary([1]);
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.FailAsync(1, StatusCode.Unavailable);
        await _time.IsArmedAsync();
        Task closed = client.Channel.DisposeAsync().AsTask();
        await server.ExpectEndAsync();
        await server.DisposeAsync();
        await RawPeer.Within(closed, "the channel to close");
        _time.Advance(s_shortestWait + s_rest);
        await TestChannel.AssertFailsAsync(call.ResponseAsync, StatusCode.Cancelled, "the channel was closed");
    }

    /// <summary>It may be a compression of the user's that can't be written with.</summary>
    [Fact]
    public async Task A_request_that_no_attempt_can_send_is_the_calls_end()
    {
        await using TestChannel client = Channel(configure: options => options.CompressionProviders.Add(new Broken()));
        using AsyncClientStreamingCall<byte[], byte[]> call = client.Collect(new CallOptions(new Metadata { { "grpc-internal-encoding-request", "broken" } }));
        Task written = call.RequestStream.WriteAsync([1], TestContext.Current.CancellationToken);
        RawServer server = await client.StartAsync();
        await TestChannel.AssertFailsAsync(written, StatusCode.Internal, "The request can't be sent: out of order");
        await TestChannel.AssertFailsAsync(call.ResponseAsync, StatusCode.Internal, "The request can't be sent: out of order");
        await server.ExpectAsync(FrameType.Headers, 1);
        await server.ExpectResetAsync(1, ErrorCode.Cancel);
        await AssertNothingIsLeftAsync(client, server, 3);
    }

    /// <summary>A marshaller may throw anything, even what says that all is well.</summary>
    [Theory]
    [InlineData(TenOneHundred)]
    [InlineData("{}")]
    public async Task A_request_that_fails_with_OK_has_failed(string serviceConfig)
    {
        await using TestChannel client = Channel(serviceConfig);
        Marshaller<byte[]> marshaller = Marshallers.Create<byte[]>(_ => throw new RpcException(Status.DefaultSuccess), octets => octets);
        var method = new Method<byte[], byte[]>(MethodType.Unary, "test", "Unary", marshaller, marshaller);
        using AsyncUnaryCall<byte[]> call = client.Invoker.AsyncUnaryCall(method, null, default, [1]);
        if (serviceConfig == "{}")
        {
            await client.StartAsync();
        }

        await TestChannel.AssertFailsAsync(call.ResponseAsync, StatusCode.Internal, "The request can't be sent");
    }

    private sealed class Broken : ICompressionProvider
    {
        public string EncodingName => "broken";

        public Stream CreateCompressionStream(Stream stream, CompressionLevel? compressionLevel) => throw new InvalidOperationException("out of order");

        public Stream CreateDecompressionStream(Stream stream) => throw new InvalidOperationException("out of order");
    }
}
