using Grpc.Core;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Robustness;

/// <content>Floods of content: DATA, its credit, and streams beyond the limit.</content>
public partial class FloodsOnTheServer
{
    /// <summary>Row 9, empty frames (CVE-2019-9518): DATA that brings nothing and ends nothing.</summary>
    [Fact]
    [Requirement("9113-10.5-2")]
    public async Task Too_many_empty_data_frames_end_the_connection()
    {
        (TestServer server, RawClient attacker, RawClient bystander) = await Scene.ServerAsync(options =>
            options.AbuseLimits = s_lifted with { EmptyDataFrames = new RateLimit(Flood.Frames, 0) });
        await using TestServer owned = server;
        await attacker.RequestAsync(1, "Collect");
        await Flood.SendAsync(attacker, o => DataFrame.Write(o, 1, [], endStream: false));
        await Scene.AssertCalmedAsync(server, attacker, bystander, 1, nameof(AbuseLimits.EmptyDataFrames));
    }

    /// <summary>Row 9: the same with the limit as it is.</summary>
    [Fact]
    public async Task Too_many_empty_data_frames_end_the_connection_by_default()
    {
        (TestServer server, RawClient attacker, RawClient bystander) = await Scene.ServerAsync();
        await using TestServer owned = server;
        await attacker.RequestAsync(1, "Collect");
        for (int i = 0; i <= 110; i++)
        {
            await attacker.DataAsync(1, []);
        }

        await Scene.AssertCalmedAsync(server, attacker, bystander, 1, nameof(AbuseLimits.EmptyDataFrames));
    }

    /// <summary>Row 9: small frames and padding are legal in any number; the official padding case sends tens of thousands.</summary>
    [Fact]
    public async Task Tens_of_thousands_of_small_padded_frames_are_no_flood()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Collect");
        byte[] message = RawClient.Message(new byte[20_000]);
        for (int i = 0; i < message.Length; i++)
        {
            await client.SendAsync(o => DataFrame.Write(o, 1, message.AsSpan(i, 1), endStream: false, padLength: 3));
            await client.WaitForCreditAsync(1000);
        }

        await client.DataAsync(1, [], endStream: true);
        Assert.Equal(message, (await client.ResponseAsync(1)).Data);
    }

    /// <summary>Row 10 (CVE-2026-84304): a tiny frame holds no more memory than a tiny piece of a large one.</summary>
    [Fact]
    public async Task Memory_of_tiny_frames_is_in_proportion_to_what_they_bring()
    {
        const int Size = 60_000;
        await using var server = new TestServer();
        var proceed = new TaskCompletionSource();
        server.Service.Collect = async (_, _) =>
        {
            await proceed.Task;
            return [];
        };
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Collect");
        byte[] message = RawClient.Message(new byte[Size]);
        for (int i = 0; i < message.Length; i++)
        {
            await client.SendAsync(o => DataFrame.Write(o, 1, message.AsSpan(i, 1), endStream: false));
        }

        await client.RoundTripAsync();
        ServerCallContext call = Assert.Single(server.Service.Calls);

        // The stated bound: twice the payload, whatever the frames.
        Assert.InRange(Internals.HeldMemory(Internals.StreamOf((MiniGrpc.Server.ServerCall)call).Inbox), Size, 2 * Size);
        proceed.SetResult();
        await client.ExpectAsync(FrameType.Headers, 1);
    }

    /// <summary>Row 12: WINDOW_UPDATE is for DATA; a flood of them has nothing to credit.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [Requirement("9113-10.5-2")]
    public async Task Too_many_window_updates_end_the_connection(int streamId)
    {
        (TestServer server, RawClient attacker, RawClient bystander) = await Scene.ServerAsync();
        await using TestServer owned = server;
        await attacker.RequestAsync(1, "Collect");
        await Flood.SendAsync(attacker, o => WindowUpdateFrame.Write(o, streamId, 1));
        await Scene.AssertCalmedAsync(server, attacker, bystander, 1, nameof(AbuseLimits.WindowUpdatesPerDataFrame));
    }

    /// <summary>Row 12: a stream that has ended has no DATA to credit any more.</summary>
    [Fact]
    [Requirement("9113-10.5-2")]
    public async Task Too_many_window_updates_for_a_stream_that_has_ended_end_the_connection()
    {
        (TestServer server, RawClient attacker, RawClient bystander) = await Scene.ServerAsync();
        await using TestServer owned = server;
        await attacker.AssertWorksAsync(1);
        await Flood.SendUselessAsync(attacker, FrameType.WindowUpdate);
        await Scene.AssertCalmedAsync(server, attacker, bystander, 1, nameof(AbuseLimits.WindowUpdatesPerDataFrame));
    }

    /// <summary>Row 12: a client that credits every DATA frame for stream and connection does nothing wrong.</summary>
    [Fact]
    public async Task Crediting_every_frame_is_no_flood()
    {
        await using var server = new TestServer();
        server.Service.Spread = async (_, responses, _) =>
        {
            for (int i = 0; i < 3000; i++)
            {
                await responses.WriteAsync([1]);
            }
        };
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Spread");
        await client.DataAsync(1, RawClient.Message(), endStream: true);
        await client.ExpectAsync(FrameType.Headers, 1);
        for (int i = 0; i < 3000; i++)
        {
            await client.ExpectAsync(FrameType.Data, 1);
            await client.SendAsync(o => WindowUpdateFrame.Write(o, 0, 6));
            await client.SendAsync(o => WindowUpdateFrame.Write(o, 1, 6));
        }

        Assert.Equal("0", (await client.ExpectAsync(FrameType.Headers, 1))["grpc-status"]);
        await client.AssertWorksAsync(3);
    }

    /// <summary>Row 14: more streams than allowed are refused one by one; what they say to HPACK still counts.</summary>
    [Fact]
    [Requirement("9113-10.5.1-1")]
    public async Task A_stream_over_the_limit_is_refused_and_its_block_decoded()
    {
        await using var server = new TestServer(options => options.MaxConcurrentStreams = 1);
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Collect");
        await client.RequestAsync(3, "Unary", "x-new=enters the table");
        await client.ExpectResetAsync(3, ErrorCode.RefusedStream);
        await client.DataAsync(1, [], endStream: true);
        await client.ResponseAsync(1);
        await client.AssertWorksAsync(5);
    }

    /// <summary>Row 14 (CVE-2026-47244): refusals count as resets, and of what is refused nothing is held.</summary>
    [Fact]
    [Requirement("9113-10.5-2")]
    public async Task Too_many_streams_over_the_limit_end_the_connection()
    {
        const int Allowed = 10;
        const int Refused = 1000;
        (TestServer server, RawClient attacker, RawClient bystander) = await Scene.ServerAsync(options =>
        {
            options.MaxConcurrentStreams = Allowed;
            options.AbuseLimits = s_lifted with { StreamResets = new RateLimit(Refused - 1, 0) };
        });
        await using TestServer owned = server;
        int last = -1;
        for (int i = 0; i < Allowed + Refused; i++)
        {
            last += 2;
            await attacker.RequestAsync(last, "Collect", $"large={i:d100}");
        }

        // The stated bound: the streams that are allowed, and beside the usual what is answered to the others.
        await Scene.AssertCalmedAsync(
            server, attacker, bystander, last, nameof(AbuseLimits.StreamResets), new Held(Allowed, Held.Usual.Octets + (16 * 1024)));
    }
}
