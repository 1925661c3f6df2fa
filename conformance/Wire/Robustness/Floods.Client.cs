using Grpc.Core;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Robustness;

/// <summary>Floods of frames against a channel: a server may be hostile as well (RFC 9113 section 10.5).</summary>
public class FloodsOnTheClient
{
    /// <summary>Row 2: mistakes that make the client reset streams.</summary>
    [Fact]
    [Requirement("9113-10.5-2")]
    public async Task Making_the_client_reset_streams_ends_the_connection()
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync(options =>
            options.AbuseLimits = new AbuseLimits { StreamResets = new RateLimit(50, 0) });
        Task<byte[]>[] calls = [];

        // The stated bound is the usual one: of the streams that were reset nothing is held.
        await attacked.FloodAsync(nameof(AbuseLimits.StreamResets), async (server, _) =>
        {
            calls = [.. Enumerable.Range(0, 51).Select(_ => attacked.Channel.Unary([1]).ResponseAsync)];
            int[] ids = [.. calls.Select(_ => attacked.NextId())];
            foreach (int id in ids)
            {
                await server.RequestAsync(id); // all of them are on their way, and none is left for the next connection
            }

            foreach (int id in ids)
            {
                await server.HeadersAsync(id, endStream: false, RawServer.Headers200);
                await server.DataAsync(id, RawClient.Message(new byte[1000])[..500]);
                await server.SendAsync(o => WindowUpdateFrame.Write(o, id, 0));
            }
        });
        await Task.WhenAll(calls.Select(call => TestChannel.FailureAsync(call)));
    }

    /// <summary>Row 1 the other way round: a server that refuses calls is within its rights, however many.</summary>
    [Fact]
    public async Task A_server_that_resets_every_call_keeps_its_connection()
    {
        await using var channel = new TestChannel(options => options.AbuseLimits = new AbuseLimits { StreamResets = new RateLimit(10, 0) });
        Task<byte[]> first = channel.Unary([1]).ResponseAsync;
        RawServer server = await channel.StartAsync();
        for (int id = 1; id <= 101; id += 2)
        {
            await server.RequestAsync(id);
            await server.SendAsync(o => RstStreamFrame.Write(o, id, ErrorCode.RefusedStream));
            id += 2;
            await server.RequestAsync(id); // once more, since it was not looked at
            await server.SendAsync(o => RstStreamFrame.Write(o, id, ErrorCode.RefusedStream));
            Assert.Equal(StatusCode.Unavailable, (await TestChannel.FailureAsync(first)).StatusCode);
            first = channel.Unary([1]).ResponseAsync;
        }

        await server.RequestAsync(105);
        await server.ReplyAsync(105, 2);
        Assert.Equal([2], await RawPeer.Within(first, "the response"));
    }

    /// <summary>Row 5: entries of a SETTINGS frame, and SETTINGS frames.</summary>
    [Theory]
    [InlineData(1, 33, nameof(AbuseLimits.SettingsEntries))]
    [InlineData(10, 1, nameof(AbuseLimits.SettingsFrames))]
    [Requirement("9113-10.5-2")]
    public async Task Too_many_settings_end_the_connection(int frames, int entries, string limit)
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync(options =>
            options.AbuseLimits = new AbuseLimits { SettingsFrames = new RateLimit(10, 0) });
        await attacked.FloodAsync(limit, async (server, _) =>
        {
            for (int i = 0; i < frames; i++)
            {
                await server.SendAsync(o => SettingsFrame.Write(o, [.. Enumerable.Repeat((SettingId.InitialWindowSize, 1u), entries)]));
            }
        });
    }

    /// <summary>Rows 8, 11 and 28: frames that mean nothing.</summary>
    [Theory]
    [InlineData(FrameTypeName.RstStream)]
    [InlineData(FrameTypeName.Priority)]
    [InlineData(FrameTypeName.Unknown)]
    [Requirement("9113-10.5-2")]
    public async Task Too_many_frames_that_change_nothing_end_the_connection(FrameTypeName type)
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync(options =>
            options.AbuseLimits = new AbuseLimits { UselessFrames = new RateLimit(Flood.Frames, 0) });
        await attacked.FloodAsync(nameof(AbuseLimits.UselessFrames), (server, _) => Flood.SendUselessAsync(server, (FrameType)type));
    }

    /// <summary>RFC 9113 section 8.1: interim responses may come in any number, but none of them means anything to gRPC.</summary>
    [Fact]
    [Requirement("9113-10.5-2")]
    public async Task Too_many_interim_responses_end_the_connection()
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync(options =>
            options.AbuseLimits = new AbuseLimits { UselessFrames = new RateLimit(200, 0) });
        await attacked.FloodAsync(nameof(AbuseLimits.UselessFrames), async (server, id) =>
        {
            for (int i = 0; i <= 200; i++)
            {
                await server.HeadersAsync(id, endStream: false, ":status=103", $"link={i:d1000}");
            }
        });
    }

    /// <summary>Row 9: DATA that brings nothing and ends nothing.</summary>
    [Fact]
    [Requirement("9113-10.5-2")]
    public async Task Too_many_empty_data_frames_end_the_connection()
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync(options =>
            options.AbuseLimits = new AbuseLimits { EmptyDataFrames = new RateLimit(Flood.Frames, 0) });
        await attacked.FloodAsync(nameof(AbuseLimits.EmptyDataFrames), async (server, id) =>
        {
            await server.HeadersAsync(id, endStream: false, RawServer.Headers200);
            await Flood.SendAsync(server, o => DataFrame.Write(o, id, [], endStream: false));
        });
    }

    /// <summary>Row 9: the same with the limit as it is.</summary>
    [Fact]
    public async Task Too_many_empty_data_frames_end_the_connection_by_default()
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        await attacked.FloodAsync(nameof(AbuseLimits.EmptyDataFrames), async (server, id) =>
        {
            await server.HeadersAsync(id, endStream: false, RawServer.Headers200);
            await Flood.SendAsync(server, o => DataFrame.Write(o, id, [], endStream: false));
        });
    }

    /// <summary>Row 10: a tiny frame holds no more memory than a tiny piece of a large one.</summary>
    [Fact]
    public async Task Memory_of_tiny_frames_is_in_proportion_to_what_they_bring()
    {
        const int Size = 60_000;
        await using var channel = new TestChannel();
        using AsyncDuplexStreamingCall<byte[], byte[]> call = channel.Duplex();
        RawServer server = await channel.StartAsync();
        await server.ExpectAsync(FrameType.Headers, 1);
        await server.HeadersAsync(1, endStream: false, RawServer.Headers200);
        byte[] message = RawClient.Message(new byte[Size]);
        for (int i = 0; i < message.Length; i++)
        {
            await server.SendAsync(o => DataFrame.Write(o, 1, message.AsSpan(i, 1), endStream: false));
        }

        await server.RoundTripAsync();

        // The stated bound: twice the payload, whatever the frames.
        Assert.InRange(Internals.HeldMemory(Internals.SingleInboxOf(channel.Channel)), Size, 2 * Size);
    }

    /// <summary>Row 12: a flood of WINDOW_UPDATE has nothing to credit, on the connection or on a stream that has ended.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [Requirement("9113-10.5-2")]
    public async Task Too_many_window_updates_end_the_connection(int streamId)
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        await attacked.FloodAsync(
            nameof(AbuseLimits.WindowUpdatesPerDataFrame), (server, _) => Flood.SendAsync(server, o => WindowUpdateFrame.Write(o, streamId, 1)));
    }
}
