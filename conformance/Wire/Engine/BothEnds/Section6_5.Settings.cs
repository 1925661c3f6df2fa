using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.BothEnds;

/// <summary>RFC 9113 sections 6.5 and 6.7 on both ends: every setting at and beyond the ends of its range, and PING.</summary>
public class Section6_5_Settings
{
    private static readonly EndName[] s_ends = [EndName.Server, EndName.Client];

    public static TheoryData<EndName, int, uint, ErrorName> OutOfRange
    {
        get
        {
            var data = new TheoryData<EndName, int, uint, ErrorName>
            {
                { EndName.Client, 2, 1u, ErrorName.ProtocolError }, // a server can't receive a push
            };
            foreach (EndName end in s_ends)
            {
                foreach (uint value in new[] { 2u, 0x1_0000u, uint.MaxValue })
                {
                    data.Add(end, 2, value, ErrorName.ProtocolError);
                }

                foreach (uint value in new[] { 0x8000_0000u, 0x8000_0001u, uint.MaxValue })
                {
                    data.Add(end, 4, value, ErrorName.FlowControlError);
                }

                foreach (uint value in new[] { 0u, 1u, 16_383u, 16_777_216u, 0x8000_0000u, uint.MaxValue })
                {
                    data.Add(end, 5, value, ErrorName.ProtocolError);
                }
            }

            return data;
        }
    }

    public static TheoryData<EndName, int, uint> InRange
    {
        get
        {
            var data = new TheoryData<EndName, int, uint> { { EndName.Server, 2, 1 } };
            (int Id, uint Value)[] fine =
            [
                (1, 0), (1, 4096), (1, uint.MaxValue), (2, 0), (3, 100), (3, uint.MaxValue), (4, 100), (4, int.MaxValue), (5, 16_384), (5, 16_777_215),
                (6, 1000), (6, uint.MaxValue), (0, 0), (0, uint.MaxValue), (7, 1), (8, 1), (9, 2), (0xffff, uint.MaxValue),
            ];
            foreach ((int id, uint value) in fine)
            {
                Array.ForEach(s_ends, end => data.Add(end, id, value));
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(OutOfRange))]
    [Requirement("9113-6.5-7")]
    [Requirement("9113-6.5.2-3")]
    [Requirement("9113-6.5.2-6")]
    [Requirement("9113-6.5.2-9")]
    [Requirement("9113-6.5.2-11")]
    public async Task A_setting_out_of_range_ends_the_connection(EndName end, int setting, uint value, ErrorName code)
    {
        await using Subject subject = await Subject.StartAsync(end);
        await subject.BringAsync(StateName.Open);
        await subject.Peer.SendAsync(o => SettingsFrame.Write(o, [(SettingId.MaxConcurrentStreams, 100), ((SettingId)setting, value)]));
        await subject.AssertConnectionErrorAsync((ErrorCode)code, "6.5.2");
    }

    [Theory]
    [MemberData(nameof(InRange))]
    [Requirement("9113-5.5-1")]
    [Requirement("9113-6.5.2-12")]
    [Requirement("9113-6.5.3-3")]
    [Requirement("9113-6.5.3-4")]
    public async Task A_setting_in_range_or_unknown_is_acknowledged(EndName end, int setting, uint value)
    {
        await using Subject subject = await Subject.StartAsync(end);
        await subject.BringAsync(StateName.Open);
        await subject.Peer.SendAsync(o => SettingsFrame.Write(o, [((SettingId)setting, value), ((SettingId)setting, value)]));
        if (setting == 1)
        {
            subject.Peer.LimitHeaderTable((int)uint.Min(value, 4096));
        }

        await subject.Peer.ExpectAsync(FrameType.Settings, 0, FrameFlags.Ack);
        await subject.Peer.AssertNothingOnAsync(0);
        subject.AssertCallGoesOn();
        await subject.AssertWorksAsync();
    }

    /// <summary>Three frames, one of them without any setting, in one write: three acknowledgements.</summary>
    [Theory]
    [InlineData(EndName.Server)]
    [InlineData(EndName.Client)]
    [Requirement("9113-6.5.3-4")]
    public async Task Each_settings_frame_has_its_acknowledgement(EndName end)
    {
        await using Subject subject = await Subject.StartAsync(end);
        await subject.Peer.SendAsync(o =>
        {
            SettingsFrame.Write(o, [(SettingId.MaxConcurrentStreams, 50)]);
            SettingsFrame.Write(o, []);
            SettingsFrame.Write(o, [(SettingId.MaxHeaderListSize, 50_000)]);
        });
        for (int i = 0; i < 3; i++)
        {
            await subject.Peer.ExpectAsync(FrameType.Settings, 0, FrameFlags.Ack);
        }

        await subject.Peer.AssertNothingOnAsync(0);
        await subject.AssertWorksAsync();
    }

    /// <summary>An acknowledgement of settings that were never sent means nothing, and is not acknowledged.</summary>
    [Theory]
    [InlineData(EndName.Server)]
    [InlineData(EndName.Client)]
    [Requirement("9113-6.7-5")]
    public async Task Acknowledgements_of_nothing_are_not_answered(EndName end)
    {
        await using Subject subject = await Subject.StartAsync(end);
        await subject.Peer.SendAsync(SettingsFrame.WriteAck);
        await subject.Peer.SendAsync(o => PingFrame.Write(o, isAck: true, 77));
        await subject.Peer.AssertNothingOnAsync(0);
        await subject.AssertWorksAsync();
    }

    [Theory]
    [InlineData(EndName.Server)]
    [InlineData(EndName.Client)]
    [Requirement("9113-6.7-2")]
    [Requirement("9113-6.7-4")]
    public async Task Each_ping_is_answered_with_its_own_octets(EndName end)
    {
        await using Subject subject = await Subject.StartAsync(end);
        ulong[] pings = [0, 1, 0x0102030405060708, ulong.MaxValue, 0x6d69_6e69_6279_6521];
        await subject.Peer.SendAsync(o => Array.ForEach(pings, ping => PingFrame.Write(o, isAck: false, ping)));
        foreach (ulong ping in pings)
        {
            byte[] answer = (await subject.Peer.ExpectAsync(FrameType.Ping, 0, FrameFlags.Ack)).Payload;
            Assert.Equal(ping, System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(answer));
        }

        await subject.Peer.AssertNothingOnAsync(0);
    }
}
