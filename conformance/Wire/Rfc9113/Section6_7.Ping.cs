using CsCheck;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;
using static MiniGrpc.Conformance.Wire.Rfc9113.FrameBytes;

namespace MiniGrpc.Conformance.Wire.Rfc9113;

/// <summary>RFC 9113 section 6.7: PING.</summary>
public class Section6_7_Ping
{
    [Fact]
    public void A_ping_is_eight_octets()
    {
        Assert.Equal(Hex("000008 06 00 00000000 0102030405060708"), Written(o => PingFrame.Write(o, isAck: false, 0x0102030405060708)));
        Assert.Equal(Hex("000008 06 01 00000000 ffffffffffffffff"), Written(o => PingFrame.Write(o, isAck: true, ulong.MaxValue)));
    }

    [Fact]
    public void Every_ping_reads_back_as_it_was_written() =>
        Gen.Select(Gen.Bool, Gen.ULong).Sample(
            (isAck, opaqueData) =>
            {
                (FrameHeader header, byte[] payload) = Single(Written(o => PingFrame.Write(o, isAck, opaqueData)));
                Assert.Null(PingFrame.Parse(header, payload, out PingFrame frame));
                Assert.Equal((isAck, opaqueData), (frame.IsAck, frame.OpaqueData));
            },
            iter: 200);

    /// <summary>RFC 9113 section 6.7: PING on a stream other than 0 MUST be a connection error PROTOCOL_ERROR.</summary>
    [Fact]
    public void A_ping_on_a_stream_is_a_protocol_error() =>
        IsConnectionError(Judge(FrameType.Ping, FrameFlags.None, 1, new byte[8]), ErrorCode.ProtocolError, "6.7");

    /// <summary>RFC 9113 section 6.7: a length other than 8 octets MUST be a connection error FRAME_SIZE_ERROR.</summary>
    [Fact]
    public void A_ping_of_a_wrong_length_is_a_frame_size_error()
    {
        for (int length = 0; length < 20; length++)
        {
            if (length != 8)
            {
                IsConnectionError(Judge(FrameType.Ping, FrameFlags.None, 0, new byte[length]), ErrorCode.FrameSizeError, "6.7");
            }
        }
    }
}
