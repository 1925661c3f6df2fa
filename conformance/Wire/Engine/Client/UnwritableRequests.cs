using Grpc.Core;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.Client;

/// <summary>
/// A request of a streaming call that can't be written ends the call: a server would take the requests around it for all there are. The
/// server hears CANCEL, as gRPC over HTTP/2, Errors, has it for a call that its client gives up.
/// </summary>
public class UnwritableRequests
{
    private const string NoPolicy = "{}";

    private const string Retry = """
        {"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 3, "initialBackoff": "10s", "maxBackoff": "100s",
          "backoffMultiplier": 2, "retryableStatusCodes": ["INTERNAL", "RESOURCE_EXHAUSTED", "CANCELLED"]}}]}
        """;

    private const string Hedge = """
        {"methodConfig": [{"name": [{}], "hedgingPolicy": {"maxAttempts": 3, "hedgingDelay": "10s",
          "nonFatalStatusCodes": ["INTERNAL", "RESOURCE_EXHAUSTED", "CANCELLED"]}}]}
        """;

    private readonly BackoffClock _time = new();

    /// <summary>
    /// Requests of a call without a policy are kept for a transparent retry (gRFC A6) until the server has answered, and those of a call with
    /// one until an attempt was chosen: neither makes a difference.
    /// </summary>
    [Theory]
    [InlineData(NoPolicy, false)]
    [InlineData(NoPolicy, true)]
    [InlineData(Retry, false)]
    [InlineData(Retry, true)]
    [InlineData(Hedge, false)]
    [InlineData(Hedge, true)]
    public async Task One_that_is_too_large_ends_the_call_with_RESOURCE_EXHAUSTED(string serviceConfig, bool isAnswered)
    {
        await using TestChannel client = Channel(serviceConfig);
        using AsyncClientStreamingCall<byte[], byte[]> call = client.Collect();
        RawServer server = await StartAsync(client, call, isAnswered);
        RpcException e = await Assert.ThrowsAsync<RpcException>(() => WriteAsync(call, new byte[11]));
        Assert.Equal((StatusCode.ResourceExhausted, "A message of 11 bytes is larger than the send limit of 10."), (e.StatusCode, e.Status.Detail));
        await AssertEndedAsync(client, server, call, e.Status);
    }

    /// <summary>The writer sees what was thrown as it was thrown, and everybody else the status that has been made of it.</summary>
    [Theory]
    [InlineData(NoPolicy, false)]
    [InlineData(NoPolicy, true)]
    [InlineData(Retry, false)]
    [InlineData(Retry, true)]
    [InlineData(Hedge, false)]
    [InlineData(Hedge, true)]
    public async Task One_that_its_marshaller_does_not_write_ends_the_call_with_INTERNAL(string serviceConfig, bool isAnswered)
    {
        var thrown = new NotSupportedException("no such shape");
        Marshaller<byte[]> marshaller = Marshallers.Create(message => message is [2] ? throw thrown : message, octets => octets);
        var method = new Method<byte[], byte[]>(MethodType.ClientStreaming, "test", "Collect", marshaller, marshaller);
        await using TestChannel client = Channel(serviceConfig);
        using AsyncClientStreamingCall<byte[], byte[]> call = client.Invoker.AsyncClientStreamingCall(method, null, default);
        RawServer server = await StartAsync(client, call, isAnswered);
        Assert.Same(thrown, await Assert.ThrowsAsync<NotSupportedException>(() => WriteAsync(call, [2])));
        await AssertEndedAsync(client, server, call, new Status(StatusCode.Internal, "The request can't be sent: no such shape"));
    }

    /// <summary>A marshaller is the caller's own, and may give the status that its caller is to see.</summary>
    [Theory]
    [InlineData(NoPolicy)]
    [InlineData(Retry)]
    public async Task One_whose_marshaller_says_which_status_ends_a_call_both_ways_with_that(string serviceConfig)
    {
        var thrown = new RpcException(new Status(StatusCode.InvalidArgument, "not this one"));
        Marshaller<byte[]> marshaller = Marshallers.Create(message => message is [2] ? throw thrown : message, octets => octets);
        var method = new Method<byte[], byte[]>(MethodType.DuplexStreaming, "test", "Duplex", marshaller, marshaller);
        await using TestChannel client = Channel(serviceConfig);
        using AsyncDuplexStreamingCall<byte[], byte[]> call = client.Invoker.AsyncDuplexStreamingCall(method, null, default);
        RawServer server = await client.StartAsync();
        await server.ExpectAsync(FrameType.Headers, 1);
        Task<bool> read = call.ResponseStream.MoveNext(CancellationToken.None);
        Assert.Same(thrown, await Assert.ThrowsAsync<RpcException>(() => RawPeer.Within(call.RequestStream.WriteAsync([2]), "the write to end")));
        await server.ExpectResetAsync(1, ErrorCode.Cancel);
        await TestChannel.AssertFailsAsync(read, StatusCode.InvalidArgument, "not this one");
        await AssertNothingIsLeftAsync(client, server);
    }

    /// <summary>A call whose first request has reached the server.</summary>
    private static async Task<RawServer> StartAsync(TestChannel client, AsyncClientStreamingCall<byte[], byte[]> call, bool isAnswered)
    {
        Task written = WriteAsync(call, [1]);
        RawServer server = await client.StartAsync();
        await server.ExpectAsync(FrameType.Headers, 1);
        Assert.Equal(RawClient.Message(1), (await server.ExpectAsync(FrameType.Data, 1)).Payload);
        await written;
        if (isAnswered)
        {
            await server.HeadersAsync(1, endStream: false, RawServer.Headers200);
            await RawPeer.Within(call.ResponseHeadersAsync, "the header list");
        }

        return server;
    }

    /// <summary>Both ends know, and no other attempt is made.</summary>
    private static async Task AssertEndedAsync(TestChannel client, RawServer server, AsyncClientStreamingCall<byte[], byte[]> call, Status status)
    {
        await server.ExpectResetAsync(1, ErrorCode.Cancel);
        await TestChannel.AssertFailsAsync(call.ResponseAsync, status.StatusCode, status.Detail);
        Assert.Equal((status.StatusCode, status.Detail), (call.GetStatus().StatusCode, call.GetStatus().Detail));
        await TestChannel.AssertFailsAsync(WriteAsync(call, [3]), status.StatusCode, status.Detail);
        await RawPeer.Within(call.RequestStream.CompleteAsync(), "the end of the requests"); // which needs no saying
        await AssertNothingIsLeftAsync(client, server);
    }

    private static async Task AssertNothingIsLeftAsync(TestChannel client, RawServer server)
    {
        await client.AssertWorksAsync(server, 3);
        await client.AssertQuietAsync(server);
        await Eventually.IsTrueAsync(() => client.Channel.RetryBuffer.Octets == 0, "kept requests to be let go");
    }

    private static Task WriteAsync(AsyncClientStreamingCall<byte[], byte[]> call, byte[] message) =>
        RawPeer.Within(call.RequestStream.WriteAsync(message, TestContext.Current.CancellationToken), "the write to end");

    private TestChannel Channel(string serviceConfig) => new(options =>
    {
        options.TimeProvider = _time;
        options.MaxSendMessageSize = 10;
        options.ServiceConfig = ServiceConfig.Parse(serviceConfig);
    });
}
