using CsCheck;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;
using static MiniGrpc.Conformance.Wire.Rfc9113.FrameBytes;

namespace MiniGrpc.Conformance.Wire.Rfc9113;

/// <summary>RFC 9113 section 6.9: the WINDOW_UPDATE frame.</summary>
public class Section6_9_WindowUpdate
{
    [Fact]
    public void A_window_update_is_four_octets_of_increment() =>
        Assert.Equal(Hex("000004 08 00 00000001 0000ffff"), Written(o => WindowUpdateFrame.Write(o, 1, 65_535)));

    [Fact]
    public void Every_window_update_reads_back_as_it_was_written() =>
        Gen.Select(Gen.Int[0, int.MaxValue], Gen.Int[1, int.MaxValue]).Sample(
            (streamId, increment) =>
            {
                (FrameHeader header, byte[] payload) = Single(Written(o => WindowUpdateFrame.Write(o, streamId, increment)));
                Assert.Null(WindowUpdateFrame.Parse(header, payload, out WindowUpdateFrame frame));
                Assert.Equal((streamId, increment), (frame.StreamId, frame.Increment));
            },
            iter: 200);

    [Fact]
    public void The_reserved_bit_of_the_increment_is_ignored()
    {
        byte[] payload = Hex("80000005");
        FrameHeader header = Header(FrameType.WindowUpdate, FrameFlags.None, 0, payload);
        Assert.Null(WindowUpdateFrame.Parse(header, payload, out WindowUpdateFrame frame));
        Assert.Equal(5, frame.Increment);
    }

    /// <summary>
    /// RFC 9113 section 6.9: an increment of 0 MUST be a stream error PROTOCOL_ERROR; on the connection's window it MUST be
    /// a connection error.
    /// </summary>
    [Theory]
    [InlineData("00000000")]
    [InlineData("80000000")]
    public void An_increment_of_zero_is_an_error_of_what_it_was_meant_for(string payload)
    {
        IsStreamError(Judge(FrameType.WindowUpdate, FrameFlags.None, 3, Hex(payload)), 3, ErrorCode.ProtocolError, "6.9");
        IsConnectionError(Judge(FrameType.WindowUpdate, FrameFlags.None, 0, Hex(payload)), ErrorCode.ProtocolError, "6.9");
    }

    /// <summary>RFC 9113 section 6.9: a length other than 4 octets MUST be a connection error FRAME_SIZE_ERROR.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)]
    [InlineData(8)]
    public void A_window_update_of_a_wrong_length_is_a_frame_size_error_of_the_connection(int length)
    {
        IsConnectionError(Judge(FrameType.WindowUpdate, FrameFlags.None, 0, new byte[length]), ErrorCode.FrameSizeError, "6.9");
        IsConnectionError(Judge(FrameType.WindowUpdate, FrameFlags.None, 1, new byte[length]), ErrorCode.FrameSizeError, "6.9");
    }
}
