using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Robustness;

/// <summary>Rows 3 and 4: CONTINUATION without end, with octets (CVE-2024-27316) and without (CVE-2026-33871).</summary>
public class ContinuationFloods
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [Requirement("9113-10.5-2")]
    public async Task Too_many_frames_of_a_block_end_the_connection_to_a_client(int length)
    {
        (TestServer server, RawClient attacker, RawClient bystander) = await Scene.ServerAsync();
        await using TestServer owned = server;
        await SendAsync(attacker, 8, length);
        await Scene.AssertCalmedAsync(server, attacker, bystander, 0, nameof(AbuseLimits.HeaderBlockFrames));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [Requirement("9113-10.5-2")]
    public async Task Too_many_frames_of_a_block_end_the_connection_to_a_server(int length)
    {
        await using var channel = new TestChannel();
        Task<byte[]> call = channel.Unary([1]).ResponseAsync;
        RawServer server = await channel.StartAsync();
        await server.RequestAsync(1);
        await SendAsync(server, 8, length);
        await Scene.AssertCalmedAsync(channel, server, nameof(AbuseLimits.HeaderBlockFrames));
        await TestChannel.AssertFailsAsync(call, Grpc.Core.StatusCode.Unavailable, nameof(AbuseLimits.HeaderBlockFrames));
    }

    /// <summary>The block is ended as soon as it is too long, not when it is complete: memory never passes its limit.</summary>
    [Fact]
    public async Task A_block_that_is_too_long_ends_the_connection_before_it_is_complete()
    {
        (TestServer server, RawClient attacker, RawClient bystander) = await Scene.ServerAsync();
        await using TestServer owned = server;
        await SendAsync(attacker, 4, 16_384);
        RawFrame goAway = await attacker.ExpectGoAwayAndEndAsync(ErrorCode.EnhanceYourCalm, 0, "10.5.1");
        Assert.Contains("longer than 65536 octets", goAway.DebugData, StringComparison.Ordinal);
        await bystander.AssertWorksAsync(3);
    }

    private static async Task SendAsync(RawPeer peer, int continuations, int length)
    {
        byte[] fragment = new byte[length];
        await peer.SendAsync(o =>
        {
            new FrameHeader(length, FrameType.Headers, FrameFlags.None, 1).Write(o);
            o.Write(fragment);
        });
        for (int i = 0; i < continuations; i++)
        {
            await peer.SendAsync(o =>
            {
                new FrameHeader(length, FrameType.Continuation, FrameFlags.None, 1).Write(o);
                o.Write(fragment);
            });
        }
    }
}
