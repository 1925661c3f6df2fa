using MiniGrpc.Conformance.Wire.Engine.BothEnds;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.Client;

/// <summary>RFC 9113 sections 6.6 and 8.4 on a client: push is disabled, so every PUSH_PROMISE is one too many, whatever it says.</summary>
public class PushPromises
{
    [Theory]
    [InlineData(0u)]
    [InlineData(1u)]
    [InlineData(2u)]
    [InlineData(3u)]
    [InlineData(5u)]
    [InlineData(0x8000_0002u)]
    [InlineData(uint.MaxValue)]
    [Requirement("9113-6.5.2-2")]
    [Requirement("9113-6.6-8")]
    [Requirement("9113-6.6-14")]
    public async Task A_promise_of_any_stream_is_a_protocol_error(uint promised)
    {
        await using Subject subject = await Subject.StartAsync(EndName.Client);
        int id = await subject.BringAsync(StateName.Responding);
        byte[] payload = [(byte)(promised >> 24), (byte)(promised >> 16), (byte)(promised >> 8), (byte)promised, .. subject.Peer.Block(RawClient.RequestFields("Unary"))];
        await subject.Peer.FrameAsync(FrameType.PushPromise, FrameFlags.EndHeaders, id, payload);
        await subject.AssertConnectionErrorAsync(ErrorCode.ProtocolError, "8.4");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(16_384)]
    [Requirement("9113-6.6-8")]
    public async Task A_promise_of_any_length_with_or_without_its_end_is_a_protocol_error(int length)
    {
        foreach (FrameFlags flags in new[] { FrameFlags.None, FrameFlags.EndHeaders, FrameFlags.Padded | FrameFlags.EndHeaders })
        {
            await using Subject subject = await Subject.StartAsync(EndName.Client);
            int id = await subject.BringAsync(StateName.HalfClosedLocal);
            await subject.Peer.FrameAsync(FrameType.PushPromise, flags, id, new byte[length]);
            await subject.AssertConnectionErrorAsync(ErrorCode.ProtocolError, "8.4");
        }
    }
}
