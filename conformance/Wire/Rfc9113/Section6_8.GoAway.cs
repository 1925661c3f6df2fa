using CsCheck;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;
using static MiniGrpc.Conformance.Wire.Rfc9113.FrameBytes;

namespace MiniGrpc.Conformance.Wire.Rfc9113;

/// <summary>RFC 9113 section 6.8: GOAWAY.</summary>
public class Section6_8_GoAway
{
    [Fact]
    public void A_goaway_is_the_last_stream_the_code_and_debug_data()
    {
        Assert.Equal(
            Hex("00000a 07 00 00000000 00000003 0000000b 6869"), Written(o => GoAwayFrame.Write(o, 3, ErrorCode.EnhanceYourCalm, "hi"u8)));
        Assert.Equal(Hex("000008 07 00 00000000 7fffffff 00000000"), Written(o => GoAwayFrame.Write(o, int.MaxValue, ErrorCode.NoError)));
    }

    [Fact]
    public void Every_goaway_reads_back_as_it_was_written() =>
        Gen.Select(Gen.Int[0, int.MaxValue], Gen.UInt, Gen.Byte.Array[0, 50]).Sample(
            (lastStreamId, code, debugData) =>
            {
                byte[] bytes = Written(o => GoAwayFrame.Write(o, lastStreamId, (ErrorCode)code, debugData));
                (FrameHeader header, byte[] payload) = Single(bytes);
                Assert.Null(GoAwayFrame.Parse(header, payload, out GoAwayFrame frame));
                Assert.Equal((lastStreamId, (ErrorCode)code), (frame.LastStreamId, frame.ErrorCode));
                Assert.Equal(debugData, frame.DebugData.ToArray());
            },
            iter: 200);

    [Fact]
    public void The_reserved_bit_of_the_last_stream_is_ignored()
    {
        byte[] payload = Hex("80000003 00000000");
        Assert.Null(GoAwayFrame.Parse(Header(FrameType.GoAway, FrameFlags.None, 0, payload), payload, out GoAwayFrame frame));
        Assert.Equal(3, frame.LastStreamId);
    }

    /// <summary>RFC 9113 section 6.8: GOAWAY on a stream other than 0 MUST be a connection error PROTOCOL_ERROR.</summary>
    [Fact]
    public void A_goaway_on_a_stream_is_a_protocol_error() =>
        IsConnectionError(Judge(FrameType.GoAway, FrameFlags.None, 1, new byte[8]), ErrorCode.ProtocolError, "6.8");

    /// <summary>RFC 9113 section 4.2: a frame too small for its mandatory fields is a FRAME_SIZE_ERROR.</summary>
    [Fact]
    public void A_truncated_goaway_is_a_frame_size_error()
    {
        for (int length = 0; length < 8; length++)
        {
            IsConnectionError(Judge(FrameType.GoAway, FrameFlags.None, 0, new byte[length]), ErrorCode.FrameSizeError, "6.8");
        }
    }
}
