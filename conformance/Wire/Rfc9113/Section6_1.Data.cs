using CsCheck;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;
using static MiniGrpc.Conformance.Wire.Rfc9113.FrameBytes;

namespace MiniGrpc.Conformance.Wire.Rfc9113;

/// <summary>RFC 9113 section 6.1: DATA, and the padding that it shares with HEADERS and PUSH_PROMISE.</summary>
public class Section6_1_Data
{
    [Fact]
    public void A_data_frame_is_its_header_and_its_data()
    {
        Assert.Equal(Hex("000003 00 01 00000005 0a0b0c"), Written(o => DataFrame.Write(o, 5, [10, 11, 12], endStream: true)));
        Assert.Equal(Hex("000000 00 00 00000005"), Written(o => DataFrame.Write(o, 5, [], endStream: false)));
    }

    [Fact]
    public void A_header_written_on_its_own_is_the_one_of_the_whole_frame()
    {
        byte[] nine = new byte[9];
        DataFrame.WriteHeader(nine, 5, 3, endStream: true);
        Assert.Equal(Written(o => DataFrame.Write(o, 5, [10, 11, 12], endStream: true))[..9], nine);
    }

    [Fact]
    public void A_padded_data_frame_has_the_pad_length_in_front_and_zeros_behind() =>
        Assert.Equal(Hex("000006 00 09 00000005 03 0a0b 000000"), Written(o => DataFrame.Write(o, 5, [10, 11], true, padLength: 3)));

    [Fact]
    [Requirement("9113-6.1-1")]
    public void Padding_is_zero_even_where_the_buffer_held_something_before()
    {
        byte[] bytes = Written(o =>
        {
            o.Reserve(300).Fill(0xff);
            o.Clear();
            DataFrame.Write(o, 5, [10], false, padLength: 255);
        });
        Assert.Equal(new byte[255], bytes[11..]);
    }

    [Fact]
    public void Every_data_frame_reads_back_as_it_was_written() =>
        Gen.Select(Gen.Int[1, int.MaxValue], Gen.Byte.Array[0, 300], Gen.Bool, Gen.Int[-1, 255]).Sample(
            (streamId, data, endStream, padLength) =>
            {
                byte[] bytes = Written(o =>
                {
                    if (padLength < 0)
                    {
                        DataFrame.Write(o, streamId, data, endStream);
                    }
                    else
                    {
                        DataFrame.Write(o, streamId, data, endStream, (byte)padLength);
                    }
                });
                (FrameHeader header, byte[] payload) = Single(bytes);
                Assert.Null(DataFrame.Parse(header, payload, out DataFrame frame));
                Assert.Equal(streamId, frame.StreamId);
                Assert.Equal(data, frame.Data.ToArray());
                Assert.Equal(endStream, frame.EndStream);
                Assert.Equal(data.Length + 1 + padLength, frame.FlowControlledLength);
            },
            iter: 500);

    /// <summary>RFC 9113 section 6.1: the entire payload is under flow control, Pad Length and Padding included.</summary>
    [Fact]
    public void Padding_and_its_length_octet_count_for_flow_control()
    {
        (FrameHeader header, byte[] payload) = Single(Written(o => DataFrame.Write(o, 1, [1, 2], false, padLength: 4)));
        Assert.Null(DataFrame.Parse(header, payload, out DataFrame frame));
        Assert.Equal(7, frame.FlowControlledLength);
        Assert.Equal(2, frame.Data.Length);
    }

    /// <summary>RFC 9113 section 6.1: DATA with stream identifier 0 MUST be a connection error PROTOCOL_ERROR.</summary>
    [Fact]
    public void A_data_frame_on_stream_zero_is_a_protocol_error() =>
        IsConnectionError(Judge(FrameType.Data, FrameFlags.None, 0, 1, 2, 3), ErrorCode.ProtocolError, "6.1");

    /// <summary>RFC 9113 section 6.1: padding as long as the payload or longer MUST be a connection error PROTOCOL_ERROR.</summary>
    [Fact]
    public void Padding_that_leaves_no_room_for_its_length_octet_is_a_protocol_error()
    {
        for (int length = 1; length <= 256; length++)
        {
            for (int padLength = 0; padLength <= 255; padLength++)
            {
                byte[] payload = new byte[length];
                payload[0] = (byte)padLength;
                ProtocolError? error = Judge(FrameType.Data, FrameFlags.Padded, 1, payload);
                if (padLength < length)
                {
                    Assert.Null(error);
                }
                else
                {
                    IsConnectionError(error, ErrorCode.ProtocolError, "6.1");
                }
            }
        }
    }

    /// <summary>RFC 9113 section 4.2: a frame too small for its mandatory fields is a FRAME_SIZE_ERROR.</summary>
    [Fact]
    public void A_padded_data_frame_without_a_pad_length_is_a_frame_size_error() =>
        IsConnectionError(Judge(FrameType.Data, FrameFlags.Padded, 1), ErrorCode.FrameSizeError, "6.1");

    [Fact]
    public void Padding_that_is_not_zero_is_accepted()
    {
        byte[] payload = [2, 7, 0xff, 0xff];
        Assert.Null(DataFrame.Parse(Header(FrameType.Data, FrameFlags.Padded, 1, payload), payload, out DataFrame frame));
        Assert.Equal([7], frame.Data.ToArray());
    }

    [Fact]
    public void Flags_without_a_meaning_for_data_are_ignored()
    {
        byte[] payload = [9, 7];
        Assert.Null(DataFrame.Parse(Header(FrameType.Data, (FrameFlags)0xf6, 1, payload), payload, out DataFrame frame));
        Assert.False(frame.EndStream);
        Assert.Equal(payload, frame.Data.ToArray());
    }
}
