using Grpc.Core;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Robustness;

/// <summary>Frames against a client, rows 27 to 36 (RFC 9113 sections 4 to 6).</summary>
public class FramesOnTheClient
{
    [Theory]
    [MemberData(nameof(BadFrames.All), MemberType = typeof(BadFrames))]
    public async Task Row27_to_Row36_A_frame_that_breaks_the_connection_ends_it_and_no_other(string frame, ErrorName code, string section)
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        await attacked.OffendFatallyAsync(
            (ErrorCode)code,
            section,
            async (server, id) =>
            {
                await server.HeadersAsync(id, endStream: false, RawServer.Headers200);
                await server.SendAsync(o => BadFrames.Write(frame, o, id));
            });
    }

    /// <summary>Row 31: a server may not even offer to take pushes (RFC 9113 section 6.5.2).</summary>
    [Fact]
    public async Task Row31_A_server_that_enables_push_ends_the_connection()
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        await attacked.OffendFatallyAsync(
            ErrorCode.ProtocolError, "6.5.2", (server, _) => server.SendAsync(o => SettingsFrame.Write(o, [(SettingId.EnablePush, 1)])));
    }

    /// <summary>Row 28: unknown types and flags and the reserved bit mean nothing (RFC 9113 sections 4.1 and 5.5).</summary>
    [Fact]
    public async Task Row28_Unknown_frames_and_flags_and_the_reserved_bit_are_ignored()
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        int id = attacked.NextId();
        using AsyncUnaryCall<byte[]> call = attacked.Channel.Unary([1]);
        await attacked.Attacker.RequestAsync(id);
        await attacked.Attacker.SendAsync(o =>
        {
            BadFrames.Frame(o, (FrameType)0xbe, (FrameFlags)0xff, 0, 1, 2, 3);
            BadFrames.Frame(o, (FrameType)0x10, FrameFlags.None, 1001, []);
            BadFrames.Frame(o, FrameType.Headers, FrameFlags.EndHeaders | (FrameFlags)0xc2, id, attacked.Attacker.Block(RawServer.Headers200));
            int offset = o.Length;
            BadFrames.Frame(o, FrameType.Data, (FrameFlags)0xf6, id, RawClient.Message(7));
            o.WrittenSpan[offset + 5] |= 0x80;
            BadFrames.Frame(o, FrameType.WindowUpdate, (FrameFlags)0xff, 0, 0x80, 0, 0, 1);
            attacked.Attacker.Headers(o, id, endStream: true, "grpc-status=0");
        });
        Assert.Equal([7], await RawPeer.Within(call.ResponseAsync, "the response"));
        await attacked.AssertUnharmedAsync();
    }

    /// <summary>Row 32: frames that were under way when the client gave the call up are let through.</summary>
    [Fact]
    public async Task Row32_Frames_in_flight_for_a_stream_just_reset_are_ignored()
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        int id = attacked.NextId();
        using (attacked.Channel.Unary([1]))
        {
            await attacked.Attacker.RequestAsync(id);
        }

        await attacked.Attacker.ExpectResetAsync(id, ErrorCode.Cancel);
        await attacked.Attacker.SendAsync(o =>
        {
            attacked.Attacker.Headers(o, id, endStream: false, RawServer.Headers200);
            DataFrame.Write(o, id, RawClient.Message(1), endStream: false);
            WindowUpdateFrame.Write(o, id, 1);
            attacked.Attacker.Headers(o, id, endStream: true, "grpc-status=0");
            RstStreamFrame.Write(o, id, ErrorCode.NoError);
        });
        await attacked.AssertUnharmedAsync();
    }

    /// <summary>Rows 34 and 35 (RFC 9113 sections 6.9 and 6.9.1).</summary>
    [Theory]
    [InlineData(0, ErrorName.ProtocolError, "section 6.9)")]
    [InlineData(int.MaxValue, ErrorName.FlowControlError, "section 6.9.1)")]
    public async Task Row34_Row35_A_window_update_of_zero_or_too_much_is_an_error_of_its_stream(int increment, ErrorName code, string section)
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        await attacked.OffendAsync(
            StatusCode.Internal,
            section,
            async (server, id) =>
            {
                await server.SendAsync(o => WindowUpdateFrame.Write(o, id, increment));
                await server.ExpectResetAsync(id, (ErrorCode)code);
            });
    }

    [Fact]
    public async Task Row35_Settings_that_move_a_window_past_the_largest_end_the_connection()
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        await attacked.OffendFatallyAsync(
            ErrorCode.FlowControlError,
            "6.9.2",
            (server, id) => server.SendAsync(o =>
            {
                WindowUpdateFrame.Write(o, id, 100);
                SettingsFrame.Write(o, [(SettingId.InitialWindowSize, int.MaxValue)]);
            }));
    }

    /// <summary>Row 35: a window may be made negative; the stream waits until it is positive again (RFC 9113 section 6.9.2).</summary>
    [Fact]
    public async Task Row35_A_negative_window_is_legal()
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync(null, (SettingId.InitialWindowSize, 100));
        int id = attacked.NextId();
        using AsyncUnaryCall<byte[]> call = attacked.Channel.Unary(new byte[145]);
        await attacked.Attacker.ExpectAsync(FrameType.Headers, id);
        Assert.Equal(100, (await attacked.Attacker.ExpectAsync(FrameType.Data, id)).Payload.Length);
        await attacked.Attacker.SendAsync(o => SettingsFrame.Write(o, [(SettingId.InitialWindowSize, 10)])); // now -90
        await attacked.Attacker.SendAsync(o => WindowUpdateFrame.Write(o, id, 90));
        await attacked.Attacker.AssertNothingOnAsync(id);
        await attacked.Attacker.SendAsync(o => WindowUpdateFrame.Write(o, id, 50));
        RawFrame rest = await attacked.Attacker.ExpectAsync(FrameType.Data, id);
        Assert.Equal((50, true), (rest.Payload.Length, rest.EndStream));
        await attacked.Attacker.ReplyAsync(id, 3);
        Assert.Equal([3], await RawPeer.Within(call.ResponseAsync, "the response"));
        await attacked.AssertUnharmedAsync();
    }

    /// <summary>Row 36: RFC 9113 section 6.9.1. Bounds what a call that nobody reads can hold: its window.</summary>
    [Fact]
    public async Task Row36_Data_beyond_the_window_of_its_stream_fails_the_call()
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        for (int i = 0; i < 3; i++)
        {
            int id = attacked.NextId();
            using AsyncServerStreamingCall<byte[]> call = attacked.Channel.Spread([1]);
            await attacked.Attacker.RequestAsync(id);
            await attacked.Attacker.HeadersAsync(id, endStream: false, RawServer.Headers200);

            // The start of one long message: there is none that could still be read between the reset and the call's end.
            await Bulk.SendAsync(attacked.Attacker, id, RawClient.Message(new byte[1_000_000]).AsMemory(..new ReceiveLimits().StreamWindow));
            await attacked.Attacker.DataAsync(id, [1]);
            await attacked.Attacker.ExpectResetAsync(id, ErrorCode.FlowControlError);
            await TestChannel.AssertFailsAsync(call.ResponseStream.MoveNext(CancellationToken.None), StatusCode.Internal, "section 6.9.1)");
        }

        await attacked.AssertUnharmedAsync("section 6.9.1)");
    }

    /// <summary>Row 36: what is unread in all calls is bounded, too: then the connection's window stays shut.</summary>
    [Theory]
    [InlineData(4 * 1024 * 1024)] // the default
    [InlineData(100_000)]
    public async Task Row36_Data_beyond_the_window_of_the_connection_ends_the_connection(int queue)
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync(options => options.AbuseLimits = options.AbuseLimits with { ReceiveQueue = queue });
        var limits = new ReceiveLimits();
        var calls = new List<AsyncServerStreamingCall<byte[]>>();
        while (attacked.Attacker.ConnectionCredit > 0)
        {
            int id = attacked.NextId();
            calls.Add(attacked.Channel.Spread([1]));
            await attacked.Attacker.RequestAsync(id);
            await attacked.Attacker.HeadersAsync(id, endStream: false, RawServer.Headers200);
            await Bulk.SendAsync(attacked.Attacker, id, new byte[long.Min(limits.StreamWindow, attacked.Attacker.ConnectionCredit)]);
            await attacked.Attacker.RoundTripAsync();
        }

        long unread = Internals.ReadyConnectionOf(attacked.Channel.Channel)!.ReceiveWindow.Unread;
        Assert.InRange(unread, queue, queue + limits.ConnectionWindow);
        await attacked.OffendFatallyAsync(ErrorCode.FlowControlError, "6.9.1", (server, _) => server.DataAsync(3, [1]));
        calls.ForEach(call => call.Dispose());
    }
}
