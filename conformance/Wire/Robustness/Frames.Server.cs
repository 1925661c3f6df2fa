using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Robustness;

/// <summary>Frames against a server, rows 27 to 36 (RFC 9113 sections 4 to 6).</summary>
public class FramesOnTheServer
{
    [Theory]
    [MemberData(nameof(BadFrames.All), MemberType = typeof(BadFrames))]
    public async Task Row27_to_Row36_A_frame_that_breaks_the_connection_ends_it_and_no_other(string frame, ErrorName code, string section)
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync();
        await attacked.OffendFatallyAsync(
            (ErrorCode)code,
            section,
            3,
            async (client, id) =>
            {
                await client.RequestAsync(id, "Collect");
                await client.SendAsync(o => BadFrames.Write(frame, o, id));
            });
    }

    /// <summary>Row 28: unknown types and flags and the reserved bit mean nothing (RFC 9113 sections 4.1 and 5.5).</summary>
    [Fact]
    public async Task Row28_Unknown_frames_and_flags_and_the_reserved_bit_are_ignored()
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync();
        int id = attacked.NextId();
        await attacked.Attacker.SendAsync(o =>
        {
            BadFrames.Frame(o, (FrameType)0xbe, (FrameFlags)0xff, 0, 1, 2, 3);
            BadFrames.Frame(o, (FrameType)0x10, FrameFlags.None, 1001, []);
            byte[] block = attacked.Attacker.Block(RawClient.RequestFields("Unary"));
            BadFrames.Frame(o, FrameType.Headers, FrameFlags.EndHeaders | (FrameFlags)0xc2, id, block);
            int offset = o.Length;
            BadFrames.Frame(o, FrameType.Data, FrameFlags.EndStream | (FrameFlags)0xf6, id, RawClient.Message(7));
            o.WrittenSpan[offset + 5] |= 0x80;
            BadFrames.Frame(o, FrameType.WindowUpdate, (FrameFlags)0xff, 0, 0x80, 0, 0, 1);
        });
        RawResponse response = await attacked.Attacker.ResponseAsync(id);
        Assert.Equal("0", response.Status);
        Assert.Equal(RawClient.Message(7), response.Data);
        await attacked.AssertUnharmedAsync();
    }

    /// <summary>Row 32: an identifier below one that was used is closed, and can't be opened.</summary>
    [Fact]
    public async Task Row32_A_stream_identifier_that_goes_back_ends_the_connection()
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync();
        await attacked.OffendFatallyAsync(
            ErrorCode.ProtocolError,
            "5.1.1",
            1001,
            async (client, id) =>
            {
                await client.RequestAsync(1001, "Collect");
                await client.RequestAsync(id, "Collect");
            });
    }

    /// <summary>Row 32: DATA after END_STREAM is an error of its stream (RFC 9113 section 5.1, half-closed).</summary>
    [Fact]
    public async Task Row32_Data_behind_the_end_of_its_stream_is_an_error_of_the_stream()
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync();
        attacked.Server.Service.Unary = async (request, context) =>
        {
            if (request.Length == 0)
            {
                await TestService.UntilCancelledAsync(context);
            }

            return request;
        };
        await attacked.OffendAsync(
            ErrorCode.StreamClosed,
            "section 5.1)",
            async (client, id) =>
            {
                await client.RequestAsync(id, "Unary");
                await client.DataAsync(id, RawClient.Message(), endStream: true);
                await client.DataAsync(id, [1]);
            });
    }

    /// <summary>Row 32: frames that were under way when the server reset the stream are let through, whatever they are.</summary>
    [Fact]
    public async Task Row32_Frames_in_flight_for_a_stream_just_reset_are_ignored()
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync();
        await attacked.OffendAsync(
            ErrorCode.ProtocolError,
            "section 6.9)",
            async (client, id) =>
            {
                await client.RequestAsync(id, "Collect");
                await client.SendAsync(o =>
                {
                    WindowUpdateFrame.Write(o, id, 0);
                    DataFrame.Write(o, id, RawClient.Message(1), endStream: false);
                    WindowUpdateFrame.Write(o, id, 1);
                    client.Headers(o, id, endStream: true, "trailer=x");
                    RstStreamFrame.Write(o, id, ErrorCode.Cancel);
                });
            });
    }

    /// <summary>Row 34: RFC 9113 section 6.9.</summary>
    [Fact]
    public async Task Row34_A_window_update_of_zero_is_an_error_of_its_stream()
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync();
        await attacked.OffendAsync(
            ErrorCode.ProtocolError,
            "section 6.9)",
            async (client, id) =>
            {
                await client.RequestAsync(id, "Collect");
                await client.SendAsync(o => WindowUpdateFrame.Write(o, id, 0));
            });
    }

    /// <summary>Row 35: RFC 9113 section 6.9.1.</summary>
    [Fact]
    public async Task Row35_A_window_update_past_the_largest_window_is_an_error_of_its_stream()
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync();
        await attacked.OffendAsync(
            ErrorCode.FlowControlError,
            "section 6.9.1)",
            async (client, id) =>
            {
                await client.RequestAsync(id, "Collect");
                await client.SendAsync(o => WindowUpdateFrame.Write(o, id, int.MaxValue));
            });
    }

    /// <summary>Row 35: RFC 9113 section 6.9.2: a change of the initial window that moves a stream's past 2^31-1.</summary>
    [Fact]
    public async Task Row35_Settings_that_move_a_window_past_the_largest_end_the_connection()
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync();
        await attacked.OffendFatallyAsync(
            ErrorCode.FlowControlError,
            "6.9.2",
            3,
            async (client, id) =>
            {
                await client.RequestAsync(id, "Collect");
                await client.SendAsync(o =>
                {
                    WindowUpdateFrame.Write(o, id, 1);
                    SettingsFrame.Write(o, [(SettingId.InitialWindowSize, int.MaxValue)]);
                });
            });
    }

    /// <summary>Row 35: a window may be made negative; the stream waits until it is positive again (RFC 9113 section 6.9.2).</summary>
    [Fact]
    public async Task Row35_A_negative_window_is_legal()
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync(new TestServer(), (SettingId.InitialWindowSize, 100));
        int id = attacked.NextId();
        await attacked.Attacker.RequestAsync(id, "Unary");
        await attacked.Attacker.DataAsync(id, RawClient.Message(new byte[145]), endStream: true);
        await attacked.Attacker.ExpectAsync(FrameType.Headers, id);
        Assert.Equal(100, (await attacked.Attacker.ExpectAsync(FrameType.Data, id)).Payload.Length);
        await attacked.Attacker.SendAsync(o => SettingsFrame.Write(o, [(SettingId.InitialWindowSize, 10)])); // now -90
        await attacked.Attacker.SendAsync(o => WindowUpdateFrame.Write(o, id, 90));
        await attacked.Attacker.AssertNothingOnAsync(id);
        await attacked.Attacker.SendAsync(o => WindowUpdateFrame.Write(o, id, 50));
        Assert.Equal(50, (await attacked.Attacker.ExpectAsync(FrameType.Data, id)).Payload.Length);
        Assert.Equal("0", (await attacked.Attacker.ExpectAsync(FrameType.Headers, id))["grpc-status"]);
        await attacked.AssertUnharmedAsync();
    }

    /// <summary>Row 36: RFC 9113 section 6.9.1. Bounds what a stream that nobody reads can hold: its window.</summary>
    [Fact]
    public async Task Row36_Data_beyond_the_window_of_its_stream_is_an_error_of_the_stream()
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync();
        attacked.Server.Service.Collect = async (_, context) =>
        {
            await TestService.UntilCancelledAsync(context);
            return [];
        };
        await attacked.OffendAsync(
            ErrorCode.FlowControlError,
            "section 6.9.1)",
            async (client, id) =>
            {
                await client.RequestAsync(id, "Collect");
                await Bulk.SendAsync(client, id, new byte[new ReceiveLimits().StreamWindow]);
                await client.DataAsync(id, [1]);
            });
    }

    /// <summary>Row 36: what is unread on all streams is bounded, too: then the connection's window stays shut.</summary>
    [Theory]
    [InlineData(4 * 1024 * 1024)] // the default
    [InlineData(100_000)]
    public async Task Row36_Data_beyond_the_window_of_the_connection_ends_the_connection(int queue)
    {
        Assert.Equal(4 * 1024 * 1024, new AbuseLimits().ReceiveQueue);
        await using AttackedServer attacked = await AttackedServer.StartAsync(options => options.AbuseLimits = options.AbuseLimits with { ReceiveQueue = queue });
        attacked.Server.Service.Collect = async (_, context) =>
        {
            await TestService.UntilCancelledAsync(context);
            return [];
        };
        var limits = new ReceiveLimits();
        int last = 0;
        while (attacked.Attacker.ConnectionCredit > 0)
        {
            last = attacked.NextId();
            await attacked.Attacker.RequestAsync(last, "Collect");
            await Bulk.SendAsync(attacked.Attacker, last, new byte[long.Min(limits.StreamWindow, attacked.Attacker.ConnectionCredit)]);
            await attacked.Attacker.RoundTripAsync();
        }

        long unread = Internals.ConnectionsOf(attacked.Server.Core).Max(connection => connection.ReceiveWindow.Unread);
        Assert.InRange(unread, queue, queue + limits.ConnectionWindow);
        await attacked.OffendFatallyAsync(ErrorCode.FlowControlError, "6.9.1", last, (client, _) => client.DataAsync(3, [1]));
    }
}
