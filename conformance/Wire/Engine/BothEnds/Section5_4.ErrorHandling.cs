using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.BothEnds;

/// <summary>RFC 9113 section 5.4 on both ends: each error is told once, and the worse one when there are two.</summary>
public class Section5_4_ErrorHandling
{
    /// <summary>One frame with two errors, and frames with more of them behind the first: one RST_STREAM.</summary>
    [Theory]
    [InlineData(EndName.Server)]
    [InlineData(EndName.Client)]
    [Requirement("9113-5.4-1")]
    [Requirement("9113-5.4.2-2")]
    [Requirement("9113-5.1-9")]
    public async Task A_stream_error_is_told_once(EndName end)
    {
        await using Subject subject = await Subject.StartAsync(end);
        int id = await subject.BringAsync(StateName.Open);
        await subject.Peer.SendAsync(o =>
        {
            // A server sees a second header list that doesn't end the request and has control data; a client one without any.
            subject.Peer.Headers(o, id, endStream: false, end == EndName.Server ? subject.HeaderFields : subject.TrailerFields);
            for (int i = 0; i < 3; i++)
            {
                DataFrame.Write(o, id, RawClient.Message(1), endStream: false);
                WindowUpdateFrame.Write(o, id, int.MaxValue);
                subject.Peer.Headers(o, id, endStream: false, "again=x");
            }
        });
        await subject.AssertStreamErrorAsync(id, ErrorCode.ProtocolError);
        Assert.Equal(0, subject.Peer.CountKept(FrameType.RstStream));
    }

    /// <summary>Nothing behind a connection error is looked at.</summary>
    [Theory]
    [InlineData(EndName.Server)]
    [InlineData(EndName.Client)]
    [Requirement("9113-5.4-2")]
    [Requirement("9113-5.4.1-1")]
    [Requirement("9113-5.4.1-2")]
    public async Task A_connection_error_is_told_once(EndName end)
    {
        await using Subject subject = await Subject.StartAsync(end);
        await subject.BringAsync(StateName.Open);
        await subject.Peer.SendAsync(o =>
        {
            WindowUpdateFrame.Write(o, 0, 0);
            new FrameHeader(7, FrameType.Ping, FrameFlags.None, 0).Write(o);
            o.Write(new byte[7]);
            new FrameHeader(20_000, FrameType.Data, FrameFlags.None, 1).Write(o);
        });
        await subject.AssertConnectionErrorAsync(ErrorCode.ProtocolError, "6.9");
        Assert.Equal(0, subject.Peer.CountKept(FrameType.GoAway));
        Assert.Equal(0, subject.Peer.CountKept(FrameType.RstStream));
    }

    /// <summary>A frame that is wrong for its stream and for the connection: the connection ends.</summary>
    [Theory]
    [InlineData(EndName.Server, StateName.HalfClosedRemote)]
    [InlineData(EndName.Server, StateName.ResetByUs)]
    [InlineData(EndName.Client, StateName.HalfClosedLocal)]
    [InlineData(EndName.Client, StateName.ResetByUs)]
    [Requirement("9113-5.4-3")]
    public async Task An_error_of_the_connection_goes_before_one_of_the_stream(EndName end, StateName state)
    {
        await using Subject subject = await Subject.StartAsync(end);
        int id = await subject.BringAsync(state);
        await subject.Peer.FrameAsync(FrameType.Data, FrameFlags.Padded, id, 5, 0);
        await subject.AssertConnectionErrorAsync(ErrorCode.ProtocolError, "6.1");
        Assert.Equal(0, subject.Peer.CountKept(FrameType.RstStream));
    }

    /// <summary>RFC 9113 section 5.4.2: RST_STREAM is never answered by RST_STREAM, on whatever stream it may come.</summary>
    [Theory]
    [InlineData(EndName.Server)]
    [InlineData(EndName.Client)]
    [Requirement("9113-5.4.2-3")]
    [Requirement("9113-6.4-1")]
    public async Task A_reset_is_never_answered(EndName end)
    {
        await using Subject subject = await Subject.StartAsync(end);
        int id = await subject.BringAsync(StateName.Open);
        for (int i = 0; i < 3; i++)
        {
            await subject.Peer.FrameAsync(FrameType.RstStream, FrameFlags.None, id, 0, 0, 0, 8);
            await subject.Peer.FrameAsync(FrameType.RstStream, FrameFlags.None, 1, 0, 0, 0, 1);
        }

        await subject.AssertCallEndsAsync(id);
        await subject.Peer.AssertNothingOnAsync(id);
        await subject.Peer.AssertNothingOnAsync(1);
        await subject.AssertWorksAsync();
    }

    /// <summary>Once the peer has reset a stream as well, it knows: what it still sends there can't have been under way.</summary>
    [Theory]
    [InlineData(EndName.Server)]
    [InlineData(EndName.Client)]
    [Requirement("9113-5.1-11")]
    public async Task Frames_behind_the_peers_own_reset_are_an_error_also_where_we_had_reset_first(EndName end)
    {
        foreach (bool data in new[] { true, false })
        {
            await using Subject subject = await Subject.StartAsync(end);
            int id = await subject.BringAsync(StateName.ResetByUs);
            await subject.Peer.FrameAsync(FrameType.Data, FrameFlags.None, id, new byte[100]);
            await subject.Peer.FrameAsync(FrameType.RstStream, FrameFlags.None, id, 0, 0, 0, 8);
            await subject.Peer.AssertNothingOnAsync(id);
            await (data ? subject.Peer.DataAsync(id, [1]) : subject.Peer.HeadersAsync(id, endStream: true, subject.TrailerFields));
            await subject.AssertConnectionErrorAsync(ErrorCode.StreamClosed, "5.1");
        }
    }
}
