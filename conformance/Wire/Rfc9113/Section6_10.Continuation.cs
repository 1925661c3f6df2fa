using CsCheck;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;
using static MiniGrpc.Conformance.Wire.Rfc9113.FrameBytes;

namespace MiniGrpc.Conformance.Wire.Rfc9113;

/// <summary>RFC 9113 section 6.10: CONTINUATION.</summary>
public class Section6_10_Continuation
{
    [Fact]
    public void A_continuation_is_its_header_and_a_fragment() =>
        Assert.Equal(Hex("000002 09 04 00000001 8283"), Written(o => ContinuationFrame.Write(o, 1, [0x82, 0x83], endHeaders: true)));

    [Fact]
    public void Every_continuation_reads_back_as_it_was_written() =>
        Gen.Select(Gen.Int[1, int.MaxValue], Gen.Byte.Array[0, 50], Gen.Bool).Sample(
            (streamId, fragment, endHeaders) =>
            {
                (FrameHeader header, byte[] payload) = Single(Written(o => ContinuationFrame.Write(o, streamId, fragment, endHeaders)));
                Assert.Null(ContinuationFrame.Parse(header, payload, out ContinuationFrame frame));
                Assert.Equal((streamId, endHeaders), (frame.StreamId, frame.EndHeaders));
                Assert.Equal(fragment, frame.Fragment.ToArray());
            },
            iter: 200);

    [Fact]
    public void Padding_and_end_of_stream_do_not_exist_for_a_continuation()
    {
        byte[] payload = [1, 2, 3];
        FrameHeader header = Header(FrameType.Continuation, FrameFlags.Padded | FrameFlags.EndStream, 1, payload);
        Assert.Null(ContinuationFrame.Parse(header, payload, out ContinuationFrame frame));
        Assert.Equal(payload, frame.Fragment.ToArray());
    }

    /// <summary>RFC 9113 section 6.10: CONTINUATION with stream identifier 0 MUST be a connection error PROTOCOL_ERROR.</summary>
    [Fact]
    public void A_continuation_on_stream_zero_is_a_protocol_error() =>
        IsConnectionError(Judge(FrameType.Continuation, FrameFlags.EndHeaders, 0, 0x82), ErrorCode.ProtocolError, "6.10");
}
