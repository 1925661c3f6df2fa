using Grpc.Core;
using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>
/// Who sends (Threads in docs/design.md): the writer itself if what it sends is all that is under way on the connection, else a flush that is
/// posted, which takes what others add meanwhile.
/// </summary>
public sealed class SendingAlone : IDisposable
{
    private readonly HeldFlushes _flushes = new();

    public void Dispose() => _flushes.Dispose();

    [Fact]
    public async Task A_request_that_is_alone_is_sent_by_its_caller()
    {
        await using var client = new TestChannel(options => options.Connection = new ConnectionOptions { Dispatcher = _flushes });
        RawServer server = await ConnectAsync(client);
        using HeldFlushes held = await HoldAsync(Internals.ReadyConnectionOf(client.Channel)!);
        for (int id = 3; id < 9; id += 2)
        {
            using AsyncUnaryCall<byte[]> call = client.Unary([1, 2]);
            Assert.Equal(RawClient.Message(1, 2), (await server.RequestAsync(id)).Data);
            await server.ReplyAsync(id, 3);
            Assert.Equal([3], await RawPeer.Within(call.ResponseAsync, "the response"));
        }

        Assert.Equal(0, _flushes.Count);
    }

    [Fact]
    public async Task A_request_beside_another_call_is_sent_by_a_posted_flush()
    {
        await using var client = new TestChannel(options => options.Connection = new ConnectionOptions { Dispatcher = _flushes });
        RawServer server = await ConnectAsync(client);
        Http2Connection connection = Internals.ReadyConnectionOf(client.Channel)!;
        using AsyncDuplexStreamingCall<byte[], byte[]> other = client.Duplex();
        await server.ExpectAsync(FrameType.Headers, 3);
        using HeldFlushes held = await HoldAsync(connection);
        using AsyncUnaryCall<byte[]> call = client.Unary([1, 2]);
        Assert.Equal(1, _flushes.Count);
        Assert.NotEqual(0, Internals.UnsentOf(connection).Output);
        _flushes.Release();
        Assert.Equal(RawClient.Message(1, 2), (await server.RequestAsync(5)).Data);
        await server.ReplyAsync(5, 3);
        Assert.Equal([3], await RawPeer.Within(call.ResponseAsync, "the response"));
    }

    [Fact]
    public async Task A_response_that_is_alone_is_sent_by_its_handler()
    {
        await using var server = new TestServer(options => options.Connection = new ConnectionOptions { Dispatcher = _flushes });
        RawClient client = await server.StartAsync();
        await client.AssertWorksAsync(1);
        using HeldFlushes held = await HoldAsync(Internals.ConnectionsOf(server.Core).Single());
        for (int id = 3; id < 9; id += 2)
        {
            await client.AssertWorksAsync(id);
        }

        Assert.Equal(0, _flushes.Count);
    }

    [Fact]
    public async Task A_response_beside_another_call_is_sent_by_a_posted_flush()
    {
        await using var server = new TestServer(options => options.Connection = new ConnectionOptions { Dispatcher = _flushes });
        RawClient client = await server.StartAsync();
        Http2Connection connection = Internals.ConnectionsOf(server.Core).Single();
        await client.RequestAsync(1, "Duplex");
        await client.RoundTripAsync();
        using HeldFlushes held = await HoldAsync(connection);
        await client.RequestAsync(3, "Unary");
        await client.DataAsync(3, RawClient.Message(1, 2), endStream: true);
        await Eventually.IsTrueAsync(() => _flushes.Count == 1, "a flush to be posted");
        Assert.NotEqual(0, Internals.UnsentOf(connection).Output);
        _flushes.Release();
        Assert.Equal(RawClient.Message(1, 2), (await client.ResponseAsync(3)).Data);
    }

    /// <summary>The receive loop reads on and sends nothing itself, whatever it answers.</summary>
    [Fact]
    public async Task What_the_receive_loop_answers_is_sent_by_a_posted_flush()
    {
        await using var server = new TestServer(options => options.Connection = new ConnectionOptions { Dispatcher = _flushes });
        RawClient client = await server.StartAsync();
        Http2Connection connection = Internals.ConnectionsOf(server.Core).Single();
        await client.RoundTripAsync();
        using HeldFlushes held = await HoldAsync(connection);
        await client.SendAsync(o => PingFrame.Write(o, isAck: false, 1));
        await Eventually.IsTrueAsync(() => _flushes.Count == 1, "a flush to be posted");
        Assert.NotEqual(0, Internals.UnsentOf(connection).Output);
        _flushes.Release();
        await client.ExpectAsync(FrameType.Ping, 0, FrameFlags.Ack);
    }

    private static async Task<RawServer> ConnectAsync(TestChannel client)
    {
        using AsyncUnaryCall<byte[]> first = client.Unary([1]);
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.ReplyAsync(1, 1);
        await RawPeer.Within(first.ResponseAsync, "the first response");
        await server.RoundTripAsync();
        return server;
    }

    /// <summary>Holds flushes from a moment on when none is under way: one would take with it what is to be posted.</summary>
    private async Task<HeldFlushes> HoldAsync(Http2Connection connection)
    {
        await Eventually.IsTrueAsync(() => !Internals.IsFlushing(connection), "the flushes under way to end");
        _flushes.Hold();
        return _flushes;
    }
}
