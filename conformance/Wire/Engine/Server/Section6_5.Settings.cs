using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.Server;

/// <summary>RFC 9113 sections 6.5 and 6.7 on a server: SETTINGS and PING.</summary>
public class Section6_5_Settings
{
    /// <summary>RFC 9113 section 6.5.3: the receiver applies SETTINGS and MUST acknowledge them.</summary>
    [Fact]
    [Requirement("9113-6.5.3-4")]
    public async Task Every_settings_frame_is_acknowledged()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        for (int i = 0; i < 3; i++)
        {
            await client.SendAsync(o => SettingsFrame.Write(o, [(SettingId.MaxHeaderListSize, 100_000), ((SettingId)0xeeee, 1)]));
            await client.ExpectAsync(FrameType.Settings, 0, FrameFlags.Ack);
        }

        await client.AssertNothingOnAsync(0);
    }

    /// <summary>RFC 9113 section 6.5.3: the last value of a setting in a frame is the one that holds.</summary>
    [Theory]
    [InlineData(50, 10)]
    [InlineData(10, 50)]
    [Requirement("9113-6.5.3-1")]
    [Requirement("9113-6.5.3-2")]
    public async Task Values_of_one_setting_are_taken_in_their_order(int first, int last)
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.SendAsync(o => SettingsFrame.Write(o, [(SettingId.InitialWindowSize, (uint)first), (SettingId.InitialWindowSize, (uint)last)]));
        await client.RequestAsync(1, "Unary");
        await client.DataAsync(1, RawClient.Message(new byte[95]), endStream: true);
        await client.ExpectAsync(FrameType.Headers, 1);
        Assert.Equal(last, (await client.ExpectAsync(FrameType.Data, 1)).Payload.Length);
        await client.AssertNothingOnAsync(1);
        await client.SendAsync(o => SettingsFrame.Write(o, [(SettingId.InitialWindowSize, 0), (SettingId.InitialWindowSize, 100)]));
        Assert.Equal(100 - last, (await client.ExpectAsync(FrameType.Data, 1)).Payload.Length);
        Assert.Equal("0", (await client.ResponseTrailersAsync(1))["grpc-status"]);
        await server.AssertQuietAsync(client);
    }

    [Fact]
    public async Task The_servers_settings_are_its_limits()
    {
        await using var server = new TestServer(options => options.MaxConcurrentStreams = 77);
        RawClient client = server.Connect();
        await client.SendAsync(ConnectionPreface.Octets.ToArray());
        RawFrame frame = await client.ExpectAsync(FrameType.Settings);
        Assert.Null(SettingsFrame.Parse(frame.Header, frame.Payload, out SettingsFrame settings));
        var entries = new Dictionary<SettingId, uint>();
        for (int i = 0; i < settings.Count; i++)
        {
            entries.Add((SettingId)settings[i].Identifier, settings[i].Value);
        }

        var limits = new ReceiveLimits();
        Assert.Equal(77u, entries[SettingId.MaxConcurrentStreams]);
        Assert.Equal((uint)limits.StreamWindow, entries[SettingId.InitialWindowSize]);
        Assert.Equal((uint)limits.MaxFrameSize, entries[SettingId.MaxFrameSize]);
        Assert.Equal((uint)limits.MaxHeaderListSize, entries[SettingId.MaxHeaderListSize]);
        Assert.Equal(limits.ConnectionWindow - 65_535, (await client.ExpectAsync(FrameType.WindowUpdate)).Number);
    }

    /// <summary>RFC 9113 section 6.5.2: no streams at all is a limit like any other. A server opens none, and answers those of the client.</summary>
    [Fact]
    [Requirement("9113-6.5.2-7")]
    public async Task A_client_that_allows_no_streams_is_served()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync((SettingId.MaxConcurrentStreams, 0));
        await client.AssertWorksAsync(1);
        await server.AssertQuietAsync(client);
    }

    /// <summary>RFC 9113 section 6.5.2: no streams at all is a limit for a moment, not for a server.</summary>
    [Fact]
    [Requirement("9113-6.5.2-8")]
    public async Task A_server_that_would_allow_no_streams_does_not_start()
    {
        await using var server = new MiniGrpc.Server.GrpcServer(new MiniGrpc.Server.GrpcServerOptions { MaxConcurrentStreams = 0 });
        server.Services.Add(new TestService().Bind());
        server.Listen(new MiniGrpc.Wire.MemoryEndPoint());
        InvalidOperationException e = await Assert.ThrowsAsync<InvalidOperationException>(() => server.StartAsync());
        Assert.Contains("MaxConcurrentStreams", e.Message, StringComparison.Ordinal);
    }

    /// <summary>RFC 9113 section 6.5.2: values out of range are errors of the connection.</summary>
    [Theory]
    [InlineData(0x02, 2u, ErrorName.ProtocolError)]
    [InlineData(0x04, 0x8000_0000u, ErrorName.FlowControlError)]
    [InlineData(0x05, 16_383u, ErrorName.ProtocolError)]
    [InlineData(0x05, 0u, ErrorName.ProtocolError)]
    [InlineData(0x05, 16_777_216u, ErrorName.ProtocolError)]
    public async Task Settings_out_of_range_end_the_connection(int id, uint value, ErrorName code)
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.AssertWorksAsync(1);
        await client.SendAsync(o => SettingsFrame.Write(o, [((SettingId)id, value)]));
        await client.ExpectGoAwayAndEndAsync((ErrorCode)code, 1, "6.5.2");
    }

    /// <summary>RFC 9113 section 6.5: wrong lengths are FRAME_SIZE_ERROR, a stream other than 0 is PROTOCOL_ERROR.</summary>
    [Theory]
    [InlineData(5, false, 0, ErrorName.FrameSizeError)]
    [InlineData(6, true, 0, ErrorName.FrameSizeError)]
    [InlineData(6, false, 1, ErrorName.ProtocolError)]
    public async Task A_malformed_settings_frame_ends_the_connection(int length, bool ack, int id, ErrorName code)
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.SendAsync(o =>
        {
            new FrameHeader(length, FrameType.Settings, ack ? FrameFlags.Ack : FrameFlags.None, id).Write(o);
            o.Reserve(length).Clear();
        });
        await client.ExpectGoAwayAndEndAsync((ErrorCode)code, 0, "6.5");
    }

    /// <summary>RFC 9113 section 4.3.1: the peer's table may be smaller than ours would be; ours follows.</summary>
    [Fact]
    [Requirement("7541-4.2-1")]
    [Requirement("7541-4.2-2")]
    [Requirement("9113-4.3.1-1")]
    [Requirement("9113-6.5-2")]
    public async Task A_client_without_a_header_table_gets_blocks_that_it_can_decode()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync((SettingId.HeaderTableSize, 0));
        client.LimitHeaderTable(0);
        for (int id = 1; id < 9; id += 2)
        {
            await client.AssertWorksAsync(id);
        }

        await client.SendAsync(o => SettingsFrame.Write(o, [(SettingId.HeaderTableSize, 100)]));
        await client.ExpectAsync(FrameType.Settings, 0, FrameFlags.Ack);
        client.LimitHeaderTable(100);
        for (int id = 9; id < 15; id += 2)
        {
            await client.AssertWorksAsync(id);
        }
    }

    /// <summary>RFC 9113 section 6.7: PING is answered with the same octets.</summary>
    [Fact]
    [Requirement("grpc-connections-5")]
    public async Task A_ping_is_answered_with_its_own_octets()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.SendAsync(o => PingFrame.Write(o, isAck: false, 0x0102030405060708));
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8], (await client.ExpectAsync(FrameType.Ping, 0, FrameFlags.Ack)).Payload);
    }

    /// <summary>RFC 9113 section 6.7: an answer is not answered.</summary>
    [Fact]
    public async Task The_answer_to_a_ping_that_was_never_sent_is_ignored()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.SendAsync(o => PingFrame.Write(o, isAck: true, 7));
        await client.AssertNothingOnAsync(0);
        await client.AssertWorksAsync(1);
    }

    /// <summary>RFC 9113 section 6.7: eight octets, on stream 0.</summary>
    [Theory]
    [InlineData(7, 0, ErrorName.FrameSizeError)]
    [InlineData(8, 1, ErrorName.ProtocolError)]
    public async Task A_malformed_ping_ends_the_connection(int length, int id, ErrorName code)
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.SendAsync(o =>
        {
            new FrameHeader(length, FrameType.Ping, FrameFlags.None, id).Write(o);
            o.Reserve(length).Clear();
        });
        await client.ExpectGoAwayAndEndAsync((ErrorCode)code, 0, "6.7");
    }
}
