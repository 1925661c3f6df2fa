using MiniGrpc.Conformance.Wire.Rfc9113;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>
/// The rules that our ends are held to in every test with a raw peer: that each of them bites. Frames are hexadecimal, split by
/// commas; those with &gt; in front come from the raw peer. Stream 1 is open, and SETTINGS were exchanged.
/// </summary>
public class SenderRulesTests
{
    [Theory]
    [InlineData(EndName.Server, "reserved bit", "000000 01 04 80000001")]
    [InlineData(EndName.Server, "flag that has no meaning", "000000 01 06 00000001")]
    [InlineData(EndName.Server, "padding", "000001 00 08 00000001 00")]
    [InlineData(EndName.Server, "flag that has no meaning", "000008 07 01 00000000 00000001 00000000")]
    [InlineData(EndName.Server, "type that we never send", "000005 02 00 00000001 0000000000")]
    [InlineData(EndName.Server, "type that we never send", "000004 05 00 00000001 00000002")]
    [InlineData(EndName.Client, "type that we never send", "000004 05 00 00000001 00000002")]
    [InlineData(EndName.Server, "type that we never send", "000000 0a 00 00000000")]
    [InlineData(EndName.Server, "field block", "000000 01 00 00000001", "000008 06 00 00000000 0000000000000000")]
    [InlineData(EndName.Server, "field block", "000000 01 00 00000001", "000000 09 04 00000003")]
    [InlineData(EndName.Server, "without HEADERS", "000000 09 04 00000001")]
    [InlineData(EndName.Server, "without HEADERS", "000000 01 00 00000001", "000000 09 04 00000001", "000000 09 04 00000001")]
    [InlineData(EndName.Server, "on a stream", "000000 04 00 00000001")]
    [InlineData(EndName.Server, "part of a setting", "000005 04 00 00000000 0000000000")]
    [InlineData(EndName.Server, "with a payload", "000006 04 01 00000000 000000000000")]
    [InlineData(EndName.Server, "of nothing", "000000 04 01 00000000")]
    [InlineData(EndName.Server, "out of range", "000006 04 00 00000000 0002 00000001")]
    [InlineData(EndName.Client, "out of range", "000006 04 00 00000000 0002 00000002")]
    [InlineData(EndName.Client, "out of range", "000006 04 00 00000000 0004 80000000")]
    [InlineData(EndName.Client, "out of range", "000006 04 00 00000000 0005 00003fff")]
    [InlineData(EndName.Client, "out of range", "000006 04 00 00000000 0005 01000000")]
    [InlineData(EndName.Server, "PING on a stream", "000008 06 00 00000001 0000000000000000")]
    [InlineData(EndName.Server, "eight octets", "000007 06 00 00000000 00000000000000")]
    [InlineData(EndName.Server, "never sent", "000008 06 01 00000000 0000000000000000")]
    [InlineData(EndName.Server, "never sent", ">000008 06 00 00000000 0000000000000001", "000008 06 01 00000000 0000000000000000")]
    [InlineData(EndName.Server, "GOAWAY on a stream", "000008 07 00 00000001 00000001 00000000")]
    [InlineData(EndName.Server, "too short", "000007 07 00 00000000 00000001 000000")]
    [InlineData(EndName.Server, "rises", "000008 07 00 00000000 00000001 00000000", "000008 07 00 00000000 00000003 00000000")]
    [InlineData(EndName.Server, "out of range", "000004 08 00 00000000 00000000")]
    [InlineData(EndName.Server, "out of range", "000004 08 00 00000001 80000001")]
    [InlineData(EndName.Server, "out of range", "000003 08 00 00000000 000001")]
    [InlineData(EndName.Server, "stream 0", "000000 00 00 00000000")]
    [InlineData(EndName.Server, "stream 0", "000000 01 04 00000000")]
    [InlineData(EndName.Server, "stream 0", "000004 03 00 00000000 00000000")]
    [InlineData(EndName.Server, "only a server", "000000 01 04 00000002")]
    [InlineData(EndName.Client, "only a server", "000000 01 04 00000002")]
    [InlineData(EndName.Server, "idle", "000000 01 04 00000003")]
    [InlineData(EndName.Server, "idle", "000004 03 00 00000003 00000000")]
    [InlineData(EndName.Client, "idle", "000004 03 00 00000003 00000000")]
    [InlineData(EndName.Client, "below", "000000 01 04 00000005", "000000 01 04 00000003")]
    [InlineData(EndName.Server, "four octets", "000005 03 00 00000001 0000000000")]
    [InlineData(EndName.Server, "after RST_STREAM", "000004 03 00 00000001 00000000", "000004 03 00 00000001 00000000")]
    [InlineData(EndName.Server, "after RST_STREAM", "000004 03 00 00000001 00000000", "000004 08 00 00000001 00000001")]
    [InlineData(EndName.Server, "after END_STREAM", "000000 01 05 00000001", "000000 00 00 00000001")]
    [InlineData(EndName.Client, "after END_STREAM", "000000 00 01 00000001", "000000 01 05 00000001")]
    [InlineData(EndName.Server, "has reset", ">000004 03 00 00000001 00000008", ">000008 06 00 00000000 0000000000000000", "000008 06 01 00000000 0000000000000000", "000004 03 00 00000001 00000000")]
    [InlineData(EndName.Server, "both ends", ">000000 00 01 00000001", ">000008 06 00 00000000 0000000000000000", "000000 01 05 00000001", "000008 06 01 00000000 0000000000000000", "000004 03 00 00000001 00000000")]
    [InlineData(EndName.Client, "after GOAWAY", ">000008 07 00 00000000 7fffffff 00000000", ">000008 06 00 00000000 0000000000000000", "000008 06 01 00000000 0000000000000000", "000000 01 04 00000003")]
    [InlineData(EndName.Client, "CONCURRENT", ">000006 04 00 00000000 0003 00000001", "000000 04 01 00000000", "000000 01 04 00000003")]
    [InlineData(EndName.Server, "stream's window", ">000006 04 00 00000000 0004 00000003", "000000 04 01 00000000", "000002 00 00 00000001 0000", "000002 00 00 00000001 0000")]
    public void A_frame_that_breaks_a_rule_is_found(EndName engine, string reason, params string[] frames)
    {
        SenderRules rules = Started(engine);
        for (int i = 0; i < frames.Length; i++)
        {
            if (frames[i][0] == '>')
            {
                rules.Sent(FrameBytes.Hex(frames[i][1..]));
                continue;
            }

            byte[] frame = FrameBytes.Hex(frames[i]);
            string? found = rules.Received(frame.AsSpan(0, 9), frame.AsSpan(9));
            if (i < frames.Length - 1)
            {
                Assert.Null(found);
            }
            else
            {
                Assert.Contains(reason, found, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void A_connection_starts_with_settings()
    {
        byte[] ack = FrameBytes.Hex("000000 04 01 00000000");
        Assert.Contains("first frame", new SenderRules(Role.Server).Received(ack, []), StringComparison.Ordinal);
        byte[] ping = FrameBytes.Hex("000008 06 00 00000000 0000000000000000");
        Assert.Contains("first frame", new SenderRules(Role.Client).Received(ping.AsSpan(0, 9), ping.AsSpan(9)), StringComparison.Ordinal);
    }

    /// <summary>DATA up to the window and no further, and frames up to what the peer takes.</summary>
    [Fact]
    public void More_than_the_connections_window_or_the_largest_frame_is_found()
    {
        SenderRules rules = Started(EndName.Server);
        rules.Sent(FrameBytes.Written(o => WindowUpdateFrame.Write(o, 1, 100_000)));
        Assert.Contains("MAX_FRAME_SIZE", Data(rules, 16_385), StringComparison.Ordinal);
        int[] lengths = [16_384, 16_384, 16_384, 16_383];
        Assert.All(lengths, length => Assert.Null(Data(rules, length)));
        Assert.Null(Data(rules, 0));
        Assert.Contains("connection's window", Data(rules, 1), StringComparison.Ordinal);
    }

    private static string? Data(SenderRules rules, int length)
    {
        byte[] nine = new byte[9];
        new FrameHeader(length, FrameType.Data, FrameFlags.None, 1).Write(nine);
        return rules.Received(nine, new byte[length]);
    }

    private static SenderRules Started(EndName engine)
    {
        var rules = new SenderRules(engine == EndName.Server ? Role.Server : Role.Client);
        if (engine == EndName.Server)
        {
            rules.Sent(ConnectionPreface.Octets);
        }

        rules.Sent(FrameBytes.Hex("000000 04 00 00000000"));
        Assert.Null(rules.Received(FrameBytes.Hex("000000 04 00 00000000"), []));
        Assert.Null(rules.Received(FrameBytes.Hex("000000 04 01 00000000"), []));
        byte[] headers = FrameBytes.Hex("000000 01 04 00000001");
        if (engine == EndName.Server)
        {
            rules.Sent(headers);
        }
        else
        {
            Assert.Null(rules.Received(headers, []));
        }

        return rules;
    }
}
