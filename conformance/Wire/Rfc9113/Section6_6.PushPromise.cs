using CsCheck;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;
using static MiniGrpc.Conformance.Wire.Rfc9113.FrameBytes;

namespace MiniGrpc.Conformance.Wire.Rfc9113;

/// <summary>RFC 9113 section 6.6: PUSH_PROMISE, which MiniGrpc reads only to refuse it.</summary>
public class Section6_6_PushPromise
{
    [Fact]
    public void A_promise_is_the_promised_stream_and_a_fragment() =>
        Assert.Equal(
            Hex("000006 05 04 00000001 00000002 8283"), Written(o => PushPromiseFrame.Write(o, 1, 2, [0x82, 0x83], endHeaders: true)));

    [Fact]
    public void Every_promise_reads_back_as_it_was_written() =>
        Gen.Select(Gen.Int[1, int.MaxValue], Gen.Int[1, int.MaxValue / 2], Gen.Byte.Array[0, 50], Gen.Bool).Sample(
            (streamId, half, fragment, endHeaders) =>
            {
                byte[] bytes = Written(o => PushPromiseFrame.Write(o, streamId, half * 2, fragment, endHeaders));
                (FrameHeader header, byte[] payload) = Single(bytes);
                Assert.Null(PushPromiseFrame.Parse(header, payload, out PushPromiseFrame frame));
                Assert.Equal((streamId, half * 2, endHeaders), (frame.StreamId, frame.PromisedStreamId, frame.EndHeaders));
                Assert.Equal(fragment, frame.Fragment.ToArray());
            },
            iter: 200);

    [Fact]
    public void Padding_and_the_reserved_bit_are_taken_off()
    {
        byte[] payload = Hex("02 80000002 8283 0000");
        FrameHeader header = Header(FrameType.PushPromise, FrameFlags.Padded, 1, payload);
        Assert.Null(PushPromiseFrame.Parse(header, payload, out PushPromiseFrame frame));
        Assert.Equal(2, frame.PromisedStreamId);
        Assert.Equal([0x82, 0x83], frame.Fragment.ToArray());
    }

    /// <summary>RFC 9113 section 6.6: PUSH_PROMISE with stream identifier 0 MUST be a connection error PROTOCOL_ERROR.</summary>
    [Fact]
    public void A_promise_on_stream_zero_is_a_protocol_error() =>
        IsConnectionError(Judge(FrameType.PushPromise, FrameFlags.None, 0, Hex("00000002")), ErrorCode.ProtocolError, "6.6");

    /// <summary>RFC 9113 section 6.6: a promise of a stream that the server can't start MUST be a PROTOCOL_ERROR.</summary>
    [Theory]
    [InlineData("00000000")]
    [InlineData("80000000")]
    [InlineData("00000001")]
    [InlineData("7fffffff")]
    public void A_promise_of_stream_zero_or_of_an_odd_stream_is_a_protocol_error(string promised) =>
        IsConnectionError(Judge(FrameType.PushPromise, FrameFlags.None, 1, Hex(promised)), ErrorCode.ProtocolError, "6.6");

    /// <summary>RFC 9113 section 4.2: a frame too small for its mandatory fields is a FRAME_SIZE_ERROR.</summary>
    [Fact]
    public void A_truncated_promise_is_a_frame_size_error()
    {
        for (int length = 0; length < 4; length++)
        {
            byte[] payload = new byte[length];
            IsConnectionError(Judge(FrameType.PushPromise, FrameFlags.None, 1, payload), ErrorCode.FrameSizeError, "6.6");
            IsConnectionError(Judge(FrameType.PushPromise, FrameFlags.Padded, 1, payload), ErrorCode.FrameSizeError, "6.6");
        }

        IsConnectionError(Judge(FrameType.PushPromise, FrameFlags.Padded, 1, new byte[4]), ErrorCode.FrameSizeError, "6.6");
    }

    /// <summary>RFC 9113 section 6.6: padding that exceeds what is left for the fragment MUST be a PROTOCOL_ERROR.</summary>
    [Theory]
    [InlineData("01 00000002")]
    [InlineData("03 00000002 8283")]
    [InlineData("ff 00000002 8283")]
    public void Padding_over_the_promised_stream_is_a_protocol_error(string payload) =>
        IsConnectionError(Judge(FrameType.PushPromise, FrameFlags.Padded, 1, Hex(payload)), ErrorCode.ProtocolError, "6.6");
}
