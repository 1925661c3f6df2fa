using CsCheck;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;
using static MiniGrpc.Conformance.Wire.Rfc9113.FrameBytes;

namespace MiniGrpc.Conformance.Wire.Rfc9113;

/// <summary>RFC 9113 section 6.5: the SETTINGS frame, and the settings it carries (6.5.2).</summary>
public class Section6_5_Settings
{
    [Fact]
    public void A_settings_frame_is_six_octets_an_entry() =>
        Assert.Equal(
            Hex("00000c 04 00 00000000 0003 00000064 0004 7fffffff"),
            Written(o => SettingsFrame.Write(o, [(SettingId.MaxConcurrentStreams, 100), (SettingId.InitialWindowSize, int.MaxValue)])));

    [Fact]
    public void An_acknowledgement_is_an_empty_frame_with_the_ack_flag()
    {
        byte[] bytes = Written(SettingsFrame.WriteAck);
        Assert.Equal(Hex("000000 04 01 00000000"), bytes);

        (FrameHeader header, byte[] payload) = Single(bytes);
        Assert.Null(SettingsFrame.Parse(header, payload, out SettingsFrame frame));
        Assert.True(frame.IsAck);
        Assert.Equal(0, frame.Count);
    }

    [Fact]
    public void Every_settings_frame_reads_back_as_it_was_written_in_its_order() =>
        Gen.Select(Gen.UShort, Gen.UInt).Array[0, 40].Sample(
            entries =>
            {
                (SettingId, uint)[] written = [.. entries.Select(entry => ((SettingId)entry.Item1, entry.Item2))];
                (FrameHeader header, byte[] payload) = Single(Written(o => SettingsFrame.Write(o, written)));
                Assert.Null(SettingsFrame.Parse(header, payload, out SettingsFrame frame));
                Assert.False(frame.IsAck);
                Assert.Equal(entries.Length, frame.Count);
                for (int i = 0; i < entries.Length; i++)
                {
                    Assert.Equal(entries[i], frame[i]);
                }
            },
            iter: 200);

    /// <summary>RFC 9113 section 6.5: SETTINGS on a stream other than 0 MUST be a connection error PROTOCOL_ERROR.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(int.MaxValue)]
    public void A_settings_frame_on_a_stream_is_a_protocol_error(int streamId)
    {
        IsConnectionError(Judge(FrameType.Settings, FrameFlags.None, streamId, new byte[6]), ErrorCode.ProtocolError, "6.5");
        IsConnectionError(Judge(FrameType.Settings, FrameFlags.Ack, streamId), ErrorCode.ProtocolError, "6.5");
    }

    /// <summary>RFC 9113 section 6.5: ACK with a payload MUST be a connection error FRAME_SIZE_ERROR.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(6)]
    public void A_settings_ack_with_a_payload_is_a_frame_size_error(int length) =>
        IsConnectionError(Judge(FrameType.Settings, FrameFlags.Ack, 0, new byte[length]), ErrorCode.FrameSizeError, "6.5");

    /// <summary>RFC 9113 section 6.5: a length that is no multiple of 6 MUST be a connection error FRAME_SIZE_ERROR.</summary>
    [Fact]
    public void A_settings_frame_with_half_an_entry_is_a_frame_size_error()
    {
        for (int length = 0; length < 50; length++)
        {
            ProtocolError? error = Judge(FrameType.Settings, FrameFlags.None, 0, new byte[length]);
            if (length % 6 == 0)
            {
                Assert.Null(error);
            }
            else
            {
                IsConnectionError(error, ErrorCode.FrameSizeError, "6.5");
            }
        }
    }

    [Fact]
    public void Settings_start_with_the_defaults_of_section_6_5_2()
    {
        var settings = new Settings();
        Assert.Equal(4096u, settings.HeaderTableSize);
        Assert.True(settings.EnablePush);
        Assert.Equal(uint.MaxValue, settings.MaxConcurrentStreams);
        Assert.Equal(65_535, settings.InitialWindowSize);
        Assert.Equal(16_384, settings.MaxFrameSize);
        Assert.Equal(uint.MaxValue, settings.MaxHeaderListSize);
    }

    [Fact]
    public void Each_setting_changes_its_value_and_no_other()
    {
        var settings = new Settings();
        Assert.Null(settings.Apply(SettingId.HeaderTableSize, 0));
        Assert.Null(settings.Apply(SettingId.EnablePush, 0));
        Assert.Null(settings.Apply(SettingId.MaxConcurrentStreams, 100));
        Assert.Null(settings.Apply(SettingId.InitialWindowSize, 1));
        Assert.Null(settings.Apply(SettingId.MaxFrameSize, 20_000));
        Assert.Null(settings.Apply(SettingId.MaxHeaderListSize, 8192));

        Assert.Equal(
            (0u, false, 100u, 1, 20_000, 8192u),
            (settings.HeaderTableSize, settings.EnablePush, settings.MaxConcurrentStreams,
                settings.InitialWindowSize, settings.MaxFrameSize, settings.MaxHeaderListSize));
    }

    [Theory]
    [InlineData((ushort)SettingId.HeaderTableSize, 0)]
    [InlineData((ushort)SettingId.HeaderTableSize, uint.MaxValue)]
    [InlineData((ushort)SettingId.EnablePush, 0)]
    [InlineData((ushort)SettingId.EnablePush, 1)]
    [InlineData((ushort)SettingId.MaxConcurrentStreams, 0)]
    [InlineData((ushort)SettingId.MaxConcurrentStreams, uint.MaxValue)]
    [InlineData((ushort)SettingId.InitialWindowSize, 0)]
    [InlineData((ushort)SettingId.InitialWindowSize, 0x7fff_ffff)]
    [InlineData((ushort)SettingId.MaxFrameSize, 16_384)]
    [InlineData((ushort)SettingId.MaxFrameSize, 16_777_215)]
    [InlineData((ushort)SettingId.MaxHeaderListSize, 0)]
    [InlineData((ushort)SettingId.MaxHeaderListSize, uint.MaxValue)]
    public void The_ends_of_a_range_are_in_it(ushort id, uint value)
    {
        var settings = new Settings();
        Assert.Null(settings.Apply((SettingId)id, value));
        long now = (SettingId)id switch
        {
            SettingId.HeaderTableSize => settings.HeaderTableSize,
            SettingId.EnablePush => settings.EnablePush ? 1 : 0,
            SettingId.MaxConcurrentStreams => settings.MaxConcurrentStreams,
            SettingId.InitialWindowSize => settings.InitialWindowSize,
            SettingId.MaxFrameSize => settings.MaxFrameSize,
            _ => settings.MaxHeaderListSize,
        };
        Assert.Equal(value, now);
    }

    /// <summary>RFC 9113 section 6.5.2: values out of range MUST be connection errors; a window's has its own code.</summary>
    [Theory]
    [InlineData((ushort)SettingId.EnablePush, 2, (uint)ErrorCode.ProtocolError)]
    [InlineData((ushort)SettingId.EnablePush, uint.MaxValue, (uint)ErrorCode.ProtocolError)]
    [InlineData((ushort)SettingId.InitialWindowSize, 0x8000_0000, (uint)ErrorCode.FlowControlError)]
    [InlineData((ushort)SettingId.InitialWindowSize, uint.MaxValue, (uint)ErrorCode.FlowControlError)]
    [InlineData((ushort)SettingId.MaxFrameSize, 0, (uint)ErrorCode.ProtocolError)]
    [InlineData((ushort)SettingId.MaxFrameSize, 16_383, (uint)ErrorCode.ProtocolError)]
    [InlineData((ushort)SettingId.MaxFrameSize, 16_777_216, (uint)ErrorCode.ProtocolError)]
    [InlineData((ushort)SettingId.MaxFrameSize, uint.MaxValue, (uint)ErrorCode.ProtocolError)]
    public void A_value_out_of_range_is_an_error_and_changes_nothing(ushort id, uint value, uint code)
    {
        var settings = new Settings();
        IsConnectionError(settings.Apply((SettingId)id, value), (ErrorCode)code, "6.5.2");
        Assert.Equal((true, 65_535, 16_384), (settings.EnablePush, settings.InitialWindowSize, settings.MaxFrameSize));
    }

    /// <summary>RFC 9113 section 6.5.2: a client MUST treat ENABLE_PUSH 1 from a server as a connection error PROTOCOL_ERROR.</summary>
    [Fact]
    public void A_server_may_not_enable_push()
    {
        IsConnectionError(new Settings(ofServer: true).Apply(SettingId.EnablePush, 1), ErrorCode.ProtocolError, "6.5.2");
        Assert.Null(new Settings(ofServer: true).Apply(SettingId.EnablePush, 0));
    }

    /// <summary>RFC 9113 section 6.5.2: unknown settings MUST be ignored.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    [InlineData((ushort)SettingId.EnableConnectProtocol)]
    [InlineData((ushort)SettingId.NoRfc7540Priorities)]
    [InlineData(0xffff)]
    public void An_unknown_setting_is_ignored(ushort id)
    {
        var settings = new Settings();
        Assert.Null(settings.Apply((SettingId)id, uint.MaxValue));
        Assert.Equivalent(new Settings(), settings);
    }
}
