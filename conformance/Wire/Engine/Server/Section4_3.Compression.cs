using MiniGrpc.Conformance.Wire.Rfc7541;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.Server;

/// <summary>RFC 9113 section 4.3 and RFC 7541 on a server: a block that can't be decoded costs the connection, since the tables differ from then on.</summary>
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
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.AssertWorksAsync(1);
        byte[] octets = HpackTesting.Hex(block);
        await client.SendAsync(o =>
        {
            new FrameHeader(octets.Length, FrameType.Headers, FrameFlags.EndHeaders | FrameFlags.EndStream, 3).Write(o);
            o.Write(octets);
        });
        RawFrame goAway = await client.ExpectGoAwayAndEndAsync(ErrorCode.CompressionError, 3, "4.3");
        Assert.Contains($"(RFC 7541 section {section})", goAway.DebugData, StringComparison.Ordinal);
        await server.AssertEndedAsync();
        Assert.Single(server.Service.Calls);
    }
}
