using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Wire.Hpack;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Robustness;

/// <summary>
/// Attacks by header blocks against a server, rows 15 to 20: how large a list may be, and that the two ends' tables stay the
/// same or the connection ends (RFC 7541, RFC 9113 sections 4.3 and 10.5.1).
/// </summary>
public class HeaderBlocksOnTheServer
{
    /// <summary>Nearly the whole table of 4 KiB: one octet refers to it.</summary>
    private static readonly string s_bomb = "bomb=" + new string('x', 4000);

    /// <summary>Row 15, HPACK bomb (CVE-2016-6581): name + value + 32 is counted while decoding.</summary>
    [Fact]
    public async Task Row15_A_list_over_the_limit_costs_its_call()
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync();
        await attacked.OffendAsync(
            ErrorCode.EnhanceYourCalm, "16384 octets", (client, id) => client.RequestAsync(id, "Collect", [.. Enumerable.Repeat(s_bomb, 5)]));
    }

    [Fact]
    public async Task Row15_A_list_of_4_times_the_limit_costs_the_connection()
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync();
        await attacked.OffendFatallyAsync(
            ErrorCode.EnhanceYourCalm, "10.5.1", 3, (client, id) => client.RequestAsync(id, "Collect", [.. Enumerable.Repeat(s_bomb, 20)]));
    }

    /// <summary>Row 15: trailers are a list, too.</summary>
    [Fact]
    public async Task Row15_Trailers_over_the_limit_cost_their_call()
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync();
        await attacked.OffendAsync(
            ErrorCode.EnhanceYourCalm,
            "16384 octets",
            async (client, id) =>
            {
                await client.RequestAsync(id, "Collect");
                await client.HeadersAsync(id, endStream: true, [.. Enumerable.Repeat(s_bomb, 5)]);
            });
    }

    /// <summary>Row 16, many tiny fields (CVE-2026-49975): their number is limited besides their size.</summary>
    [Fact]
    public async Task Row16_A_list_of_more_than_100_fields_costs_its_call()
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync();
        await attacked.OffendAsync(ErrorCode.EnhanceYourCalm, "100 fields", (client, id) => client.RequestAsync(id, "Collect", Tiny(95)));

        // And one field less, besides the 6 that every request has.
        int id = attacked.NextId();
        await attacked.Attacker.RequestAsync(id, "Unary", Tiny(94));
        await attacked.Attacker.DataAsync(id, RawClient.Message(1), endStream: true);
        Assert.Equal("0", (await attacked.Attacker.ResponseAsync(id)).Status);
    }

    [Fact]
    public async Task Row16_A_list_of_more_than_400_fields_costs_the_connection()
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync();
        await attacked.OffendFatallyAsync(ErrorCode.EnhanceYourCalm, "10.5.1", 3, (client, id) => client.RequestAsync(id, "Collect", Tiny(395)));
    }

    /// <summary>Rows 15 and 16: both limits are options.</summary>
    [Theory]
    [InlineData(40_000, 200, 9_000, 190, true)]
    [InlineData(40_000, 200, 9_000, 195, false)]
    [InlineData(2_000, 200, 1_000, 5, true)]
    [InlineData(2_000, 200, 1_800, 5, false)]
    [InlineData(16_384, 20, 10, 14, true)]
    [InlineData(16_384, 20, 10, 15, false)]
    public async Task Row16_The_limits_of_a_list_are_options(int maxSize, int maxFields, int length, int fields, bool accepted)
    {
        await using var server = new TestServer(options =>
        {
            options.MaxHeaderListSize = maxSize;
            options.MaxHeaderFields = maxFields;
        });
        RawClient client = server.Connect();
        await client.SendAsync(ConnectionPreface.Octets.ToArray());
        await client.SendAsync(o => SettingsFrame.Write(o, []));
        Assert.Contains((ushort)SettingId.MaxHeaderListSize, Entries(await client.ExpectAsync(FrameType.Settings), (uint)maxSize));
        await client.RequestAsync(1, "Unary", ["a=" + new string('v', length), .. Tiny(fields - 1)]);
        if (accepted)
        {
            await client.DataAsync(1, RawClient.Message(1), endStream: true);
            Assert.Equal("0", (await client.ResponseAsync(1)).Status);
        }
        else
        {
            await client.ExpectResetAsync(1, ErrorCode.EnhanceYourCalm);
        }
    }

    /// <summary>Row 15: who allows large lists need not allow more frames by hand.</summary>
    [Fact]
    public async Task Row15_A_list_within_a_large_limit_fits_its_frames()
    {
        await using var server = new TestServer(options => options.MaxHeaderListSize = 1024 * 1024);
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Unary", [.. Enumerable.Repeat("a=" + new string('\u0080', 10_000), 60)]);
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        Assert.Equal("0", (await client.ResponseAsync(1)).Status);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public void Row16_A_limit_that_no_list_could_keep_is_refused(int value)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new MiniGrpc.Server.GrpcServerOptions { MaxHeaderListSize = value });
        Assert.Throws<ArgumentOutOfRangeException>(() => new MiniGrpc.Server.GrpcServerOptions { MaxHeaderFields = value });
        Assert.Throws<ArgumentOutOfRangeException>(() => new MiniGrpc.Client.MiniChannelOptions { MaxHeaderListSize = value });
        Assert.Throws<ArgumentOutOfRangeException>(() => new MiniGrpc.Client.MiniChannelOptions { MaxHeaderFields = value });
    }

    /// <summary>
    /// Row 17, state lost after a refused block (CVE-2023-32731) or spoilt by a bad field (CVE-2024-7246): whatever becomes of a
    /// request, what its block puts into the table is there for the next one.
    /// </summary>
    [Theory]
    [InlineData("refused")]
    [InlineData("reset by the server")]
    [InlineData("over the limit")]
    [InlineData("malformed")]
    [InlineData("not gRPC")]
    public async Task Row17_The_table_is_intact_after_a_block_that_nobody_wants(string what)
    {
        await using var server = new TestServer(options => options.MaxConcurrentStreams = 1);
        string? seen = null;
        server.Service.Unary = (request, context) =>
        {
            seen = context.RequestHeaders.GetValue("probe");
            return Task.FromResult(request);
        };
        RawClient client = await server.StartAsync();
        const string Probe = "probe=in the table";
        switch (what)
        {
            case "refused":
                await client.RequestAsync(1, "Collect");
                await client.RequestAsync(3, "Unary", Probe);
                await client.ExpectResetAsync(3, ErrorCode.RefusedStream);
                await client.DataAsync(1, [], endStream: true);
                await client.ResponseAsync(1);
                break;
            case "reset by the server":
                await client.RequestAsync(3, "Collect");
                await client.SendAsync(o => WindowUpdateFrame.Write(o, 3, 0));
                await client.ExpectResetAsync(3, ErrorCode.ProtocolError);
                await client.HeadersAsync(3, endStream: true, Probe);
                break;
            case "over the limit":
                await client.RequestAsync(3, "Unary", [.. Enumerable.Repeat(s_bomb[..3000], 8), Probe]);
                await client.ExpectResetAsync(3, ErrorCode.EnhanceYourCalm);
                break;
            case "malformed":
                await client.RequestAsync(3, "Unary", "connection=close", Probe);
                await client.ExpectResetAsync(3, ErrorCode.ProtocolError);
                break;
            default:
                await client.HeadersAsync(3, endStream: true, ":method=GET", ":scheme=http", ":path=/", Probe);
                Assert.Equal("405", (await client.ResponseAsync(3)).Head[":status"]);
                break;
        }

        await Eventually.IsTrueAsync(() => server.Core.RunningCalls == 0, "the handler to return"); // it counts until then
        byte[] block = client.Block(Probe);
        Assert.Single(block); // the client believes that it is in the table
        await client.RequestAsync(5, "Unary", Probe);
        await client.DataAsync(5, RawClient.Message(1), endStream: true);
        Assert.Equal("0", (await client.ResponseAsync(5)).Status);
        Assert.Equal("in the table", seen);
        await server.AssertQuietAsync(client);
    }

    /// <summary>Row 18, endless integers (CVE-2023-33953) and indexes and table sizes that can't be; row 19, Huffman strings.</summary>
    [Theory]
    [MemberData(nameof(Malformed.Blocks), MemberType = typeof(Malformed))]
    [MemberData(nameof(Malformed.HuffmanStrings), MemberType = typeof(Malformed))]
    public async Task Row18_Row19_A_block_that_does_not_decode_costs_the_connection(string what, byte[] block)
    {
        Assert.NotEmpty(what);
        await using AttackedServer attacked = await AttackedServer.StartAsync();
        await attacked.OffendFatallyAsync(
            ErrorCode.CompressionError, "4.3", 3, (client, id) => client.SendAsync(o => HeadersFrames(o, id, block)));
    }

    /// <summary>Row 20: a server's encoder keeps to 4 KiB, however large a table the client offers, and to less where it offers less.</summary>
    [Theory]
    [InlineData(uint.MaxValue, 4096)]
    [InlineData(65_536u, 4096)]
    [InlineData(100u, 100)]
    [InlineData(0u, 0)]
    public async Task Row20_The_encoders_table_is_capped_whatever_the_client_offers(uint offered, int expected)
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync(new TestServer());
        attacked.Attacker.LimitHeaderTable(expected); // a block with a larger update would not decode
        for (int i = 0; i < 3; i++)
        {
            await attacked.Attacker.SendAsync(o => SettingsFrame.Write(o, [(SettingId.HeaderTableSize, 0), (SettingId.HeaderTableSize, offered)]));
            await attacked.Attacker.ExpectAsync(FrameType.Settings, 0, FrameFlags.Ack);
            await attacked.AssertUnharmedAsync();
        }
    }

    /// <summary>Row 20: the bound on the encoder's memory, in octets as RFC 7541 section 4.1 counts them.</summary>
    [Fact]
    public void Row20_The_encoders_table_holds_4_KiB_at_the_most()
    {
        var encoder = new HpackEncoder();
        encoder.SetPeerMaxTableSize(uint.MaxValue);
        var output = new MiniGrpc.Wire.Buffers.OutputBuffer();
        for (int i = 0; i < 1000; i++)
        {
            encoder.BeginBlock(output);
            encoder.Encode(output, "name"u8, System.Text.Encoding.ASCII.GetBytes($"{i}" + new string('v', i)), Indexing.Incremental);
            Assert.InRange(encoder.Table.Size, 0, 4096);
            output.Clear();
        }

        Assert.NotEqual(0, encoder.Table.Count);
    }

    internal static void HeadersFrames(MiniGrpc.Wire.Buffers.OutputBuffer output, int id, byte[] block)
    {
        new FrameHeader(block.Length, FrameType.Headers, FrameFlags.EndHeaders, id).Write(output);
        output.Write(block);
    }

    private static string[] Tiny(int count) => [.. Enumerable.Range(0, count).Select(_ => "t=")];

    private static IEnumerable<ushort> Entries(RawFrame settings, uint value)
    {
        Assert.Null(SettingsFrame.Parse(settings.Header, settings.Payload, out SettingsFrame frame));
        var entries = new List<ushort>();
        for (int i = 0; i < frame.Count; i++)
        {
            if (frame[i].Value == value)
            {
                entries.Add(frame[i].Identifier);
            }
        }

        return entries;
    }
}
