using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.Client;

/// <summary>RFC 9113 sections 6.5.2 and 6.5.3 on a client: limits of the server that hold as soon as they come in.</summary>
public class Settings
{
    /// <summary>RFC 9113 section 6.5.2: no streams at all is a limit like any other; calls wait, and those that are open go on.</summary>
    [Fact]
    [Requirement("9113-6.5.2-7")]
    [Requirement("9113-6.5.3-1")]
    public async Task A_limit_of_no_streams_keeps_calls_waiting_and_ends_none()
    {
        await using var client = new TestChannel();
        Task<byte[]> first = client.Unary([1]).ResponseAsync;
        RawServer server = await client.StartAsync((SettingId.MaxConcurrentStreams, 0));
        await server.AssertNothingOnAsync(1);
        Assert.False(first.IsCompleted);
        await server.SendAsync(o => SettingsFrame.Write(o, [(SettingId.MaxConcurrentStreams, 1)]));
        await server.RequestAsync(1);
        await server.SendAsync(o => SettingsFrame.Write(o, [(SettingId.MaxConcurrentStreams, 0)]));
        await server.ExpectAsync(FrameType.Settings, 0, FrameFlags.Ack);
        Task<byte[]> second = client.Unary([2]).ResponseAsync;
        await server.ReplyAsync(1, 7);
        Assert.Equal([7], await RawPeer.Within(first, "the response"));
        await server.AssertNothingOnAsync(3);
        Assert.False(second.IsCompleted);
        await server.SendAsync(o => SettingsFrame.Write(o, [(SettingId.MaxConcurrentStreams, 100)]));
        await server.RequestAsync(3);
        await server.ReplyAsync(3, 8);
        Assert.Equal([8], await RawPeer.Within(second, "the response"));
        await client.AssertQuietAsync(server);
    }

    /// <summary>RFC 9113 section 6.5.3: the last value of a setting in a frame is the one that holds.</summary>
    [Fact]
    [Requirement("9113-6.5.3-1")]
    [Requirement("9113-6.5.3-2")]
    public async Task Values_of_one_setting_are_taken_in_their_order()
    {
        await using var client = new TestChannel();
        Task<byte[]> call = client.Unary(new byte[95]).ResponseAsync;
        RawServer server = await client.StartAsync(
            (SettingId.InitialWindowSize, 50), (SettingId.MaxConcurrentStreams, 0), (SettingId.InitialWindowSize, 10), (SettingId.MaxConcurrentStreams, 1));
        await server.ExpectAsync(FrameType.Headers, 1);
        Assert.Equal(10, (await server.ExpectAsync(FrameType.Data, 1)).Payload.Length);
        await server.AssertNothingOnAsync(1);
        await server.SendAsync(o => SettingsFrame.Write(o, [(SettingId.InitialWindowSize, 0), (SettingId.InitialWindowSize, 100)]));
        RawFrame last = await server.ExpectAsync(FrameType.Data, 1);
        Assert.Equal((90, true), (last.Payload.Length, last.EndStream));
        await server.ReplyAsync(1, 7);
        Assert.Equal([7], await RawPeer.Within(call, "the response"));
    }
}
