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
    [InlineData("6.1", "80")] // index 0
    [InlineData("2.3.3", "ff 80 01")] // index beyond both tables
    [InlineData("2.3.3", "0f 80 01 01 61")] // name index beyond both tables
    [InlineData("2.3.3", "1f 80 01 01 61")] // name index beyond both tables, never indexed
    [InlineData("2.3.3", "7f 80 01 01 61")] // name index beyond both tables, to be inserted
    [InlineData("5.1", "ff 81 ff ff ff 07")] // integer of 2^31
    [InlineData("5.1", "ff 80 80 80 80 80 00")] // integer of too many octets
    [InlineData("5.1", "ff 80")] // integer cut off
    [InlineData("5.2", "00 01 61 05 62")] // string cut off
    [InlineData("5.2", "00 01 61 7f 80 ff ff ff 07")] // string of almost 2^31 octets
    [InlineData("5.2", "00 01 61 82 1f ff")] // padding of a whole octet
    [InlineData("5.2", "00 01 61 81 18")] // padding of zeros
    [InlineData("5.2", "00 01 61 84 ff ff ff ff")] // EOS
    [InlineData("5.2", "00 84 ff ff ff ff 01 61")] // EOS in a name
    [InlineData("6.3", "3f e2 1f")] // size update above the limit
    [InlineData("4.2", "20 20 20")] // three size updates
    [InlineData("4.2", "88 20")] // size update behind a field
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
