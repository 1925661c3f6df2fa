using CsCheck;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;
using static MiniGrpc.Conformance.Wire.Rfc9113.FrameBytes;

namespace MiniGrpc.Conformance.Wire.Rfc9113;

/// <summary>The lines of a wire trace.</summary>
public class FrameFormatterTests
{
    [Theory]
    [InlineData("000000 04 01 00000000", "SETTINGS stream=0 flags=ACK")]
    [InlineData("000000 04 00 00000000", "SETTINGS stream=0")]
    [InlineData(
        "00000c 04 00 00000000 0003 00000064 0004 0000ffff", "SETTINGS stream=0 MAX_CONCURRENT_STREAMS=100 INITIAL_WINDOW_SIZE=65535")]
    [InlineData(
        "00001e 04 00 00000000 0001 00000001 0002 00000002 0005 00000005 0006 00000006 0008 00000008",
        "SETTINGS stream=0 HEADER_TABLE_SIZE=1 ENABLE_PUSH=2 MAX_FRAME_SIZE=5 MAX_HEADER_LIST_SIZE=6 ENABLE_CONNECT_PROTOCOL=8")]
    [InlineData("00000c 04 00 00000000 0009 00000009 fe03 ffffffff", "SETTINGS stream=0 NO_RFC7540_PRIORITIES=9 0xfe03=4294967295")]
    [InlineData("000000 00 01 00000001", "DATA stream=1 flags=END_STREAM length=0")]
    [InlineData(
        "00000b 00 00 00000001 00000000060a0468690a7f", "DATA stream=1 length=11 00 00 00 00 06 0a 04 68 69 0a 7f |.......hi..|")]
    [InlineData("000005 00 09 00000001 02 6869 0000", "DATA stream=1 flags=END_STREAM|PADDED length=2 padding=2 68 69 |hi|")]
    [InlineData("000002 01 25 00000001 8283", "HEADERS stream=1 flags=END_STREAM|END_HEADERS|PRIORITY length=2 malformed 82 83 |..|")]
    [InlineData("000002 01 04 00000001 8283", "HEADERS stream=1 flags=END_HEADERS length=2")]
    [InlineData("000004 01 0c 00000001 01 8283 00", "HEADERS stream=1 flags=END_HEADERS|PADDED length=2 padding=1")]
    [InlineData("000005 02 00 00000003 0000000010", "PRIORITY stream=3")]
    [InlineData("000004 03 00 00000001 00000008", "RST_STREAM stream=1 CANCEL")]
    [InlineData("000004 03 00 00000001 000000ff", "RST_STREAM stream=1 0xff")]
    [InlineData("000005 05 04 00000001 00000002 82", "PUSH_PROMISE stream=1 flags=END_HEADERS promised_stream=2 length=1")]
    [InlineData("000008 06 01 00000000 0102030405060708", "PING ACK 0x0102030405060708")]
    [InlineData("000008 06 00 00000000 0000000000000001", "PING 0x0000000000000001")]
    [InlineData("00000d 07 00 00000000 00000003 00000000 6465627567", "GOAWAY last_stream=3 NO_ERROR \"debug\"")]
    [InlineData("00000d 07 00 00000000 00000003 0000000b 61220a5cff", "GOAWAY last_stream=3 ENHANCE_YOUR_CALM \"a\\\"\\x0a\\\\\\xff\"")]
    [InlineData("000008 07 00 00000000 7fffffff 00000000", "GOAWAY last_stream=2147483647 NO_ERROR")]
    [InlineData("000004 08 00 00000001 0000ffff", "WINDOW_UPDATE stream=1 increment=65535")]
    [InlineData("000004 08 00 00000000 00000000", "WINDOW_UPDATE stream=0 length=4 malformed 00 00 00 00 |....|")]
    [InlineData("000003 09 04 00000001 828384", "CONTINUATION stream=1 flags=END_HEADERS length=3")]
    [InlineData("000001 09 21 00000001 82", "CONTINUATION stream=1 flags=0x21 length=1")]
    [InlineData("000002 fa 81 00000001 6869", "UNKNOWN(0xfa) stream=1 flags=0x81 length=2 68 69 |hi|")]
    public void A_frame_is_one_line(string hex, string expected)
    {
        (FrameHeader header, byte[] payload) = Single(Hex(hex));
        Assert.Equal(expected, FrameFormatter.Describe(header, payload));
    }

    [Fact]
    public void Long_data_is_cut_after_32_octets()
    {
        (FrameHeader header, byte[] payload) = Single(Written(o => DataFrame.Write(o, 1, new byte[33], endStream: false)));
        Assert.Equal(
            $"DATA stream=1 length=33{string.Concat(Enumerable.Repeat(" 00", 32))} … |{new string('.', 32)}|",
            FrameFormatter.Describe(header, payload));
    }

    [Fact]
    public void Long_debug_data_is_cut_after_256_octets()
    {
        byte[] debugData = new byte[257];
        debugData.AsSpan().Fill((byte)'x');
        (FrameHeader header, byte[] payload) = Single(Written(o => GoAwayFrame.Write(o, 0, ErrorCode.NoError, debugData)));
        Assert.Equal($"GOAWAY last_stream=0 NO_ERROR \"{new string('x', 256)}…\"", FrameFormatter.Describe(header, payload));
    }

    [Fact]
    public void Whatever_octets_a_peer_sends_become_one_line_of_visible_text() =>
        Gen.Select(Gen.Byte[0, 11], Gen.Byte, Gen.Int[0, 3], Gen.Byte.Array[0, 60]).Sample(
            (type, flags, streamId, payload) =>
            {
                var header = new FrameHeader(payload.Length, (FrameType)type, (FrameFlags)flags, streamId);
                string line = FrameFormatter.Describe(header, payload);
                return line.All(c => c is (>= ' ' and < '\x7f') or '…');
            },
            iter: 3000);
}
