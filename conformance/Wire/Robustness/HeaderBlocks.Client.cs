using Grpc.Core;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Robustness;

/// <summary>Attacks by header blocks against a client, rows 15 to 20; see <see cref="HeaderBlocksOnTheServer"/>.</summary>
public class HeaderBlocksOnTheClient
{
    private static readonly string s_bomb = "bomb=" + new string('x', 4000);

    /// <summary>Row 15, HPACK bomb (CVE-2016-6581).</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Row15_A_list_over_the_limit_costs_its_call(bool inTrailers)
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        await attacked.OffendAsync(
            StatusCode.Internal,
            "16384 octets",
            async (server, id) =>
            {
                if (inTrailers)
                {
                    await server.HeadersAsync(id, endStream: false, RawServer.Headers200);
                    await server.HeadersAsync(id, endStream: true, ["grpc-status=0", .. Enumerable.Repeat(s_bomb, 5)]);
                }
                else
                {
                    await server.HeadersAsync(id, endStream: false, [.. RawServer.Headers200, .. Enumerable.Repeat(s_bomb, 5)]);
                }

                await server.ExpectResetAsync(id, ErrorCode.EnhanceYourCalm);
            });
    }

    [Fact]
    public async Task Row15_A_list_of_4_times_the_limit_costs_the_connection()
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        await attacked.OffendFatallyAsync(
            ErrorCode.EnhanceYourCalm,
            "10.5.1",
            (server, id) => server.HeadersAsync(id, endStream: false, [.. RawServer.Headers200, .. Enumerable.Repeat(s_bomb, 20)]));
    }

    /// <summary>Row 16, many tiny fields (CVE-2026-49975).</summary>
    [Fact]
    public async Task Row16_A_list_of_more_than_100_fields_costs_its_call()
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        await attacked.OffendAsync(
            StatusCode.Internal,
            "100 fields",
            (server, id) => server.HeadersAsync(id, endStream: false, [.. RawServer.Headers200, .. Enumerable.Repeat("t=", 99)]));
    }

    [Fact]
    public async Task Row16_A_list_of_more_than_400_fields_costs_the_connection()
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        await attacked.OffendFatallyAsync(
            ErrorCode.EnhanceYourCalm,
            "10.5.1",
            (server, id) => server.HeadersAsync(id, endStream: false, [.. RawServer.Headers200, .. Enumerable.Repeat("t=", 399)]));
    }

    /// <summary>Rows 15 and 16: both limits are options.</summary>
    [Theory]
    [InlineData(2_000, 200, "2000 octets")]
    [InlineData(16_384, 20, "20 fields")]
    public async Task Row16_The_limits_of_a_list_are_options(int maxSize, int maxFields, string sentence)
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync(options =>
        {
            options.MaxHeaderListSize = maxSize;
            options.MaxHeaderFields = maxFields;
        });
        await attacked.OffendAsync(
            StatusCode.Internal,
            sentence,
            (server, id) => server.HeadersAsync(id, endStream: false, [.. RawServer.Headers200, .. Enumerable.Repeat("t=" + new string('v', 70), 21)]));
    }

    /// <summary>Row 17 (CVE-2023-32731, CVE-2024-7246): a response to a call that the client has given up changes the table as any other.</summary>
    [Theory]
    [InlineData("given up")]
    [InlineData("over the limit")]
    [InlineData("malformed")]
    [InlineData("not gRPC")]
    [Requirement("9113-10.5.1-1")]
    public async Task Row17_The_table_is_intact_after_a_block_that_nobody_wants(string what)
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        const string Probe = "probe=in the table";
        int id = attacked.NextId();
        AsyncUnaryCall<byte[]> call = attacked.Channel.Unary([1]);
        await attacked.Attacker.RequestAsync(id);
        switch (what)
        {
            case "given up":
                call.Dispose();
                await attacked.Attacker.ExpectResetAsync(id, ErrorCode.Cancel);
                await attacked.Attacker.HeadersAsync(id, endStream: true, [.. RawServer.Headers200, Probe]);
                break;
            case "over the limit":
                await attacked.Attacker.HeadersAsync(id, endStream: true, [.. RawServer.Headers200, .. Enumerable.Repeat(s_bomb[..3000], 8), Probe]);
                break;
            case "malformed":
                await attacked.Attacker.HeadersAsync(id, endStream: true, [.. RawServer.Headers200, "connection=close", Probe]);
                break;
            default:
                await attacked.Attacker.HeadersAsync(id, endStream: true, ":status=500", Probe);
                break;
        }

        await TestChannel.FailureAsync(call.ResponseAsync);
        call.Dispose();
        Assert.Single(attacked.Attacker.Block(Probe)); // the server believes that it is in the table
        id = attacked.NextId();
        using AsyncUnaryCall<byte[]> next = attacked.Channel.Unary([1]);
        await attacked.Attacker.RequestAsync(id);
        await attacked.Attacker.HeadersAsync(id, endStream: false, [.. RawServer.Headers200, Probe]);
        Assert.Equal("in the table", (await RawPeer.Within(next.ResponseHeadersAsync, "the headers")).GetValue("probe"));
        await attacked.Attacker.SendAsync(o => RstStreamFrame.Write(o, id, ErrorCode.Cancel));
        await TestChannel.FailureAsync(next.ResponseAsync);
        await attacked.AssertUnharmedAsync();
    }

    /// <summary>Rows 18 and 19: integers, indexes, table sizes and Huffman strings that can't be.</summary>
    [Theory]
    [MemberData(nameof(Malformed.Blocks), MemberType = typeof(Malformed))]
    [MemberData(nameof(Malformed.HuffmanStrings), MemberType = typeof(Malformed))]
    public async Task Row18_Row19_A_block_that_does_not_decode_costs_the_connection(string what, byte[] block)
    {
        Assert.NotEmpty(what);
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        await attacked.OffendFatallyAsync(
            ErrorCode.CompressionError, "4.3", (server, id) => server.SendAsync(o => HeaderBlocksOnTheServer.HeadersFrames(o, id, block)));
    }

    /// <summary>Row 20: a client's encoder keeps to 4 KiB, however large a table the server offers, and to less where it offers less.</summary>
    [Theory]
    [InlineData(uint.MaxValue, 4096)]
    [InlineData(100u, 100)]
    [InlineData(0u, 0)]
    public async Task Row20_The_encoders_table_is_capped_whatever_the_server_offers(uint offered, int expected)
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        attacked.Attacker.LimitHeaderTable(expected);
        for (int i = 0; i < 3; i++)
        {
            await attacked.Attacker.SendAsync(o => SettingsFrame.Write(o, [(SettingId.HeaderTableSize, 0), (SettingId.HeaderTableSize, offered)]));
            await attacked.Attacker.ExpectAsync(FrameType.Settings, 0, FrameFlags.Ack);
            await attacked.AssertUnharmedAsync();
        }
    }
}
