using MiniGrpc.Wire.Hpack;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.BothEnds;

/// <summary>RFC 9113 section 4.2 on both ends: every length that a frame can't have, and padding that doesn't fit.</summary>
public class Section4_2_FrameSizes
{
    private static readonly EndName[] s_ends = [EndName.Server, EndName.Client];

    /// <summary>Type, flags, state of its stream, payload length, section; lengths that end the connection.</summary>
    public static TheoryData<EndName, FrameTypeName, int, StateName, int, string> WrongLengths
    {
        get
        {
            var data = new TheoryData<EndName, FrameTypeName, int, StateName, int, string>();
            void Add(FrameTypeName type, FrameFlags flags, StateName state, string section, params IEnumerable<int> lengths)
            {
                foreach (int length in lengths)
                {
                    Array.ForEach(s_ends, end => data.Add(end, type, (int)flags, state, length, section));
                }
            }

            Add(FrameTypeName.Data, FrameFlags.Padded, StateName.Open, "6.1", 0);
            Add(FrameTypeName.Headers, FrameFlags.Padded, StateName.Open, "6.2", 0);
            Add(FrameTypeName.Headers, FrameFlags.Priority, StateName.Open, "6.2", 0, 1, 2, 3, 4);
            Add(FrameTypeName.Headers, FrameFlags.Priority | FrameFlags.Padded, StateName.Open, "6.2", 0, 1, 2, 3, 4, 5);
            Add(FrameTypeName.Priority, FrameFlags.None, StateName.Idle, "6.3", 0, 1, 2, 3, 4, 6, 7);
            Add(FrameTypeName.Priority, FrameFlags.None, StateName.Ended, "6.3", 4, 6);
            Add(FrameTypeName.Priority, FrameFlags.None, StateName.ResetByUs, "6.3", 4, 6);
            Add(FrameTypeName.RstStream, FrameFlags.None, StateName.Open, "6.4", 0, 1, 2, 3, 5, 6, 8);
            Add(FrameTypeName.RstStream, FrameFlags.None, StateName.Ended, "6.4", 3, 5);
            Add(FrameTypeName.Settings, FrameFlags.None, StateName.Zero, "6.5", 1, 2, 3, 4, 5, 7, 8, 11, 13);
            Add(FrameTypeName.Settings, FrameFlags.Ack, StateName.Zero, "6.5", 1, 5, 6, 7, 12);
            Add(FrameTypeName.Ping, FrameFlags.None, StateName.Zero, "6.7", 0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 16);
            Add(FrameTypeName.Ping, FrameFlags.Ack, StateName.Zero, "6.7", 0, 7, 9);
            Add(FrameTypeName.GoAway, FrameFlags.None, StateName.Zero, "6.8", 0, 1, 2, 3, 4, 5, 6, 7);
            Add(FrameTypeName.WindowUpdate, FrameFlags.None, StateName.Zero, "6.9", 0, 1, 2, 3, 5, 6, 8);
            Add(FrameTypeName.WindowUpdate, FrameFlags.None, StateName.Open, "6.9", 0, 1, 2, 3, 5, 6, 8);
            Add(FrameTypeName.WindowUpdate, FrameFlags.None, StateName.Idle, "6.9", 3, 5);
            Add(FrameTypeName.WindowUpdate, FrameFlags.None, StateName.Ended, "6.9", 3, 5);
            return data;
        }
    }

    /// <summary>Type and pad length + payload behind it; padding that is as long as the payload or longer.</summary>
    public static TheoryData<EndName, FrameTypeName, int, int, int, string> WrongPaddings
    {
        get
        {
            var data = new TheoryData<EndName, FrameTypeName, int, int, int, string>();
            foreach (EndName end in s_ends)
            {
                foreach ((int padding, int rest) in new[] { (1, 0), (255, 0), (2, 1), (11, 10), (12, 10), (255, 254) })
                {
                    data.Add(end, FrameTypeName.Data, 0, padding, rest, "6.1");
                    data.Add(end, FrameTypeName.Headers, 0, padding, rest, "6.2");
                    data.Add(end, FrameTypeName.Headers, (int)FrameFlags.Priority, padding, 5 + rest, "6.2");
                    data.Add(end, FrameTypeName.PushPromise, 0, padding, 4 + rest, "8.4");
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(WrongLengths))]
    [Requirement("9113-4.2-3")]
    [Requirement("9113-4.2-4")]
    [Requirement("9113-4.2-5")]
    [Requirement("9113-6.3-2")]
    [Requirement("9113-6.4-7")]
    [Requirement("9113-6.5-4")]
    [Requirement("9113-6.5-8")]
    [Requirement("9113-6.7-7")]
    [Requirement("9113-6.9-6")]
    public async Task A_wrong_length_is_a_frame_size_error_of_the_connection(
        EndName end, FrameTypeName type, int flags, StateName state, int length, string section)
    {
        await using Subject subject = await Subject.StartAsync(end);
        int id = await subject.BringAsync(state);
        await subject.Peer.FrameAsync((FrameType)type, (FrameFlags)flags, id, new byte[length]);
        await subject.AssertConnectionErrorAsync(ErrorCode.FrameSizeError, section);
    }

    [Theory]
    [OnBothEnds(0, 1, 2, 3, 4, 6, 7, 10)]
    [Requirement("9113-4.2-3")]
    [Requirement("9113-4.2-4")]
    [Requirement("9113-6.3-2")]
    public async Task A_wrong_length_of_priority_is_a_frame_size_error_of_an_open_stream(EndName end, int length)
    {
        await using Subject subject = await Subject.StartAsync(end);
        int id = await subject.BringAsync(StateName.Open);
        await subject.Peer.FrameAsync(FrameType.Priority, FrameFlags.None, id, new byte[length]);
        await subject.AssertStreamErrorAsync(id, ErrorCode.FrameSizeError);
    }

    [Theory]
    [MemberData(nameof(WrongPaddings))]
    [Requirement("9113-6.1-5")]
    [Requirement("9113-6.2-6")]
    [Requirement("9113-6.6-15")]
    public async Task Padding_as_long_as_the_payload_or_longer_is_a_protocol_error(
        EndName end, FrameTypeName type, int flags, int padding, int rest, string section)
    {
        await using Subject subject = await Subject.StartAsync(end);
        int id = await subject.BringAsync(StateName.Open);
        byte[] payload = new byte[1 + rest];
        payload[0] = (byte)padding;
        await subject.Peer.FrameAsync((FrameType)type, (FrameFlags)flags | FrameFlags.Padded | FrameFlags.EndHeaders, id, payload);
        await subject.AssertConnectionErrorAsync(ErrorCode.ProtocolError, section);
    }

    /// <summary>One octet less, and all of the payload is padding, which is fine, whatever the octets are.</summary>
    [Theory]
    [OnBothEnds(0, 1, 10, 255)]
    public async Task Data_may_be_all_padding(EndName end, int padding)
    {
        await using Subject subject = await Subject.StartAsync(end);
        int id = await subject.BringAsync(end == EndName.Server ? StateName.Open : StateName.Responding);
        byte[] payload = new byte[1 + padding];
        payload.AsSpan().Fill((byte)padding);
        await subject.Peer.FrameAsync(FrameType.Data, FrameFlags.Padded, id, payload);
        await subject.Peer.AssertNothingOnAsync(id);
        subject.AssertCallGoesOn();
        await subject.AssertWorksAsync();
    }

    [Theory]
    [OnBothEnds(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0x7e)]
    [Requirement("9113-4.2-2")]
    [Requirement("9113-4.2-5")]
    public async Task A_frame_over_the_maximum_is_a_frame_size_error_before_its_payload_comes(EndName end, int type)
    {
        foreach (int length in new[] { 16_385, 0xff_ffff })
        {
            foreach (StateName state in new[] { StateName.Zero, StateName.Open, StateName.Ended })
            {
                await using Subject subject = await Subject.StartAsync(end);
                int id = await subject.BringAsync(state);
                await subject.Peer.SendAsync(o => new FrameHeader(length, (FrameType)type, FrameFlags.None, id).Write(o));
                await subject.AssertConnectionErrorAsync(ErrorCode.FrameSizeError, "4.2");
            }
        }
    }

    [Theory]
    [InlineData(EndName.Server)]
    [InlineData(EndName.Client)]
    [Requirement("9113-4.2-1")]
    public async Task Frames_of_exactly_the_maximum_are_taken(EndName end)
    {
        await using Subject subject = await Subject.StartAsync(end);
        int id = await subject.BringAsync(end == EndName.Server ? StateName.Open : StateName.Responding);
        if (end == EndName.Server)
        {
            await subject.Peer.FrameAsync(FrameType.GoAway, FrameFlags.None, 0, [0x7f, 255, 255, 255, 0, 0, 0, 0, .. new byte[16_384 - 8]]);
        }

        await subject.Peer.FrameAsync((FrameType)0x7e, FrameFlags.None, 0, new byte[16_384]);
        await subject.Peer.FrameAsync(FrameType.Data, FrameFlags.None, id, RawClient.Message(new byte[16_384 - 5]));
        await subject.Peer.AssertNothingOnAsync(id);


        // Trailers whose block and padding fill the frame. One long value of octets that Huffman coding would make longer.
        subject.Peer.Indexing = Indexing.Without;
        byte[] Trailers(int length) => subject.Peer.Block([.. subject.TrailerFields, "long=" + new string('\u0080', length)]);
        byte[] block = Trailers(16_000 + 16_384 - 256 - Trailers(16_000).Length);
        byte[] headers = [255, .. block, .. new byte[255]];
        Assert.Equal(16_384, headers.Length);
        await subject.Peer.FrameAsync(FrameType.Headers, FrameFlags.Padded | FrameFlags.EndHeaders | FrameFlags.EndStream, id, headers);
        await subject.AssertAnsweredAsync(id);
        await subject.AssertWorksAsync();
    }
}
