using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.BothEnds;

/// <summary>RFC 9113 sections 4.3, 6.2 and 6.10 on both ends: a field block is in one piece, and always decoded.</summary>
public class Section4_3_FieldBlocks
{
    private static readonly EndName[] s_ends = [EndName.Server, EndName.Client];

    /// <summary>Whether a CONTINUATION came before, and what comes instead of the next one.</summary>
    public static TheoryData<EndName, bool, FrameTypeName, int> Interruptions
    {
        get
        {
            var data = new TheoryData<EndName, bool, FrameTypeName, int>();
            foreach (EndName end in s_ends)
            {
                foreach (FrameTypeName type in Enum.GetValues<FrameTypeName>())
                {
                    foreach (int id in new[] { 0, 1, 2, 3, 5 })
                    {
                        if (type != FrameTypeName.Continuation || id != 3)
                        {
                            data.Add(end, false, type, id);
                            data.Add(end, true, type, id);
                        }
                    }
                }
            }

            return data;
        }
    }

    public static TheoryData<EndName, StateName> Discarding => new()
    {
        { EndName.Server, StateName.Open },
        { EndName.Server, StateName.HalfClosedRemote },
        { EndName.Server, StateName.ResetByUs },
        { EndName.Server, StateName.Answered },
        { EndName.Server, StateName.Refused },
        { EndName.Server, StateName.Idle },
        { EndName.Client, StateName.Open },
        { EndName.Client, StateName.Responding },
        { EndName.Client, StateName.HalfClosedLocal },
        { EndName.Client, StateName.ResetByUs },
    };

    [Theory]
    [MemberData(nameof(Interruptions))]
    [Requirement("9113-5.5-3")]
    [Requirement("9113-6.2-3")]
    [Requirement("9113-6.10-2")]
    public async Task A_frame_that_interrupts_a_field_block_is_a_protocol_error(EndName end, bool continued, FrameTypeName type, int id)
    {
        await using Subject subject = await Subject.StartAsync(end);
        int open = await subject.BringAsync(StateName.Open);
        byte[] block = subject.Peer.Block(end == EndName.Server ? subject.TrailerFields : subject.HeaderFields);
        await subject.Peer.FrameAsync(FrameType.Headers, FrameFlags.EndStream, open, block[..1]);
        if (continued)
        {
            await subject.Peer.FrameAsync(FrameType.Continuation, FrameFlags.None, open, block[1..]);
        }

        int length = type switch
        {
            FrameTypeName.Priority => 5,
            FrameTypeName.Ping or FrameTypeName.GoAway => 8,
            FrameTypeName.RstStream or FrameTypeName.WindowUpdate or FrameTypeName.PushPromise => 4,
            _ => 0,
        };
        await subject.Peer.FrameAsync((FrameType)type, FrameFlags.EndHeaders, id, new byte[length]);
        await subject.AssertConnectionErrorAsync(ErrorCode.ProtocolError, "6.10");
    }

    /// <summary>
    /// An index that is nowhere, a string that is longer than the block, a block that ends within a number; also where the block
    /// would have been thrown away, or where its stream is in error besides: the worse error is told.
    /// </summary>
    [Theory]
    [MemberData(nameof(Discarding))]
    [Requirement("9113-4.3-2")]
    [Requirement("9113-4.3-3")]
    [Requirement("9113-5.4-3")]
    public async Task A_block_that_does_not_decode_is_a_compression_error_in_every_state(EndName end, StateName state)
    {
        foreach (byte[] block in new byte[][] { [0x80], [0xff, 0xff, 0x7f], [0x40, 0x7f], [0x82, 0xff] })
        {
            await using Subject subject = await Subject.StartAsync(end);
            int id = await subject.BringAsync(state);
            await subject.Peer.FrameAsync(FrameType.Headers, FrameFlags.EndHeaders, id, block);
            subject.OnSent("HEADERS", id);
            await subject.AssertConnectionErrorAsync(ErrorCode.CompressionError, "4.3");
        }
    }

    /// <summary>What a block that nobody wants puts into the decoder's table is there for the next one.</summary>
    [Theory]
    [MemberData(nameof(Discarding))]
    [Requirement("9113-4.3-2")]
    [Requirement("9113-5.1-9")]
    [Requirement("9113-5.4.2-1")]
    public async Task A_block_that_is_thrown_away_keeps_the_table_in_step(EndName end, StateName state)
    {
        await using Subject subject = await Subject.StartAsync(end);
        int id = await subject.BringAsync(state);
        string[] fields = state is StateName.Open or StateName.HalfClosedRemote or StateName.Responding ? subject.TrailerFields : subject.HeaderFields;
        await subject.Peer.HeadersAsync(id, endStream: false, [.. fields, "enters=the table", "and-shifts=what is there"]);
        subject.OnSent("HEADERS", id);
        await subject.Peer.RoundTripAsync();
        await subject.AssertWorksAsync();
        await subject.AssertWorksAsync();
    }

    /// <summary>RFC 9113 section 6.2: END_STREAM stands on HEADERS, also when CONTINUATION follows.</summary>
    [Theory]
    [InlineData(EndName.Server)]
    [InlineData(EndName.Client)]
    public async Task A_block_in_pieces_ends_its_stream_with_the_last_one(EndName end)
    {
        await using Subject subject = await Subject.StartAsync(end);
        int id = await subject.BringAsync(end == EndName.Server ? StateName.Open : StateName.Responding);
        byte[] block = subject.Peer.Block(subject.TrailerFields);
        await subject.Peer.FrameAsync(FrameType.Headers, FrameFlags.EndStream, id);
        await subject.Peer.FrameAsync(FrameType.Continuation, FrameFlags.None, id, block[..1]);
        await subject.Peer.FrameAsync(FrameType.Continuation, FrameFlags.None, id);
        await subject.Peer.FrameAsync(FrameType.Continuation, FrameFlags.EndHeaders, id, block[1..]);
        await subject.AssertAnsweredAsync(id);
        await subject.AssertWorksAsync();
    }

    /// <summary>RFC 9113 section 6.10: CONTINUATION after the end of a block, or after another frame than those of one.</summary>
    [Theory]
    [InlineData(EndName.Server)]
    [InlineData(EndName.Client)]
    [Requirement("9113-6.10-6")]
    public async Task A_continuation_behind_the_end_of_its_block_is_a_protocol_error(EndName end)
    {
        foreach (bool afterContinuation in new[] { false, true })
        {
            await using Subject subject = await Subject.StartAsync(end);
            int id = await subject.BringAsync(end == EndName.Server ? StateName.Open : StateName.Responding);
            byte[] block = subject.Peer.Block(subject.TrailerFields);
            FrameFlags whole = afterContinuation ? FrameFlags.None : FrameFlags.EndHeaders;
            await subject.Peer.FrameAsync(FrameType.Headers, FrameFlags.EndStream | whole, id, block);
            if (afterContinuation)
            {
                await subject.Peer.FrameAsync(FrameType.Continuation, FrameFlags.EndHeaders, id);
            }

            await subject.Peer.FrameAsync(FrameType.Continuation, FrameFlags.EndHeaders, id, 0x88);
            await subject.Peer.ExpectGoAwayAndEndAsync(ErrorCode.ProtocolError, subject.LastStreamId, "6.10");
        }
    }
}
