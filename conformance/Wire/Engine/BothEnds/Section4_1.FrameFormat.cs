using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.BothEnds;

/// <summary>RFC 9113 section 4.1 on both ends: what is unknown in a frame is ignored.</summary>
public class Section4_1_FrameFormat
{
    [Theory]
    [InlineData(EndName.Server)]
    [InlineData(EndName.Client)]
    [Requirement("9113-4.1-2")]
    [Requirement("9113-5.5-1")]
    [Requirement("9113-5.5-2")]
    public async Task Frames_of_all_unknown_types_are_ignored_on_every_stream(EndName end)
    {
        await using Subject subject = await Subject.StartAsync(end);
        int open = await subject.BringAsync(StateName.Open);
        foreach (int id in new[] { 0, 1, 2, open, 1001, int.MaxValue })
        {
            await subject.Peer.SendAsync(o =>
            {
                for (int type = 0x0a; type <= 0xff; type++)
                {
                    new FrameHeader(3, (FrameType)type, (FrameFlags)0xff, id).Write(o);
                    o.Write([1, 2, 3]);
                }
            });
        }

        await subject.Peer.AssertNothingOnAsync(open);
        await subject.Peer.AssertNothingOnAsync(0);
        subject.AssertCallGoesOn();
        await subject.AssertWorksAsync();
    }

    /// <summary>The same call is made with every meaningless bit of every frame set.</summary>
    [Theory]
    [InlineData(EndName.Server, true, false)]
    [InlineData(EndName.Server, false, true)]
    [InlineData(EndName.Client, true, false)]
    [InlineData(EndName.Client, false, true)]
    [Requirement("9113-4.1-3")]
    [Requirement("9113-4.1-6")]
    [Requirement("9113-5.5-1")]
    public async Task Flags_without_a_meaning_and_the_reserved_bit_are_ignored(EndName end, bool flags, bool reserved)
    {
        await using Subject subject = await Subject.StartAsync(end);
        int open = await subject.BringAsync(StateName.Open);
        byte[] headers = subject.Peer.Block(end == EndName.Server ? subject.TrailerFields : subject.HeaderFields);

        async Task SendAsync(FrameType type, FrameFlags set, int undefined, int id, params byte[] payload)
        {
            byte[] frame = new byte[FrameHeader.Size + payload.Length];
            new FrameHeader(payload.Length, type, set | (FrameFlags)(flags ? undefined : 0), id).Write(frame);
            frame[5] |= (byte)(reserved ? 0x80 : 0);
            payload.CopyTo(frame, FrameHeader.Size);
            await subject.Peer.SendAsync(frame);
        }

        await SendAsync(FrameType.Settings, FrameFlags.None, 0xfe, 0, 0, 3, 0, 0, 0, 9);
        await subject.Peer.ExpectAsync(FrameType.Settings, 0, FrameFlags.Ack);
        await SendAsync(FrameType.Ping, FrameFlags.None, 0xfe, 0, 1, 2, 3, 4, 5, 6, 7, 8);
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8], (await subject.Peer.ExpectAsync(FrameType.Ping, 0, FrameFlags.Ack)).Payload);
        await SendAsync(FrameType.Settings, FrameFlags.Ack, 0xfe, 0);
        await SendAsync(FrameType.Ping, FrameFlags.Ack, 0xfe, 0, new byte[8]);
        await SendAsync(FrameType.Priority, FrameFlags.None, 0xff, open, 0, 0, 0, 0, 1);
        await SendAsync(FrameType.WindowUpdate, FrameFlags.None, 0xff, open, 0x80, 0, 0, 1);
        await SendAsync(FrameType.WindowUpdate, FrameFlags.None, 0xff, 0, 0x80, 0, 0, 1);
        if (end == EndName.Server)
        {
            await SendAsync(FrameType.Data, FrameFlags.None, 0xf6, open, RawClient.Message(1));
            await SendAsync(FrameType.GoAway, FrameFlags.None, 0xff, 0, 0x80, 0, 0, 0, 0, 0, 0, 0);
        }

        // Trailers for the server; for the client a response that has none and so ends with a reset.
        await SendAsync(FrameType.Headers, FrameFlags.EndStream, 0xd2, open, headers[..1]);
        await SendAsync(FrameType.Continuation, FrameFlags.EndHeaders, 0xfb, open, headers[1..]);
        await subject.AssertAnsweredAsync(open);
        await subject.AssertWorksAsync();
    }

    /// <summary>An error code that is not known has no special meaning.</summary>
    [Theory]
    [InlineData(EndName.Server)]
    [InlineData(EndName.Client)]
    [Requirement("9113-5.5-1")]
    public async Task Unknown_error_codes_are_ignored(EndName end)
    {
        await using Subject subject = await Subject.StartAsync(end);
        int open = await subject.BringAsync(StateName.Open);
        await subject.Peer.FrameAsync(FrameType.RstStream, FrameFlags.None, open, 0xff, 0xff, 0xff, 0xfe);
        await subject.AssertCallEndsAsync(open);
        await subject.Peer.AssertNothingOnAsync(open);
        await subject.AssertWorksAsync();
        await subject.Peer.FrameAsync(FrameType.GoAway, FrameFlags.None, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0x0e);
        if (end == EndName.Server)
        {
            await subject.AssertWorksAsync(); // a client that goes away may still finish what it has begun
        }
        else
        {
            await subject.Peer.ExpectEndAsync();
        }
    }
}
