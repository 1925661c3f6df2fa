using Grpc.Core;
using MiniGrpc.Conformance.Wire.Rfc7541;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.Client;

/// <summary>RFC 9113 section 4.3 and RFC 7541 on a client: a block that can't be decoded costs the connection and its calls.</summary>
public class Section4_3_Compression
{
    /// <summary>Every decoding error of RFC 7541 is a connection error COMPRESSION_ERROR.</summary>
    [Theory]
    [MemberData(nameof(BrokenBlocks.All), MemberType = typeof(BrokenBlocks))]
    [Requirement("7541-2.3.3-2")]
    [Requirement("7541-4.2-4")]
    [Requirement("7541-5.1-2")]
    [Requirement("7541-5.2-2")]
    [Requirement("7541-5.2-3")]
    [Requirement("7541-5.2-4")]
    [Requirement("7541-6.1-2")]
    [Requirement("7541-6.3-2")]
    [Requirement("7541-7.4-1")]
    [Requirement("7541-7.4-2")]
    public async Task A_block_that_breaks_a_rule_of_hpack_ends_the_connection(string section, string block)
    {
        await using var client = new TestChannel();
        Task first = client.Unary([1]).ResponseAsync;
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.ReplyAsync(1);
        await RawPeer.Within(first, "the response");
        Task second = client.Unary([2]).ResponseAsync;
        await server.RequestAsync(3);
        byte[] octets = HpackTesting.Hex(block);
        await server.SendAsync(o =>
        {
            new FrameHeader(octets.Length, FrameType.Headers, FrameFlags.EndHeaders | FrameFlags.EndStream, 3).Write(o);
            o.Write(octets);
        });
        RawFrame goAway = await server.ExpectGoAwayAndEndAsync(ErrorCode.CompressionError, 0, "4.3");
        Assert.Contains($"(RFC 7541 section {section})", goAway.DebugData, StringComparison.Ordinal);
        await TestChannel.AssertFailsAsync(second, StatusCode.Unavailable, "section 4.3)");
        Task third = client.Unary([3]).ResponseAsync;
        RawServer next = await client.StartAsync();
        await next.RequestAsync(1);
        await next.ReplyAsync(1);
        await RawPeer.Within(third, "the response on a new connection");
    }
}
