using CsCheck;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;
using static MiniGrpc.Conformance.Wire.Rfc9113.FrameBytes;

namespace MiniGrpc.Conformance.Wire.Rfc9113;

/// <summary>RFC 9113 section 6.2: HEADERS, and how a long header block is split (section 4.3).</summary>
public class Section6_2_Headers
{
    private const FrameFlags PaddedAndPriority = FrameFlags.Padded | FrameFlags.Priority;

    [Fact]
    public void A_block_that_fits_is_one_headers_frame()
    {
        Assert.Equal(Hex("000003 01 05 00000007 010203"), WriteBlock([1, 2, 3], 7, endStream: true, maxFrameSize: 3));
        Assert.Equal(Hex("000003 01 04 00000007 010203"), WriteBlock([1, 2, 3], 7, endStream: false, maxFrameSize: 16_384));
        Assert.Equal(Hex("000000 01 04 00000007"), WriteBlock([], 7, endStream: false, maxFrameSize: 16_384));
    }

    /// <summary>RFC 9113 section 4.3: a block is HEADERS without END_HEADERS, then CONTINUATION, the last with END_HEADERS.</summary>
    [Fact]
    public void A_block_that_does_not_fit_goes_on_in_continuation_frames() =>
        Assert.Equal(
            Hex("000002 01 01 00000007 0102  000002 09 00 00000007 0304  000001 09 04 00000007 05"),
            WriteBlock([1, 2, 3, 4, 5], 7, endStream: true, maxFrameSize: 2));

    [Fact]
    public void A_block_of_exactly_twice_the_limit_is_two_frames() =>
        Assert.Equal(
            Hex("000002 01 00 00000007 0102  000002 09 04 00000007 0304"),
            WriteBlock([1, 2, 3, 4], 7, endStream: false, maxFrameSize: 2));

    [Fact]
    public void The_fragments_of_a_split_block_are_the_block_and_what_stands_before_it_stays() =>
        Gen.Select(Gen.Byte.Array[0, 700], Gen.Int[1, 200], Gen.Bool, Gen.Byte.Array[0, 20]).Sample(
            (block, maxFrameSize, endStream, before) =>
            {
                byte[] bytes = WriteBlock(block, 3, endStream, maxFrameSize, before);
                Assert.Equal(before, bytes[..before.Length]);
                List<(FrameHeader Header, byte[] Payload)> frames = Split(bytes[before.Length..]);

                Assert.Null(HeadersFrame.Parse(frames[0].Header, frames[0].Payload, out HeadersFrame headers));
                Assert.Equal(endStream, headers.EndStream);
                Assert.Equal(frames.Count == 1, headers.EndHeaders);
                for (int i = 1; i < frames.Count; i++)
                {
                    Assert.Equal(FrameType.Continuation, frames[i].Header.Type);
                    Assert.Null(ContinuationFrame.Parse(frames[i].Header, frames[i].Payload, out ContinuationFrame next));
                    Assert.Equal(3, next.StreamId);
                    Assert.Equal(i == frames.Count - 1, next.EndHeaders);
                }

                Assert.All(frames, frame => Assert.InRange(frame.Header.Length, 0, maxFrameSize));
                Assert.Equal(block, frames.SelectMany(frame => frame.Payload));
                Assert.Equal(Math.Max(1, (block.Length + maxFrameSize - 1) / maxFrameSize), frames.Count);
            },
            iter: 500);

    [Fact]
    public void A_headers_frame_gives_its_fragment_and_its_flags()
    {
        byte[] payload = [1, 2, 3];
        FrameHeader header = Header(FrameType.Headers, FrameFlags.EndStream | FrameFlags.EndHeaders, 9, payload);
        Assert.Null(HeadersFrame.Parse(header, payload, out HeadersFrame frame));
        Assert.Equal((9, true, true), (frame.StreamId, frame.EndStream, frame.EndHeaders));
        Assert.Equal(payload, frame.Fragment.ToArray());

        Assert.Null(HeadersFrame.Parse(Header(FrameType.Headers, FrameFlags.None, 9, payload), payload, out frame));
        Assert.Equal((9, false, false), (frame.StreamId, frame.EndStream, frame.EndHeaders));
    }

    [Theory]
    [InlineData((byte)FrameFlags.None, "0102")]
    [InlineData((byte)FrameFlags.Padded, "03 0102 000000")]
    [InlineData((byte)FrameFlags.Padded, "00 0102")]
    [InlineData((byte)FrameFlags.Priority, "80000003 ff 0102")]
    [InlineData((byte)PaddedAndPriority, "01 00000003 10 0102 00")]
    public void Padding_and_priority_are_taken_off(byte flags, string hex)
    {
        byte[] payload = Hex(hex);
        Assert.Null(HeadersFrame.Parse(Header(FrameType.Headers, (FrameFlags)flags, 1, payload), payload, out HeadersFrame frame));
        Assert.Equal([1, 2], frame.Fragment.ToArray());
    }

    /// <summary>RFC 9113 section 5.3.2: priority signals are to be ignored; a dependency on oneself is no error any more.</summary>
    [Fact]
    public void A_dependency_of_a_stream_on_itself_is_ignored() =>
        Assert.Null(Judge(FrameType.Headers, FrameFlags.Priority, 3, Hex("00000003 10")));

    /// <summary>RFC 9113 section 6.2: HEADERS with stream identifier 0 MUST be a connection error PROTOCOL_ERROR.</summary>
    [Fact]
    public void A_headers_frame_on_stream_zero_is_a_protocol_error() =>
        IsConnectionError(Judge(FrameType.Headers, FrameFlags.EndHeaders, 0, 0x82), ErrorCode.ProtocolError, "6.2");

    /// <summary>
    /// RFC 9113 section 6.2: padding that exceeds what is left for the fragment MUST be a PROTOCOL_ERROR; section 4.2: a
    /// frame too small for its fields MUST be a FRAME_SIZE_ERROR, of the connection since it carries a field block.
    /// </summary>
    [Theory]
    [InlineData((byte)FrameFlags.Padded, 0)]
    [InlineData((byte)FrameFlags.Priority, 5)]
    [InlineData((byte)PaddedAndPriority, 5)]
    public void Every_length_and_padding_that_leaves_no_room_for_the_fields_is_an_error(byte flags, int fixedLength)
    {
        bool padded = ((FrameFlags)flags & FrameFlags.Padded) != 0;
        int smallest = fixedLength + (padded ? 1 : 0);
        for (int length = 0; length < 20; length++)
        {
            for (int padLength = 0; padLength < 20; padLength++)
            {
                byte[] payload = new byte[length];
                payload.AsSpan().Fill((byte)padLength);
                ProtocolError? error = Judge(FrameType.Headers, (FrameFlags)flags, 1, payload);
                if (length < smallest)
                {
                    IsConnectionError(error, ErrorCode.FrameSizeError, "6.2");
                }
                else if (padded && padLength > length - smallest)
                {
                    IsConnectionError(error, ErrorCode.ProtocolError, "6.2");
                }
                else
                {
                    Assert.Null(error);
                }
            }
        }
    }

    private static byte[] WriteBlock(byte[] block, int streamId, bool endStream, int maxFrameSize, byte[]? before = null) =>
        Written(o =>
        {
            o.Write(before);
            int offset = HeadersFrame.Begin(o);
            o.Write(block);
            HeadersFrame.End(o, offset, streamId, endStream, maxFrameSize);
        });
}
