using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.Server;

/// <content>What the client grants the server.</content>
public partial class Section6_9_FlowControl
{
    /// <summary>RFC 9113 section 6.9.1: a window past 2^31-1 is a FLOW_CONTROL_ERROR of the stream, or of the connection.</summary>
    [Fact]
    public async Task A_window_update_that_overflows_a_stream_resets_it()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Duplex");
        await client.SendAsync(o => WindowUpdateFrame.Write(o, 1, int.MaxValue - 65_535));
        await client.AssertNothingOnAsync(1);
        await client.SendAsync(o => WindowUpdateFrame.Write(o, 1, 1));
        await client.ExpectResetAsync(1, ErrorCode.FlowControlError);
        await client.AssertWorksAsync(3);
        await server.AssertQuietAsync(client);
    }

    [Fact]
    public async Task A_window_update_that_overflows_the_connection_ends_it()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.SendAsync(o => WindowUpdateFrame.Write(o, 0, int.MaxValue - 65_535));
        await client.AssertWorksAsync(1);
        await client.SendAsync(o => WindowUpdateFrame.Write(o, 0, int.MaxValue));
        await client.ExpectGoAwayAndEndAsync(ErrorCode.FlowControlError, 1, "6.9.1");
    }

    /// <summary>RFC 9113 section 6.9: an increment of 0 is a PROTOCOL_ERROR of the stream, or of the connection.</summary>
    [Fact]
    public async Task A_window_update_of_zero_is_an_error_of_what_it_is_for()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Duplex");
        await client.SendAsync(o => WindowUpdateFrame.Write(o, 1, 0));
        await client.ExpectResetAsync(1, ErrorCode.ProtocolError);
        await client.AssertWorksAsync(3);
        await client.SendAsync(o => WindowUpdateFrame.Write(o, 0, 0));
        await client.ExpectGoAwayAndEndAsync(ErrorCode.ProtocolError, 3, "6.9");
        await server.AssertEndedAsync();
    }

    /// <summary>RFC 9113 section 6.9.2: a new INITIAL_WINDOW_SIZE moves the windows of open streams, below zero if need be.</summary>
    [Fact]
    [Requirement("9113-6.5-2")]
    [Requirement("9113-6.5.3-1")]
    [Requirement("9113-6.9.2-1")]
    [Requirement("9113-6.9.2-2")]
    [Requirement("9113-6.9.2-3")]
    public async Task A_change_of_the_initial_window_moves_open_streams()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync((SettingId.InitialWindowSize, 10));
        await client.RequestAsync(1, "Duplex");
        await client.DataAsync(1, RawClient.Message(new byte[95]));
        await client.ExpectAsync(FrameType.Headers, 1);
        Assert.Equal(10, (await client.ExpectAsync(FrameType.Data, 1)).Payload.Length);

        await client.SendAsync(o => SettingsFrame.Write(o, [(SettingId.InitialWindowSize, 30)]));
        Assert.Equal(20, (await client.ExpectAsync(FrameType.Data, 1)).Payload.Length);

        await client.SendAsync(o => SettingsFrame.Write(o, [(SettingId.InitialWindowSize, 0)]));
        await client.SendAsync(o => WindowUpdateFrame.Write(o, 1, 30));
        await client.AssertNothingOnAsync(1);
        await client.SendAsync(o => WindowUpdateFrame.Write(o, 1, 70));
        Assert.Equal(70, (await client.ExpectAsync(FrameType.Data, 1)).Payload.Length);
        await client.DataAsync(1, [], endStream: true);
        Assert.Equal("0", (await client.ExpectAsync(FrameType.Headers, 1))["grpc-status"]);
        await server.AssertQuietAsync(client);
    }

    /// <summary>RFC 9113 section 6.9.2: SETTINGS that move a window past 2^31-1 end the connection.</summary>
    [Fact]
    [Requirement("9113-6.9.2-4")]
    public async Task A_change_of_the_initial_window_that_overflows_a_stream_ends_the_connection()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Duplex");
        await client.SendAsync(o => WindowUpdateFrame.Write(o, 1, 1));
        await client.SendAsync(o => SettingsFrame.Write(o, [(SettingId.InitialWindowSize, int.MaxValue)]));
        await client.ExpectGoAwayAndEndAsync(ErrorCode.FlowControlError, 1, "6.9.2");
        await server.AssertEndedAsync();
    }

    /// <summary>RFC 9113 section 6.9.1: the server stays within the client's windows, and uses them up.</summary>
    [Fact]
    [Requirement("9113-5.2.1-1")]
    [Requirement("9113-6.9.1-1")]
    public async Task A_large_response_stops_at_the_connections_window()
    {
        await using var server = new TestServer();
        server.Service.Unary = (_, _) => Task.FromResult(new byte[100_000]);
        RawClient client = await server.StartAsync((SettingId.InitialWindowSize, 1_000_000));
        await client.RequestAsync(1, "Unary");
        await client.DataAsync(1, RawClient.Message(), endStream: true);
        await client.ExpectAsync(FrameType.Headers, 1);
        int received = 0;
        while (received < 65_535)
        {
            received += (await client.ExpectAsync(FrameType.Data, 1)).Payload.Length;
        }

        Assert.Equal(65_535, received);
        await client.AssertNothingOnAsync(1);
        await client.SendAsync(o => WindowUpdateFrame.Write(o, 0, 1));
        Assert.Single((await client.ExpectAsync(FrameType.Data, 1)).Payload);
        await client.SendAsync(o => WindowUpdateFrame.Write(o, 0, 1_000_000));
        Assert.Equal("0", (await client.ResponseTrailersAsync(1))["grpc-status"]);
        await server.AssertQuietAsync(client);
    }
}
