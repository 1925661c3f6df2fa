using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Robustness;

/// <summary>Rows 3 and 4: CONTINUATION without end, with octets (CVE-2024-27316) and without (CVE-2026-33871).</summary>
public class ContinuationFloods
{
    /// <summary>The stated bound of row 3: the 64 KiB of a block that is far over the limit, in an array that grows by doubling.</summary>
    private static readonly Held s_bound = Held.Usual with { Octets = Held.Usual.Octets + (128 * 1024) };

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [Requirement("9113-10.5-2")]
    public async Task Too_many_frames_of_a_block_end_the_connection_to_a_client(int length)
    {
        (TestServer server, RawClient attacker, RawClient bystander) = await Scene.ServerAsync();
        await using TestServer owned = server;
        await SendAsync(attacker, 1, 8, length);
        await Scene.AssertCalmedAsync(server, attacker, bystander, 0, nameof(AbuseLimits.HeaderBlockFrames));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [Requirement("9113-10.5-2")]
    public async Task Too_many_frames_of_a_block_end_the_connection_to_a_server(int length)
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        await attacked.FloodAsync(nameof(AbuseLimits.HeaderBlockFrames), (server, id) => SendAsync(server, id, 8, length));
    }

    /// <summary>The block is ended as soon as it is too long, not when it is complete: memory never passes its limit.</summary>
    [Fact]
    public async Task A_block_that_is_too_long_ends_the_connection_to_a_client_before_it_is_complete()
    {
        (TestServer server, RawClient attacker, RawClient bystander) = await Scene.ServerAsync();
        await using TestServer owned = server;
        await SendAsync(attacker, 1, 4, 16_384);
        RawFrame goAway = await attacker.ExpectGoAwayAndEndAsync(ErrorCode.EnhanceYourCalm, 0, "10.5.1");
        Assert.Contains("longer than 65536 octets", goAway.DebugData, StringComparison.Ordinal);
        server.HeldAtTheEnd!.Value.AssertWithin(s_bound);
        await bystander.AssertWorksAsync(3);
    }

    [Fact]
    public async Task A_block_that_is_too_long_ends_the_connection_to_a_server_before_it_is_complete()
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        RawFrame goAway = await attacked.OffendFatallyAsync(
            ErrorCode.EnhanceYourCalm, "10.5.1", (server, id) => SendAsync(server, id, 4, 16_384));
        Assert.Contains("longer than 65536 octets", goAway.DebugData, StringComparison.Ordinal);
        attacked.AssertHeld(s_bound);
    }

    private static async Task SendAsync(RawPeer peer, int id, int continuations, int length)
    {
        byte[] fragment = new byte[length];
        await peer.SendAsync(o =>
        {
            new FrameHeader(length, FrameType.Headers, FrameFlags.None, id).Write(o);
            o.Write(fragment);
        });
        for (int i = 0; i < continuations; i++)
        {
            await peer.SendAsync(o =>
            {
                new FrameHeader(length, FrameType.Continuation, FrameFlags.None, id).Write(o);
                o.Write(fragment);
            });
        }
    }
}
