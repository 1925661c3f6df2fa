using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>RFC 9113 section 5.1, "closed": what is made of frames for streams that are no longer, or not yet, open.</summary>
public class LateFrames
{
    /// <summary>RFC 9113 section 6.4: a RST_STREAM that crosses with the end of our half.</summary>
    [Fact]
    public void A_reset_of_a_stream_that_our_half_has_closed_is_told_to_nobody()
    {
        var bench = new ReceiveBench(Role.Server);
        bench.Feed(bench.Request(1));
        PlainStream stream = bench.All[1];
        stream.State.Apply(StreamInput.SendRstStream); // closed by the other half, but not yet out of the table
        bench.Log.Clear();
        Assert.Null(bench.Feed(ReceiveBench.Frames(o => RstStreamFrame.Write(o, 1, ErrorCode.Cancel))));
        Assert.Empty(bench.Log);
    }

    /// <summary>RFC 9113 section 5.1: frames that were under way when we reset the stream are ignored.</summary>
    [Fact]
    public void Frames_behind_the_one_that_got_the_stream_reset_are_ignored_also_when_they_come_together()
    {
        byte[] frames = ReceiveBench.Frames(o =>
        {
            WindowUpdateFrame.Write(o, 1, 1);
            RstStreamFrame.Write(o, 1, ErrorCode.Cancel);
        });
        var bench = new ReceiveBench(Role.Server);
        bench.Feed(bench.Request(1));
        bench.Log.Clear();

        // Trailers without END_STREAM reset the stream, malformed ones would do so again.
        Assert.Null(bench.Feed([
            .. bench.Headers(1, endStream: false, "t=u"), .. bench.Headers(1, endStream: true, ":status=200"), .. frames]));
        Assert.Equal(["1: stream error ProtocolError 8.1", "late window"], bench.Log);
    }

    /// <summary>RFC 9113 section 6.3: a stream error. The stream is really closed by it: nothing of ours may follow RST_STREAM.</summary>
    [Fact]
    public void A_priority_frame_of_a_wrong_length_resets_its_stream()
    {
        var bench = new ReceiveBench(Role.Server);
        bench.Feed(bench.Request(1));
        bench.Log.Clear();
        Assert.Null(bench.Feed(MalformedPriority(1)));
        Assert.Equal(["1: stream error FrameSizeError 6.3"], bench.Log);
        Assert.Equal(StreamState.Closed, bench.All[1].State.Current);
    }

    /// <summary>RFC 9113 section 6.4: RST_STREAM must not be sent for an idle stream; section 5.4 lets the connection end instead.</summary>
    [Fact]
    public void A_priority_frame_of_a_wrong_length_on_an_idle_stream_is_a_connection_error()
    {
        var bench = new ReceiveBench(Role.Server);
        ProtocolError? error = bench.Feed(MalformedPriority(1));
        Assert.NotNull(error);
        Assert.Equal((ErrorScope.Connection, ErrorCode.FrameSizeError, 0), (error.Scope, error.Code, error.StreamId));
        Assert.Empty(bench.Log);
    }

    /// <summary>RFC 9113 section 5.1: after RST_STREAM nothing is sent on a stream, not even a second one; the connection ends instead.</summary>
    [Fact]
    public void A_malformed_frame_for_a_stream_that_has_ended_is_a_connection_error()
    {
        foreach (byte[] malformed in new[] { MalformedPriority(1), ReceiveBench.Frames(o => WindowUpdateFrame.Write(o, 1, 0)) })
        {
            var bench = new ReceiveBench(Role.Server);
            bench.Feed([.. bench.Request(1), .. ReceiveBench.Frames(o => RstStreamFrame.Write(o, 1, ErrorCode.Cancel))]);
            bench.Log.Clear();
            Assert.Equal(ErrorScope.Connection, bench.Feed(malformed)?.Scope);
            Assert.Empty(bench.Log);
        }
    }

    private static byte[] MalformedPriority(int id) => ReceiveBench.Frames(o =>
        new FrameHeader(0, FrameType.Priority, FrameFlags.None, id).Write(o));
}
