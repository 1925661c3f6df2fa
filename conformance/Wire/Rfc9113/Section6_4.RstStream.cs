using CsCheck;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;
using static MiniGrpc.Conformance.Wire.Rfc9113.FrameBytes;

namespace MiniGrpc.Conformance.Wire.Rfc9113;

/// <summary>RFC 9113 section 6.4: RST_STREAM.</summary>
public class Section6_4_RstStream
{
    [Fact]
    public void A_reset_is_four_octets_of_error_code() =>
        Assert.Equal(Hex("000004 03 00 00000007 00000008"), Written(o => RstStreamFrame.Write(o, 7, ErrorCode.Cancel)));

    [Fact]
    public void Every_reset_reads_back_as_it_was_written_even_with_an_unknown_code() =>
        Gen.Select(Gen.Int[1, int.MaxValue], Gen.UInt).Sample(
            (streamId, code) =>
            {
                (FrameHeader header, byte[] payload) = Single(Written(o => RstStreamFrame.Write(o, streamId, (ErrorCode)code)));
                Assert.Null(RstStreamFrame.Parse(header, payload, out RstStreamFrame frame));
                Assert.Equal((streamId, (ErrorCode)code), (frame.StreamId, frame.ErrorCode));
            },
            iter: 200);

    /// <summary>RFC 9113 section 6.4: RST_STREAM with stream identifier 0 MUST be a connection error PROTOCOL_ERROR.</summary>
    [Fact]
    public void A_reset_of_stream_zero_is_a_protocol_error() =>
        IsConnectionError(Judge(FrameType.RstStream, FrameFlags.None, 0, 0, 0, 0, 8), ErrorCode.ProtocolError, "6.4");

    /// <summary>RFC 9113 section 6.4: a length other than 4 octets MUST be a connection error FRAME_SIZE_ERROR.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)]
    [InlineData(8)]
    public void A_reset_of_a_wrong_length_is_a_frame_size_error_of_the_connection(int length) =>
        IsConnectionError(Judge(FrameType.RstStream, FrameFlags.None, 1, new byte[length]), ErrorCode.FrameSizeError, "6.4");
}
