using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;
using static MiniGrpc.Conformance.Wire.Rfc9113.FrameBytes;

namespace MiniGrpc.Conformance.Wire.Rfc9113;

/// <summary>RFC 9113 section 6.3: PRIORITY, which is parsed and ignored.</summary>
public class Section6_3_Priority
{
    [Fact]
    public void A_priority_frame_reads_back_as_it_was_written()
    {
        byte[] bytes = Written(o => PriorityFrame.Write(o, 5));
        Assert.Equal(Hex("000005 02 00 00000005 00000000 0f"), bytes);

        (FrameHeader header, byte[] payload) = Single(bytes);
        Assert.Null(PriorityFrame.Parse(header, payload, out PriorityFrame frame));
        Assert.Equal(5, frame.StreamId);
    }

    [Fact]
    public void A_dependency_of_a_stream_on_itself_is_ignored() =>
        Assert.Null(Judge(FrameType.Priority, FrameFlags.None, 5, Hex("80000005 ff")));

    /// <summary>RFC 9113 section 6.3: PRIORITY with stream identifier 0 MUST be a connection error PROTOCOL_ERROR.</summary>
    [Fact]
    public void A_priority_frame_on_stream_zero_is_a_protocol_error() =>
        IsConnectionError(Judge(FrameType.Priority, FrameFlags.None, 0, new byte[5]), ErrorCode.ProtocolError, "6.3");

    /// <summary>RFC 9113 section 6.3: a length other than 5 octets MUST be a stream error FRAME_SIZE_ERROR.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(6)]
    [InlineData(10)]
    public void A_priority_frame_of_a_wrong_length_is_a_frame_size_error_of_its_stream(int length) =>
        IsStreamError(Judge(FrameType.Priority, FrameFlags.None, 7, new byte[length]), 7, ErrorCode.FrameSizeError, "6.3");
}
