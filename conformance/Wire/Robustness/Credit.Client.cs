using System.Runtime.CompilerServices;
using Grpc.Core;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Robustness;

/// <summary>Credit, turns and identifiers of a client, rows 37 to 40.</summary>
public class CreditOnTheClient
{
    /// <summary>Row 37: every way in which octets of responses are thrown away.</summary>
    [Fact]
    public async Task Row37_Thousands_of_reset_streams_cost_the_connection_no_credit()
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        for (int i = 0; i < 4_000; i++)
        {
            int id = attacked.NextId();
            using AsyncServerStreamingCall<byte[]> call = attacked.Channel.Spread([1]);
            await attacked.Attacker.RequestAsync(id);
            if (i % 2 == 0)
            {
                call.Dispose(); // the octets come too late
            }

            byte[] data = i % 4 < 2 ? RawClient.Message(new byte[1000]) : RawClient.Message(new byte[2000])[..1000];
            await attacked.Attacker.SendAsync(o =>
            {
                attacked.Attacker.Headers(o, id, endStream: false, RawServer.Headers200);
                DataFrame.Write(o, id, data, endStream: false, padLength: 99);
                RstStreamFrame.Write(o, id, ErrorCode.InternalError);
            });
            if (i % 2 != 0 || i % 100 == 0)
            {
                await attacked.Attacker.RoundTripAsync(); // the octets have come before the call is given up; takes the credit in
            }
        }

        await attacked.Attacker.RoundTripAsync();
        await attacked.AssertUnharmedAsync();
    }

    /// <summary>Row 38: a message longer than both windows comes through: who waits for it lets it come.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Row38_A_message_larger_than_the_windows_is_received(bool streaming)
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        int id = attacked.NextId();
        using AsyncServerStreamingCall<byte[]>? many = streaming ? attacked.Channel.Spread([1]) : null;
        using AsyncUnaryCall<byte[]>? one = streaming ? null : attacked.Channel.Unary([1]);
        Task<bool>? next = many?.ResponseStream.MoveNext(CancellationToken.None);
        await attacked.Attacker.RequestAsync(id);
        await attacked.Attacker.HeadersAsync(id, endStream: false, RawServer.Headers200);
        await Bulk.SendAsync(attacked.Attacker, id, RawClient.Message(new byte[4_000_000]));
        await attacked.Attacker.HeadersAsync(id, endStream: true, "grpc-status=0");
        if (many is null)
        {
            Assert.Equal(4_000_000, (await RawPeer.Within(one!.ResponseAsync, "the response")).Length);
        }
        else
        {
            Assert.True(await RawPeer.Within(next!, "the message"));
            Assert.Equal(4_000_000, many.ResponseStream.Current.Length);
            Assert.False(await RawPeer.Within(many.ResponseStream.MoveNext(CancellationToken.None), "the end"));
        }

        await attacked.AssertUnharmedAsync();
    }

    /// <summary>Row 39: a response that nobody reads holds its own window and nobody else's.</summary>
    [Fact]
    public async Task Row39_A_response_that_nobody_reads_starves_no_other()
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        (AsyncServerStreamingCall<byte[]> unread, _) = await StallAsync(attacked);
        await ReceiveMuchAsync(attacked);
        unread.Dispose();
        await attacked.AssertUnharmedAsync();
    }

    /// <summary>Row 39: dozens of them together hold less than what the connection lets go unread.</summary>
    [Fact]
    public async Task Row39_Sixty_responses_that_nobody_reads_starve_no_other()
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        List<(AsyncServerStreamingCall<byte[]> Call, int Id)> unread = [];
        for (int i = 0; i < 60; i++)
        {
            unread.Add(await StallAsync(attacked));
        }

        await ReceiveMuchAsync(attacked);
        foreach ((AsyncServerStreamingCall<byte[]> call, int id) in unread)
        {
            Assert.Equal(0, attacked.Attacker.TakeCredit(id));
            call.Dispose();
        }

        await attacked.AssertUnharmedAsync();
    }

    /// <summary>Row 39: messages of a call that has ended can be read still, and until then hold nothing back.</summary>
    [Fact]
    public async Task Row39_Messages_left_unread_after_the_end_hold_no_credit_back()
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        int id = attacked.NextId();
        using AsyncServerStreamingCall<byte[]> unread = attacked.Channel.Spread([1]);
        await attacked.Attacker.RequestAsync(id);
        await attacked.Attacker.HeadersAsync(id, endStream: false, RawServer.Headers200);
        await attacked.Attacker.DataAsync(id, [.. RawClient.Message(1), .. RawClient.Message(new byte[10_000])]);
        await attacked.Attacker.HeadersAsync(id, endStream: true, "grpc-status=0");
        await attacked.AssertUnharmedAsync();
        Assert.True(await RawPeer.Within(unread.ResponseStream.MoveNext(CancellationToken.None), "the first message"));
        Assert.Equal([1], unread.ResponseStream.Current);
    }

    /// <summary>Row 39: a request that its server takes nothing of waits alone.</summary>
    [Fact]
    public async Task Row39_A_request_without_window_starves_no_other()
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        int stalled = attacked.NextId();
        using AsyncUnaryCall<byte[]> large = attacked.Channel.Unary(new byte[100_000]);
        await attacked.Attacker.SendAsync(o => WindowUpdateFrame.Write(o, 0, 1_000_000));
        await attacked.Attacker.ExpectAsync(FrameType.Headers, stalled);
        for (int taken = 0; taken < 65_535;)
        {
            taken += (await attacked.Attacker.ExpectAsync(FrameType.Data, stalled)).Payload.Length;
            Assert.InRange(taken, 1, 65_535);
        }

        for (int i = 0; i < 5; i++)
        {
            int id = attacked.NextId();
            using AsyncUnaryCall<byte[]> call = attacked.Channel.Unary(new byte[20_000]); // more than goes out at once: it queues up, too
            Assert.Equal(RawClient.Message(new byte[20_000]), (await attacked.Attacker.RequestAsync(id)).Data);
            await attacked.Attacker.ReplyAsync(id, 2);
            Assert.Equal([2], await RawPeer.Within(call.ResponseAsync, "the response"));
        }

        await attacked.Attacker.AssertNothingOnAsync(stalled);
        Assert.False(large.ResponseAsync.IsCompleted);
        large.Dispose();
        await attacked.AssertUnharmedAsync();
    }

    /// <summary>Row 40: when the identifiers of a connection are used up, the next call opens another, and those under way finish.</summary>
    [Fact]
    public async Task Row40_A_client_opens_a_new_connection_when_its_identifiers_are_used_up()
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        Http2Connection old = Internals.ReadyConnectionOf(attacked.Channel.Channel)!;
        lock (old.Gate)
        {
            NextStreamId(Send(old)) = int.MaxValue - 2;
        }

        using AsyncUnaryCall<byte[]> last = attacked.Channel.Unary([1]);
        using AsyncUnaryCall<byte[]> veryLast = attacked.Channel.Unary([2]);
        await attacked.Attacker.RequestAsync(int.MaxValue - 2);
        await attacked.Attacker.RequestAsync(int.MaxValue);
        using AsyncUnaryCall<byte[]> next = attacked.Channel.Unary([3]);
        RawServer fresh = await attacked.Channel.StartAsync();
        Assert.Equal(RawClient.Message(3), (await fresh.RequestAsync(1)).Data);
        await fresh.ReplyAsync(1, 30);
        await attacked.Attacker.ReplyAsync(int.MaxValue, 20);
        await attacked.Attacker.ReplyAsync(int.MaxValue - 2, 10);
        Assert.Equal([[10], [20], [30]], await RawPeer.Within(Task.WhenAll(last.ResponseAsync, veryLast.ResponseAsync, next.ResponseAsync), "the responses"));

        // The old connection ends with its last call, and by nothing else.
        await attacked.Attacker.ExpectEndAsync();
        await attacked.Channel.AssertWorksAsync(fresh, 3);
    }

    /// <summary>
    /// The end of a call needs no credit, but a server on nghttp2 says it only while its window is open: a response that filled its window to
    /// the last octet would never end.
    /// </summary>
    [Theory]
    [InlineData(65_536)] // all of the window, and no more
    [InlineData(200_000)] // more than it, so that the rest is asked for
    public async Task The_window_stays_open_for_the_end_of_a_response(int octets)
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        int id = attacked.NextId();
        using AsyncUnaryCall<byte[]> call = attacked.Channel.Unary([1]);
        await attacked.Attacker.RequestAsync(id);
        await attacked.Attacker.HeadersAsync(id, endStream: false, RawServer.Headers200);
        byte[] message = RawClient.Message(new byte[octets - 5]);
        int window = new ReceiveLimits().StreamWindow;
        for (int sent = 0; sent < octets;)
        {
            if (window == 0)
            {
                window += (await attacked.Attacker.ExpectAsync(FrameType.WindowUpdate, id)).Number;
            }

            int length = int.Min(int.Min(window, 16_384), octets - sent);
            await attacked.Attacker.DataAsync(id, message[sent..(sent + length)]);
            window -= length;
            sent += length;
        }

        await attacked.Attacker.RoundTripAsync();
        Assert.InRange(window + attacked.Attacker.TakeCredit(id), 1, new ReceiveLimits().StreamWindow);
        await attacked.Attacker.HeadersAsync(id, endStream: true, "grpc-status=0");
        Assert.Equal(octets - 5, (await RawPeer.Within(call.ResponseAsync, "the response")).Length);
        await attacked.AssertUnharmedAsync();
    }

    /// <summary>A response that fills its window, and that nobody reads.</summary>
    private static async Task<(AsyncServerStreamingCall<byte[]> Call, int Id)> StallAsync(AttackedChannel attacked)
    {
        int id = attacked.NextId();
        AsyncServerStreamingCall<byte[]> call = attacked.Channel.Spread([1]);
        await attacked.Attacker.RequestAsync(id);
        await attacked.Attacker.HeadersAsync(id, endStream: false, RawServer.Headers200);
        await Bulk.SendAsync(attacked.Attacker, id, new byte[new ReceiveLimits().StreamWindow]);
        return (call, id);
    }

    /// <summary>A call whose response takes more than the connection's window.</summary>
    private static async Task ReceiveMuchAsync(AttackedChannel attacked)
    {
        int id = attacked.NextId();
        using AsyncUnaryCall<byte[]> call = attacked.Channel.Unary([1]);
        await attacked.Attacker.RequestAsync(id);
        await attacked.Attacker.HeadersAsync(id, endStream: false, RawServer.Headers200);
        await Bulk.SendAsync(attacked.Attacker, id, RawClient.Message(new byte[2_000_000]));
        await attacked.Attacker.HeadersAsync(id, endStream: true, "grpc-status=0");
        Assert.Equal(2_000_000, (await RawPeer.Within(call.ResponseAsync, "the response")).Length);
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_send")]
    private static extern ref SendSide Send(Http2Connection connection);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_nextStreamId")]
    private static extern ref int NextStreamId(SendSide side);
}
