using CsCheck;
using MiniGrpc.Wire.Http2.Frames;
using static MiniGrpc.Conformance.Wire.Rfc9113.FrameBytes;

namespace MiniGrpc.Conformance.Wire.Rfc9113;

/// <summary>RFC 9113 section 4.1: the nine octets that every frame starts with.</summary>
public class Section4_1_FrameFormat
{
    [Fact]
    public void The_fields_of_a_frame_header_stand_where_the_diagram_says()
    {
        byte[] bytes = Hex("010203 01 25 04050607");

        var header = FrameHeader.Read(bytes);

        Assert.Equal(0x010203, header.Length);
        Assert.Equal(FrameType.Headers, header.Type);
        Assert.Equal(FrameFlags.EndStream | FrameFlags.EndHeaders | FrameFlags.Priority, header.Flags);
        Assert.Equal(0x04050607, header.StreamId);
        Assert.Equal(bytes, Written(header.Write));
    }

    [Fact]
    public void Every_frame_header_reads_back_as_it_was_written() =>
        Gen.Select(Gen.Int[0, 0xff_ffff], Gen.Byte, Gen.Byte, Gen.Int[0, int.MaxValue]).Sample(
            (length, type, flags, streamId) =>
            {
                var header = new FrameHeader(length, (FrameType)type, (FrameFlags)flags, streamId);
                return FrameHeader.Read(Written(header.Write)) == header;
            },
            iter: 1000);

    [Fact]
    public void Any_nine_octets_read_and_write_back_as_they_were_but_for_the_reserved_bit() =>
        Gen.Byte.Array[9].Sample(
            bytes =>
            {
                byte[] written = Written(FrameHeader.Read(bytes).Write);
                bytes[5] &= 0x7f;
                return written.AsSpan().SequenceEqual(bytes);
            },
            iter: 1000);

    /// <summary>RFC 9113 section 4.1: the reserved bit MUST be ignored when receiving.</summary>
    [Fact]
    public void The_reserved_bit_is_ignored_on_receipt()
    {
        Assert.Equal(1, FrameHeader.Read(Hex("000000 00 00 80000001")).StreamId);
        Assert.Equal(int.MaxValue, FrameHeader.Read(Hex("000000 00 00 ffffffff")).StreamId);
    }

    /// <summary>RFC 9113 section 4.1: the reserved bit MUST remain unset when sending.</summary>
    [Fact]
    public void The_reserved_bit_is_never_sent()
    {
        byte[] bytes = Written(new FrameHeader(0, FrameType.Data, FrameFlags.None, -1).Write);
        Assert.Equal(Hex("000000 00 00 7fffffff"), bytes);
    }

    [Fact]
    public void An_unknown_type_and_unknown_flags_keep_their_number()
    {
        var header = FrameHeader.Read(Hex("000000 fa d2 00000000"));
        Assert.Equal(0xfa, (byte)header.Type);
        Assert.Equal(0xd2, (byte)header.Flags);
    }

    [Fact]
    public void A_flag_is_set_or_not_whatever_the_other_bits_say()
    {
        var header = new FrameHeader(0, FrameType.Headers, FrameFlags.EndHeaders | FrameFlags.Padded, 1);
        Assert.True(header.Has(FrameFlags.EndHeaders));
        Assert.True(header.Has(FrameFlags.Padded));
        Assert.False(header.Has(FrameFlags.EndStream));
        Assert.False(header.Has(FrameFlags.Priority));
    }
}
