using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using MiniGrpc.Server;
using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Grpc;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.Reuse;

/// <summary>Which streams of a server serve another call: those of unary calls that their handlers have ended, and no others.</summary>
public class ServerStreams
{
    [Fact]
    public async Task Unary_calls_after_one_another_are_on_the_same_stream()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        ServerStream stream = await server.CallAsync(client, 1);
        for (int id = 3; id < 21; id += 2)
        {
            Assert.Same(stream, await server.CallAsync(client, id));
            Assert.Single(server.Pooled());
        }

        await server.AssertQuietAsync(client);
    }

    [Fact]
    public async Task A_call_that_its_handler_fails_leaves_its_stream_to_the_next()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        UnaryServerMethod<byte[], byte[]> echo = server.Service.Unary;
        server.Service.Unary = (_, _) => throw new RpcException(new Status(StatusCode.NotFound, "no"));
        await client.RequestAsync(1, "Unary");
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        Assert.Equal("5", (await client.ResponseAsync(1)).Status);
        ServerStream stream = await server.PooledAsync(client);
        server.Service.Unary = echo;
        Assert.Same(stream, await server.CallAsync(client, 3));
    }

    /// <summary>What a call knows of its request and its response, the next one on its stream must not find.</summary>
    [Fact]
    public async Task A_stream_knows_nothing_of_the_call_before()
    {
        await using var server = new TestServer(options => options.CompressionProviders.Add(new MiniGrpc.Wire.GzipCompressionProvider(System.IO.Compression.CompressionLevel.Fastest)));
        RawClient client = await server.StartAsync();
        byte[] message = RawClient.Message(1, 2, 3);
        await client.RequestAsync(1, "Unary", "grpc-timeout=1H", "grpc-encoding=gzip", $"content-length={message.Length}", "key=value");
        await client.DataAsync(1, message, endStream: true);
        Assert.Equal("0", (await client.ResponseAsync(1)).Status);
        ServerStream stream = await server.PooledAsync(client);
        await client.RequestAsync(3, "Unary", $"content-length={message.Length}");
        await client.DataAsync(3, message, endStream: true);
        Assert.Equal("0", (await client.ResponseAsync(3)).Status);
        Assert.Same(stream, await server.PooledAsync(client));
        ServerCallContext context = server.Service.Calls.Last();
        Assert.Equal(DateTime.MaxValue, context.Deadline);
        Assert.Null(stream.ReceiveCompression);
        await client.RequestAsync(5, "Unary");
        await client.DataAsync(5, new byte[100]); // twenty empty messages: neither too long for a length that was declared, nor its end
        await client.ExpectAsync(FrameType.Headers, 5);
        await server.AssertQuietAsync(client);
    }

    [Fact]
    public async Task A_stream_that_waits_for_a_call_holds_nothing_of_the_one_before()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        ServerStream stream = await server.CallAsync(client, 1);
        Assert.Null(Internals.CallOf(stream));
        Assert.False(Internals.HoldsMemory(stream.Inbox));
    }

    [Fact]
    public async Task A_handler_waits_for_its_request_as_it_does_on_a_stream_of_its_own()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        ServerStream stream = await server.CallAsync(client, 1);
        await client.RequestAsync(3, "Unary");
        await client.RoundTripAsync();
        Assert.Single(server.Service.Calls);
        await client.DataAsync(3, RawClient.Message(1, 2), endStream: true);
        Assert.Equal(RawClient.Message(1, 2), (await client.ResponseAsync(3)).Data);
        Assert.Same(stream, await server.PooledAsync(client));
    }

    [Fact]
    public async Task Every_call_has_a_whole_window()
    {
        const int Window = 20;
        await using var server = new TestServer(options => options.Connection = new ConnectionOptions { Limits = new ReceiveLimits(StreamWindow: Window) });
        RawClient client = await server.StartAsync();
        ServerStream stream = await server.CallAsync(client, 1);
        await client.RequestAsync(3, "Unary");
        await client.DataAsync(3, RawClient.Message(new byte[Window - MessagePrefix.Size]), endStream: true);
        Assert.Equal("0", (await client.ResponseAsync(3)).Status);
        Assert.Same(stream, await server.PooledAsync(client));
    }

    [Fact]
    public async Task A_call_of_many_requests_reads_each_as_it_comes()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        ServerStream stream = await server.CallAsync(client, 1);
        await client.RequestAsync(3, "Duplex");
        for (byte i = 0; i < 3; i++)
        {
            await client.DataAsync(3, RawClient.Message(i));
            Assert.Equal(RawClient.Message(i), (await client.ExpectAsync(FrameType.Data, 3)).Payload);
        }

        Assert.Same(stream, Internals.StreamOf((ServerCall)server.Service.Calls.Last()));
        await client.DataAsync(3, [], endStream: true);
        Assert.Equal("0", (await client.ResponseAsync(3)).Status);
        await server.AssertQuietAsync(client);
    }

    /// <summary>A client that resets its streams can't have more handlers running than it may open streams.</summary>
    [Fact]
    public async Task A_handler_that_outlives_its_call_counts_on_a_stream_that_has_had_others()
    {
        await using var server = new TestServer(options => options.MaxConcurrentStreams = 1);
        RawClient client = await server.StartAsync();
        await server.CallAsync(client, 1);
        TaskCompletionSource go = await server.HoldAsync(client, 3);
        await client.SendAsync(o => RstStreamFrame.Write(o, 3, ErrorCode.Cancel));
        await client.RequestAsync(5, "Unary");
        await client.ExpectResetAsync(5, ErrorCode.RefusedStream);
        go.SetResult();
        await server.AssertQuietAsync(client);
    }

    [Theory]
    [InlineData("reset")]
    [InlineData("deadline")]
    [InlineData("frame after the end")]
    [InlineData("two requests")]
    [InlineData("half a request")]
    [InlineData("no request")]
    [InlineData("request too large")]
    [InlineData("unknown method")]
    [InlineData("no gRPC")]
    [InlineData("Spread")]
    [InlineData("Collect")]
    [InlineData("Duplex")]
    public async Task A_call_of_another_kind_or_end_keeps_its_stream(string how)
    {
        var time = new FakeTimeProvider();
        await using var server = new TestServer(options => options.TimeProvider = time);
        RawClient client = await server.StartAsync();
        UnaryServerMethod<byte[], byte[]> echo = server.Service.Unary;
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        if (how is "reset" or "deadline" or "frame after the end")
        {
            server.Service.Unary = async (request, context) =>
            {
                await TestService.UntilCancelledAsync(context, started);
                return request;
            };
        }

        await RequestAsync(client, how);
        if (server.Service.Unary != echo)
        {
            await RawPeer.Within(started.Task, "the handler to start");
            await InterruptAsync(client, time, how);
        }

        await client.RoundTripAsync(); // it has begun
        await Eventually.IsTrueAsync(() => server.Core.RunningCalls == 0, "the handlers to return");
        await client.RoundTripAsync();
        Assert.Empty(server.Pooled());
        ServerCallContext? before = server.Service.Calls.SingleOrDefault();
        server.Service.Unary = echo;
        ServerStream next = await server.CallAsync(client, 3);
        Assert.True(before is null || Internals.StreamOf((ServerCall)before) != next);
        await server.AssertQuietAsync(client);
    }

    [Fact]
    public async Task A_call_that_loses_its_connection_keeps_its_stream()
    {
        await using var server = new TestServer();
        Task started = server.Service.HoldUnary();
        RawClient client = await server.StartAsync();
        Http2Connection connection = Assert.Single(Internals.ConnectionsOf(server.Core));
        await client.RequestAsync(1, "Unary");
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        await RawPeer.Within(started, "the handler to start");
        client.Cut();
        await server.AssertEndedAsync();
        Assert.Empty(Internals.PooledOn(connection));
    }

    /// <summary>The handler has returned, but its response waits for a window: the stream is still the response's.</summary>
    [Fact]
    public async Task A_response_that_waits_for_a_window_holds_its_stream()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync((SettingId.InitialWindowSize, 8)); // the response of a whole call, and not an octet more
        await client.RequestAsync(1, "Unary");
        await client.DataAsync(1, RawClient.Message(1, 2, 3, 4, 5), endStream: true);
        await Eventually.IsTrueAsync(() => server.Core.RunningCalls == 0 && !server.Service.Calls.IsEmpty, "the handler to return");
        await client.RoundTripAsync();
        Assert.Empty(server.Pooled());
        ServerStream waiting = Internals.StreamOf((ServerCall)server.Service.Calls.Single());
        ServerStream other = await server.CallAsync(client, 3);
        Assert.NotSame(waiting, other);
        await client.SendAsync(o => WindowUpdateFrame.Write(o, 1, 100));
        RawResponse response = await client.ResponseAsync(1);
        Assert.Equal(("0", 10), (response.Status, response.Data.Length));
        await client.RoundTripAsync();
        Assert.Equal([other, waiting], server.Pooled().OrderBy(stream => stream == waiting));
    }

    [Fact]
    public async Task There_are_never_more_streams_than_were_open_at_once()
    {
        const int AtOnce = 5;
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        UnaryServerMethod<byte[], byte[]> echo = server.Service.Unary;
        int id = 1;
        for (int round = 0; round < 4; round++)
        {
            var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            server.Service.Unary = async (request, _) =>
            {
                await go.Task;
                return request;
            };
            int first = id;
            int calls = server.Service.Calls.Count + AtOnce;
            for (; id < first + (2 * AtOnce); id += 2)
            {
                await client.RequestAsync(id, "Unary");
                await client.DataAsync(id, RawClient.Message(1), endStream: true);
            }

            await server.Service.UntilCalledAsync(calls);
            go.SetResult();
            for (int answered = first; answered < id; answered += 2)
            {
                Assert.Equal("0", (await client.ResponseAsync(answered)).Status);
            }

            await client.RoundTripAsync();
            await Eventually.IsTrueAsync(() => server.Pooled().Count == AtOnce, "the streams to be let go of");
            server.Service.Unary = echo;
            for (int i = 0; i < 3; i++, id += 2)
            {
                await server.CallAsync(client, id);
                Assert.Equal(AtOnce, server.Pooled().Count);
            }
        }

        Assert.Equal(AtOnce, server.Service.Calls.Select(call => Internals.StreamOf((ServerCall)call)).Distinct().Count());
    }

    private static async Task RequestAsync(RawClient client, string how)
    {
        byte[] request = how switch
        {
            "two requests" => [.. RawClient.Message(1), .. RawClient.Message(2)],
            "half a request" => RawClient.Message(1, 2, 3)[..^1],
            "no request" => [],
            "request too large" => [0, 0xff, 0, 0, 0],
            _ => RawClient.Message(1),
        };
        switch (how)
        {
            case "no gRPC":
                await client.HeadersAsync(1, false, ":method=POST", ":scheme=http", ":path=/test/Unary", ":authority=localhost", "content-type=text/plain");
                break;
            case "deadline":
                await client.RequestAsync(1, "Unary", "grpc-timeout=1S");
                break;
            default:
                await client.RequestAsync(1, how switch { "Spread" or "Collect" or "Duplex" => how, "unknown method" => "Nothing", _ => "Unary" });
                break;
        }

        await client.DataAsync(1, request, endStream: true);
    }

    private static async Task InterruptAsync(RawClient client, FakeTimeProvider time, string how)
    {
        switch (how)
        {
            case "reset":
                await client.SendAsync(o => RstStreamFrame.Write(o, 1, ErrorCode.Cancel));
                break;
            case "deadline":
                time.Advance(TimeSpan.FromSeconds(1));
                Assert.Equal("4", (await client.ResponseAsync(1)).Status);
                break;
            default:
                await client.DataAsync(1, [1]);
                await client.ExpectResetAsync(1, ErrorCode.StreamClosed);
                break;
        }
    }
}
