using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Robustness;

/// <summary>
/// Rows 15 and 16: how much memory a header list takes that is over its limits, at either end. What such a list costs its sender is in
/// <see cref="HeaderBlocksOnTheServer"/> and <see cref="HeaderBlocksOnTheClient"/>.
/// </summary>
public class HeaderLists
{
    /// <summary>
    /// 12,000 octets that refer to an entry of the table: 48 MB of fields if it is nearly all of the table, and 12,000 fields of one octet
    /// if it is small. They take no more memory than a list within the limits.
    /// </summary>
    [Theory]
    [InlineData(true, 4000, 10)]
    [InlineData(true, 4000, 12_000)]
    [InlineData(true, 0, 90)]
    [InlineData(true, 0, 12_000)]
    [InlineData(false, 4000, 10)]
    [InlineData(false, 4000, 12_000)]
    [InlineData(false, 0, 90)]
    [InlineData(false, 0, 12_000)]
    public void Row15_and_Row16_A_list_over_a_limit_is_counted_and_not_kept(bool server, int length, int references)
    {
        var bench = new ReceiveBench(server ? Role.Server : Role.Client);
        if (!server)
        {
            bench.Open(1);
        }

        string field = "t=" + new string('x', length);
        byte[] block = bench.Block([.. server ? [":method=POST", ":scheme=http", ":path=/a/B"] : RawServer.Headers200, field, field]);
        byte[] frame = ReceiveBench.Frames(o =>
        {
            new FrameHeader(block.Length + references, FrameType.Headers, FrameFlags.EndHeaders, 1).Write(o);
            o.Write(block);
            o.Write([.. Enumerable.Repeat(block[^1], references)]);
        });
        long before = GC.GetAllocatedBytesForCurrentThread();
        ProtocolError? error = bench.Feed(frame);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.Equal(references == 12_000 ? ErrorCode.EnhanceYourCalm : null, error?.Code);

        // The table, the list as far as it was kept, their doubling on the way, and what the bench writes down.
        Assert.InRange(allocated, 0, 8 * 16_384);
    }
}
