using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.BothEnds;

/// <summary>RFC 9113 sections 5.2 and 6.9 on both ends: windows, and what does not depend on them.</summary>
public class Section6_9_FlowControl
{
    private static readonly ReceiveLimits s_limits = new();

    [Theory]
    [InlineData(EndName.Server, StateName.Open)]
    [InlineData(EndName.Server, StateName.HalfClosedRemote)]
    [InlineData(EndName.Client, StateName.Open)]
    [InlineData(EndName.Client, StateName.HalfClosedLocal)]
    [InlineData(EndName.Client, StateName.Responding)]
    [Requirement("9113-6.9-2")]
    public async Task A_window_update_of_zero_resets_its_stream(EndName end, StateName state)
    {
        await using Subject subject = await Subject.StartAsync(end);
        int id = await subject.BringAsync(state);
        await subject.Peer.FrameAsync(FrameType.WindowUpdate, FrameFlags.None, id, 0x80, 0, 0, 0); // the reserved bit counts for nothing
        await subject.AssertStreamErrorAsync(id, ErrorCode.ProtocolError);
    }

    /// <summary>Without an open stream there is nothing to reset.</summary>
    [Theory]
    [InlineData(EndName.Server, StateName.Zero)]
    [InlineData(EndName.Server, StateName.Idle)]
    [InlineData(EndName.Server, StateName.Even)]
    [InlineData(EndName.Server, StateName.Ended)]
    [InlineData(EndName.Server, StateName.ResetByUs)]
    [InlineData(EndName.Client, StateName.Zero)]
    [InlineData(EndName.Client, StateName.Idle)]
    [InlineData(EndName.Client, StateName.Ended)]
    [InlineData(EndName.Client, StateName.ResetByUs)]
    [Requirement("9113-6.9-2")]
    [Requirement("9113-6.9-3")]
    [Requirement("9113-6.4-5")]
    public async Task A_window_update_of_zero_elsewhere_ends_the_connection(EndName end, StateName state)
    {
        await using Subject subject = await Subject.StartAsync(end);
        int id = await subject.BringAsync(state);
        await subject.Peer.SendAsync(o => WindowUpdateFrame.Write(o, id, 0));
        await subject.AssertConnectionErrorAsync(ErrorCode.ProtocolError, "6.9");
    }

    [Theory]
    [InlineData(EndName.Server, StateName.Open)]
    [InlineData(EndName.Server, StateName.HalfClosedRemote)]
    [InlineData(EndName.Client, StateName.Open)]
    [InlineData(EndName.Client, StateName.HalfClosedLocal)]
    [Requirement("9113-6.9.1-2")]
    [Requirement("9113-6.9.1-3")]
    public async Task A_window_update_past_the_limit_resets_its_stream(EndName end, StateName state)
    {
        await using Subject subject = await Subject.StartAsync(end);
        int id = await subject.BringAsync(state);
        int used = state == StateName.HalfClosedLocal ? RawClient.Message(1).Length : 0;
        await subject.Peer.SendAsync(o => WindowUpdateFrame.Write(o, id, int.MaxValue - 65_535 + used));
        await subject.Peer.AssertNothingOnAsync(id);
        subject.AssertCallGoesOn();
        await subject.Peer.SendAsync(o => WindowUpdateFrame.Write(o, id, 1));
        await subject.AssertStreamErrorAsync(id, ErrorCode.FlowControlError);
    }

    [Theory]
    [InlineData(EndName.Server)]
    [InlineData(EndName.Client)]
    [Requirement("9113-6.9-3")]
    [Requirement("9113-6.9.1-2")]
    [Requirement("9113-6.9.1-3")]
    public async Task A_window_update_past_the_limit_ends_the_connection(EndName end)
    {
        await using Subject subject = await Subject.StartAsync(end);
        await subject.BringAsync(StateName.Open);
        await subject.Peer.SendAsync(o => WindowUpdateFrame.Write(o, 0, int.MaxValue - 65_535));
        await subject.Peer.AssertNothingOnAsync(0);
        await subject.Peer.SendAsync(o => WindowUpdateFrame.Write(o, 0, 1000));
        await subject.AssertConnectionErrorAsync(ErrorCode.FlowControlError, "6.9.1");
    }

    /// <summary>SETTINGS move the windows of open streams, and one of them is one octet too large for that.</summary>
    [Theory]
    [InlineData(EndName.Server)]
    [InlineData(EndName.Client)]
    [Requirement("9113-6.9.1-2")]
    [Requirement("9113-6.9.2-1")]
    [Requirement("9113-6.9.2-4")]
    public async Task An_initial_window_that_takes_a_stream_past_the_limit_ends_the_connection(EndName end)
    {
        await using Subject subject = await Subject.StartAsync(end);
        int id = await subject.BringAsync(StateName.Open);
        await subject.Peer.SendAsync(o => SettingsFrame.Write(o, [(SettingId.InitialWindowSize, int.MaxValue)]));
        await subject.Peer.ExpectAsync(FrameType.Settings, 0, FrameFlags.Ack);
        await subject.Peer.SendAsync(o => SettingsFrame.Write(o, [(SettingId.InitialWindowSize, int.MaxValue - 1)]));
        await subject.Peer.ExpectAsync(FrameType.Settings, 0, FrameFlags.Ack);
        await subject.Peer.SendAsync(o => WindowUpdateFrame.Write(o, id, 1));
        await subject.Peer.AssertNothingOnAsync(id);
        subject.AssertCallGoesOn();
        await subject.Peer.SendAsync(o => SettingsFrame.Write(o, [(SettingId.InitialWindowSize, int.MaxValue)]));
        await subject.AssertConnectionErrorAsync(ErrorCode.FlowControlError, "6.9.2");
    }

    /// <summary>DATA for a stream that we have reset: the peer gets the connection's credit back for all of it, for ever.</summary>
    [Theory]
    [InlineData(EndName.Server, StateName.ResetByUs)]
    [InlineData(EndName.Server, StateName.Answered)]
    [InlineData(EndName.Server, StateName.Refused)]
    [InlineData(EndName.Client, StateName.ResetByUs)]
    [Requirement("9113-5.1-9")]
    [Requirement("9113-5.4.2-1")]
    [Requirement("9113-6.4-2")]
    [Requirement("9113-6.9-5")]
    public async Task Data_that_is_thrown_away_counts_for_the_window_of_the_connection(EndName end, StateName state)
    {
        await using Subject subject = await Subject.StartAsync(end);
        int id = await subject.BringAsync(state);
        byte[] data = new byte[16_384];
        for (int sent = 0; sent < 3 * s_limits.ConnectionWindow; sent += data.Length)
        {
            while (subject.Peer.ConnectionCredit < data.Length)
            {
                await subject.Peer.ExpectAsync(FrameType.WindowUpdate);
            }

            await subject.Peer.DataAsync(id, data);
        }

        await subject.AssertWorksAsync();
    }

    /// <summary>It counts on the other side as well: more than the window is an error, whatever the stream.</summary>
    [Theory]
    [InlineData(EndName.Server)]
    [InlineData(EndName.Client)]
    [Requirement("9113-6.9-5")]
    public async Task Data_that_is_thrown_away_may_not_be_more_than_the_window(EndName end)
    {
        Assert.SkipWhen(OverTls.IsOn, "TLS gives a read 128 KiB at the most, and the credit for them goes back before the next.");
        await using Subject subject = await Subject.StartAsync(end);
        int id = await subject.BringAsync(StateName.ResetByUs);
        await subject.Peer.SendAsync(o =>
        {
            // In one write, so that no credit can come between: the window is 64 frames and 8 are too many for what is left of it.
            for (int i = 0; i < 72; i++)
            {
                DataFrame.Write(o, id, new byte[16_384], endStream: false);
            }
        });
        await subject.AssertConnectionErrorAsync(ErrorCode.FlowControlError, "6.9.1");
    }

    /// <summary>A stream whose window is used up, and whose messages nobody reads, holds up no other frame.</summary>
    [Theory]
    [InlineData(EndName.Server)]
    [InlineData(EndName.Client)]
    [Requirement("9113-5.2.2-1")]
    [Requirement("9113-6.9-1")]
    public async Task Frames_that_flow_control_does_not_cover_are_taken_without_a_window(EndName end)
    {
        await using Subject subject = await Subject.StartAsync(end);
        int id = await subject.BringStalledAsync();
        await subject.Peer.SendAsync(o =>
        {
            WindowUpdateFrame.Write(o, id, 1);
            WindowUpdateFrame.Write(o, 0, 1);
            SettingsFrame.Write(o, [(SettingId.MaxHeaderListSize, 99_999)]);
            new FrameHeader(5, FrameType.Priority, FrameFlags.None, id).Write(o);
            o.Write(new byte[5]);
        });
        await subject.Peer.ExpectAsync(FrameType.Settings, 0, FrameFlags.Ack);
        await subject.AssertWorksAsync();
        await subject.Peer.SendAsync(o => RstStreamFrame.Write(o, id, ErrorCode.Cancel));
        await subject.AssertCallEndsAsync(id);
        await subject.AssertWorksAsync();
    }
}
