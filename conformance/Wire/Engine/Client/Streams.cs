using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.Client;

/// <summary>RFC 9113 sections 5.1.2, 5.2 and 6.8 on a client: limits, windows, and a server that goes away.</summary>
public partial class Streams
{
    /// <summary>RFC 9113 section 5.1.2: a client stays within the server's limit; calls wait their turn in order.</summary>
    [Fact]
    [Requirement("9113-5.1.2-1")]
    [Requirement("9113-6.5-2")]
    [Requirement("9113-6.5.3-1")]
    public async Task Calls_over_the_servers_limit_wait_and_start_as_streams_end()
    {
        await using var client = new TestChannel();
        Task<byte[]>[] calls = [.. Enumerable.Range(0, 6).Select(i => client.Unary([(byte)i]).ResponseAsync)];
        RawServer server = await client.StartAsync((SettingId.MaxConcurrentStreams, 2));
        Dictionary<int, byte> requests = [];
        async Task TakeAsync(int id) => requests.Add(id, (await server.RequestAsync(id)).Data[^1]);
        Task ReplyAsync(int id) => server.ReplyAsync(id, (byte)(requests[id] + 10));
        await TakeAsync(1);
        await TakeAsync(3);
        await server.AssertNothingOnAsync(5);

        // One that ends makes room for one, however it ends.
        await server.SendAsync(o => RstStreamFrame.Write(o, 3, ErrorCode.InternalError));
        await TakeAsync(5);
        await server.AssertNothingOnAsync(7);
        await ReplyAsync(1);
        await TakeAsync(7);

        // A higher limit makes room at once.
        await server.AssertNothingOnAsync(9);
        await server.SendAsync(o => SettingsFrame.Write(o, [(SettingId.MaxConcurrentStreams, 3)]));
        await TakeAsync(9);
        await ReplyAsync(5);
        await TakeAsync(11);
        foreach (int id in new[] { 7, 9, 11 })
        {
            await ReplyAsync(id);
        }

        // Each one once; they start in about the order in which they came, for those that are tried at the same moment may overtake each other.
        Assert.Equal<byte>([0, 1, 2, 3, 4, 5], [.. requests.Values.Order()]);
        int reset = requests[3];
        await TestChannel.AssertFailsAsync(calls[reset], StatusCode.Internal, "INTERNAL_ERROR");
        Assert.Equal(
            Enumerable.Range(0, 6).Where(i => i != reset).Select(i => i + 10),
            (await RawPeer.Within(Task.WhenAll(calls.Where((_, i) => i != reset)), "the responses")).Select(r => (int)r[0]));
        await client.AssertQuietAsync(server);
    }

    [Fact]
    [Requirement("9113-5.1.2-1")]
    public async Task A_limit_below_the_open_streams_ends_none_of_them()
    {
        await using var client = new TestChannel();
        Task<byte[]>[] calls = [.. Enumerable.Range(0, 3).Select(i => client.Unary([(byte)i]).ResponseAsync)];
        RawServer server = await client.StartAsync();
        foreach (int id in new[] { 1, 3, 5 })
        {
            await server.RequestAsync(id);
        }

        await server.SendAsync(o => SettingsFrame.Write(o, [(SettingId.MaxConcurrentStreams, 1)]));
        await server.ExpectAsync(FrameType.Settings, 0, FrameFlags.Ack);
        Task<byte[]> waiting = client.Unary([9]).ResponseAsync;
        await server.ReplyAsync(1);
        await server.ReplyAsync(3);
        await server.AssertNothingOnAsync(7);
        await server.ReplyAsync(5);
        await server.RequestAsync(7);
        await server.ReplyAsync(7);
        await RawPeer.Within(Task.WhenAll([.. calls, waiting]), "the responses");
        await client.AssertQuietAsync(server);
    }

    [Fact]
    public async Task A_call_that_ends_while_it_waits_for_a_stream_is_never_sent()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var client = new TestChannel(options => options.TimeProvider = time);
        Task<byte[]> first = client.Unary([0]).ResponseAsync;
        RawServer server = await client.StartAsync((SettingId.MaxConcurrentStreams, 1));
        await server.RequestAsync(1);
        using var source = new CancellationTokenSource();
        Task cancelled = client.Unary([1], new CallOptions(cancellationToken: source.Token)).ResponseAsync;
        Task late = client.Unary([2], new CallOptions(deadline: time.GetUtcNow().UtcDateTime.AddSeconds(1))).ResponseAsync;
        AsyncUnaryCall<byte[]> disposed = client.Unary([3]);
        Task<byte[]> last = client.Unary([4]).ResponseAsync;
        await source.CancelAsync();
        time.Advance(TimeSpan.FromSeconds(1));
        disposed.Dispose();
        await TestChannel.AssertFailsAsync(cancelled, StatusCode.Cancelled, "cancelled by its caller");
        await TestChannel.AssertFailsAsync(late, StatusCode.DeadlineExceeded, "deadline");
        await TestChannel.AssertFailsAsync(disposed.ResponseAsync, StatusCode.Cancelled, "disposed");
        await server.ReplyAsync(1);
        Assert.Equal(RawClient.Message(4), (await server.RequestAsync(3)).Data);
        await server.ReplyAsync(3);
        await RawPeer.Within(Task.WhenAll(first, last), "the responses");
        await client.AssertQuietAsync(server);
    }

    /// <summary>RFC 9113 section 6.9.2: the window of requests follows the server's INITIAL_WINDOW_SIZE, also below zero.</summary>
    [Fact]
    [Requirement("9113-6.5-2")]
    [Requirement("9113-6.9.2-1")]
    [Requirement("9113-6.9.2-2")]
    [Requirement("9113-6.9.2-3")]
    public async Task A_change_of_the_initial_window_moves_open_streams()
    {
        await using var client = new TestChannel();
        Task<byte[]> call = client.Unary(new byte[95]).ResponseAsync;
        RawServer server = await client.StartAsync((SettingId.InitialWindowSize, 10));
        await server.ExpectAsync(FrameType.Headers, 1);
        Assert.Equal(10, (await server.ExpectAsync(FrameType.Data, 1)).Payload.Length);
        await server.SendAsync(o => SettingsFrame.Write(o, [(SettingId.InitialWindowSize, 30)]));
        Assert.Equal(20, (await server.ExpectAsync(FrameType.Data, 1)).Payload.Length);
        await server.SendAsync(o => SettingsFrame.Write(o, [(SettingId.InitialWindowSize, 0)]));
        await server.SendAsync(o => WindowUpdateFrame.Write(o, 1, 30));
        await server.AssertNothingOnAsync(1);
        await server.SendAsync(o => WindowUpdateFrame.Write(o, 1, 70));
        RawFrame last = await server.ExpectAsync(FrameType.Data, 1);
        Assert.Equal((70, true), (last.Payload.Length, last.EndStream));
        await server.ReplyAsync(1);
        await RawPeer.Within(call, "the response");
        await client.AssertQuietAsync(server);
    }

    /// <summary>The windows of streams that are opened while the server's SETTINGS arrive: none may keep the old size.</summary>
    [Fact]
    public async Task Streams_opened_while_the_initial_window_changes_get_the_new_one()
    {
        await using var client = new TestChannel();
        Task<byte[]> first = client.Unary([1]).ResponseAsync;
        RawServer server = await client.StartAsync((SettingId.InitialWindowSize, 0));
        await server.ExpectAsync(FrameType.Headers, 1);
        for (int round = 0; round < 50; round++)
        {
            var calls = Task.Run(() => Enumerable.Range(0, 10).Select(_ => client.Unary([1])).ToArray(), TestContext.Current.CancellationToken);
            await server.SendAsync(o => SettingsFrame.Write(o, [(SettingId.InitialWindowSize, 6)]));
            await server.ExpectAsync(FrameType.Settings, 0, FrameFlags.Ack);
            for (int i = 0; i < 10; i++)
            {
                await server.RequestAsync(3 + (20 * round) + (2 * i)); // six octets each: all, or none at all
            }

            await server.SendAsync(o => SettingsFrame.Write(o, [(SettingId.InitialWindowSize, 0)]));
            await server.ExpectAsync(FrameType.Settings, 0, FrameFlags.Ack);
            Array.ForEach(await calls, call => call.Dispose());
        }

        Assert.Equal(6, (await server.ExpectAsync(FrameType.Data, 1)).Payload.Length);
        await server.ReplyAsync(1);
        await RawPeer.Within(first, "the response");
        await client.AssertQuietAsync(server);
    }

    /// <summary>A message larger than the stream's window is credited while it comes, else both ends would wait for each other.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_response_larger_than_the_window_is_credited_early(bool unary)
    {
        // Larger than what may be unread, too: what a reader waits for doesn't count as that.
        var limits = new ReceiveLimits();
        await using var client = new TestChannel(options => options.MaxReceiveMessageSize = null);
        using AsyncUnaryCall<byte[]>? one = unary ? client.Unary([1]) : null;
        using AsyncServerStreamingCall<byte[]>? many = unary ? null : client.Spread([1]);
        Task<byte[]> result = unary ? one!.ResponseAsync : FirstAsync(many!);
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.HeadersAsync(1, endStream: false, RawServer.Headers200);
        byte[] message = RawClient.Message(new byte[(int)limits.Abuse.ReceiveQueue + (2 * limits.ConnectionWindow)]);
        int credit = limits.StreamWindow;
        for (int sent = 0; sent < message.Length;)
        {
            while (credit == 0)
            {
                credit += (await server.ExpectAsync(FrameType.WindowUpdate, 1)).Number;
            }

            while (server.ConnectionCredit == 0)
            {
                await server.ExpectAsync(FrameType.WindowUpdate);
            }

            int length = (int)long.Min(long.Min(16_384, message.Length - sent), long.Min(credit, server.ConnectionCredit));
            await server.DataAsync(1, message[sent..(sent + length)]);
            sent += length;
            credit -= length;
        }

        await server.HeadersAsync(1, endStream: true, "grpc-status=0");
        Assert.Equal(message.Length - 5, (await RawPeer.Within(result, "the response")).Length);
        if (many is not null)
        {
            Assert.False(await RawPeer.Within(many.ResponseStream.MoveNext(CancellationToken.None), "the end"));
        }

        await client.AssertQuietAsync(server);
    }

    /// <summary>What a caller leaves unread goes back to the connection when the call ends.</summary>
    [Fact]
    public async Task Responses_that_nobody_reads_give_their_credit_back()
    {
        await using var client = new TestChannel();
        RawServer? server = null;
        int messages = new ReceiveLimits().StreamWindow / 16_384;
        for (int id = 1; id < 400; id += 2)
        {
            using AsyncServerStreamingCall<byte[]> call = client.Spread([1]);
            server ??= await client.StartAsync();
            await server.RequestAsync(id);
            await server.HeadersAsync(id, endStream: false, RawServer.Headers200);
            for (int i = 0; i < messages; i++)
            {
                while (server.ConnectionCredit < 16_384)
                {
                    await server.ExpectAsync(FrameType.WindowUpdate);
                }

                await server.DataAsync(id, RawClient.Message(new byte[16_384 - 5]));
            }

            await server.RoundTripAsync();
            call.Dispose();
            await server.ExpectResetAsync(id, ErrorCode.Cancel);
        }

        await client.AssertQuietAsync(server!);
    }

    private static async Task<byte[]> FirstAsync(AsyncServerStreamingCall<byte[]> call)
    {
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));
        return call.ResponseStream.Current;
    }
}
