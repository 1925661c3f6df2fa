using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <content>RFC 9113 section 8.1: how our half ends, and what a server does when that is before the request's end.</content>
public partial class SendSideTests
{
    /// <summary>RFC 9113 section 8.1: a server that has answered early asks the client by RST_STREAM NO_ERROR to stop sending.</summary>
    [Theory]
    [InlineData(null, "HEADERS", "HEADERS END", "RST_STREAM")]
    [InlineData(1, "HEADERS", "DATA END", "RST_STREAM")]
    [InlineData(SendSide.Quantum + 1, "HEADERS", "DATA", "DATA END", "RST_STREAM")]
    public void A_response_before_the_request_has_ended_is_followed_by_a_reset_without_error(int? dataLength, params string[] kinds)
    {
        var bench = new SendBench(Role.Server);
        PlainStream stream = bench.Accept(1, StreamState.Open);
        End(bench, stream, dataLength);
        List<(FrameHeader Header, byte[] Payload)> frames = bench.TakeAll();
        Assert.Equal(kinds, Kinds(frames));
        Assert.Equal(new byte[4], frames[^1].Payload);
        Assert.Same(stream, bench.Side.Retired.TakeAll());
        Assert.Equal(0, bench.Side.OpenStreams);
    }

    /// <summary>Such a stream is not one that we have reset: what still came on it would be an error (RFC 9113 section 5.1, "closed").</summary>
    [Theory]
    [InlineData(null, "HEADERS", "HEADERS END")]
    [InlineData(1, "HEADERS", "DATA END")]
    [InlineData(SendSide.Quantum + 1, "HEADERS", "DATA", "DATA END")]
    public void A_response_after_the_request_has_ended_ends_the_stream_by_itself(int? dataLength, params string[] kinds)
    {
        var bench = new SendBench(Role.Server);
        PlainStream stream = bench.Accept(1);
        End(bench, stream, dataLength);
        Assert.Equal(kinds, Kinds(bench.TakeAll()));
        Assert.Equal((StreamState.Closed, false), (stream.State.Current, stream.WasResetByUs));
        Assert.Same(stream, bench.Side.Retired.TakeAll());
    }

    [Fact]
    public void A_client_that_half_closes_does_not_reset()
    {
        var bench = new SendBench(Role.Client);
        PlainStream stream = bench.Open(endStream: true);
        Assert.Equal(["HEADERS END"], Kinds(bench.TakeAll()));
        Assert.Equal(StreamState.HalfClosedLocal, stream.State.Current);
    }

    private static void End(SendBench bench, PlainStream stream, int? dataLength)
    {
        if (dataLength is { } length)
        {
            bench.Write(stream, length, endStream: true);
        }
        else
        {
            bench.Side.WriteTrailers(stream, null, SendBench.Fields("grpc-status=0"));
        }
    }
}
