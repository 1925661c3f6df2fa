using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Robustness;

/// <summary>Floods of frames against a server (RFC 9113 section 10.5): what costs a client little may not cost the server more.</summary>
public partial class FloodsOnTheServer
{
    private static readonly AbuseLimits s_lifted = new() { PingStrikes = int.MaxValue };

    /// <summary>Row 1, rapid reset (CVE-2023-44487): streams that are opened only to be reset.</summary>
    [Fact]
    [Requirement("9113-10.5-2")]
    public async Task Rapid_reset_ends_the_connection()
    {
        (TestServer server, RawClient attacker, RawClient bystander) = await Scene.ServerAsync(options =>
            options.AbuseLimits = s_lifted with { StreamResets = new RateLimit(50, 0) });
        await using TestServer owned = server;
        for (int i = 0; i <= 50; i++)
        {
            await attacker.RequestAsync((2 * i) + 1, "Collect");
            await attacker.SendAsync(o => RstStreamFrame.Write(o, (2 * i) + 1, ErrorCode.Cancel));
        }

        await Scene.AssertCalmedAsync(server, attacker, bystander, 101, nameof(AbuseLimits.StreamResets));
    }

    /// <summary>Row 1: the default limit answers a flood, too.</summary>
    [Fact]
    public async Task Rapid_reset_ends_the_connection_by_default()
    {
        await using var server = new TestServer();
        server.MeasureAtTheEnd();
        RawClient attacker = await server.StartAsync();
        int last = 0;
        while (Internals.ConnectionsOf(server.Core).Length > 0 && last < 40_000)
        {
            last += 2;
            try
            {
                await attacker.RequestAsync(last - 1, "Collect");
                await attacker.SendAsync(o => RstStreamFrame.Write(o, last - 1, ErrorCode.Cancel));
            }
            catch (IOException)
            {
                break; // turned away in the middle of it
            }
        }

        Assert.InRange(last / 2, 2000, 20_000);
        await server.AssertEndedAsync();
        Scene.AssertSaidOnce(server.Log, nameof(AbuseLimits.StreamResets));

        // The stated bound: no stream is left, and of those that were refused for their handlers the answers wait, in an array that doubles.
        server.HeldAtTheEnd!.Value.AssertWithin(new Held(1, Held.Usual.Octets + (2 * new AbuseLimits().UnsentAnswers)));
    }

    /// <summary>Row 1: a client all of whose calls meet their deadline in one moment, or that hedges every call, is no attacker.</summary>
    [Fact]
    public async Task A_storm_of_deadlines_is_no_flood()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        for (int i = 0; i < 1000; i++)
        {
            await client.RequestAsync((2 * i) + 1, "Collect");
        }

        for (int i = 0; i < 1000; i++)
        {
            await client.SendAsync(o => RstStreamFrame.Write(o, (2 * i) + 1, ErrorCode.Cancel));
        }

        await Eventually.IsTrueAsync(() => server.Core.RunningCalls == 0, "the handlers to return");
        await client.AssertWorksAsync(2001);
        await server.AssertQuietAsync(client);
    }

    /// <summary>Row 1: who makes good use of as many streams as it resets may go on for ever.</summary>
    [Fact]
    public async Task Resets_beside_as_many_good_calls_are_no_flood()
    {
        await using var server = new TestServer(options => options.AbuseLimits = s_lifted with { StreamResets = new RateLimit(5, 0) });
        RawClient client = await server.StartAsync();
        int id = 1;
        for (int i = 0; i < 100; i++, id += 4)
        {
            await client.RequestAsync(id, "Collect");
            await client.SendAsync(o => RstStreamFrame.Write(o, id, ErrorCode.Cancel));
            await client.AssertWorksAsync(id + 2);
        }

        await server.AssertQuietAsync(client);
    }

    /// <summary>Row 1: a reset frees the stream, but not the place of a handler that goes on.</summary>
    [Fact]
    [Requirement("9113-10.5-2")]
    public async Task A_handler_counts_against_the_streams_until_it_returns()
    {
        await using var server = new TestServer(options => options.MaxConcurrentStreams = 2);
        var stubborn = new TaskCompletionSource<byte[]>();
        server.Service.Unary = (_, _) => stubborn.Task;
        RawClient client = await server.StartAsync();
        foreach (int id in new[] { 1, 3 })
        {
            await client.RequestAsync(id, "Unary");
            await client.DataAsync(id, RawClient.Message(1), endStream: true);
            await server.Service.UntilCalledAsync((id + 1) / 2);
            await client.SendAsync(o => RstStreamFrame.Write(o, id, ErrorCode.Cancel));
        }

        await client.RequestAsync(5, "Unary");
        await client.ExpectResetAsync(5, ErrorCode.RefusedStream);
        Assert.Equal(2, server.Service.Calls.Count);

        stubborn.SetResult([]);
        await Eventually.IsTrueAsync(() => server.Core.RunningCalls == 0, "the handlers to return");
        server.Service.Unary = (request, _) => Task.FromResult(request);
        await client.AssertWorksAsync(7);
        await server.AssertQuietAsync(client);
    }

    /// <summary>
    /// Row 1: a lawful client that uses its limit to the full may open a stream for one that it has just reset, though the handler hasn't
    /// noticed yet. No more than a tenth of the limit.
    /// </summary>
    [Fact]
    [Requirement("9113-10.5-2")]
    public async Task A_tenth_more_handlers_may_be_about_to_return()
    {
        await using var server = new TestServer(options => options.MaxConcurrentStreams = 10);
        var stubborn = new TaskCompletionSource<byte[]>();
        server.Service.Unary = (_, _) => stubborn.Task;
        RawClient client = await server.StartAsync();
        foreach (int id in new[] { 1, 3 })
        {
            await client.RequestAsync(id, "Unary");
            await client.DataAsync(id, RawClient.Message(1), endStream: true);
            await server.Service.UntilCalledAsync((id + 1) / 2);
            await client.SendAsync(o => RstStreamFrame.Write(o, id, ErrorCode.Cancel));
        }

        for (int id = 5; id <= 21; id += 2)
        {
            await client.RequestAsync(id, "Collect"); // nine more: 2 + 9 = 10 + 1
        }

        await server.Service.UntilCalledAsync(11);
        await client.RequestAsync(23, "Collect");
        await client.ExpectResetAsync(23, ErrorCode.RefusedStream);
        stubborn.SetResult([]);
    }

    /// <summary>Row 2, the server made to reset (CVE-2025-8671): the resets that mistakes of the client bring about count as well.</summary>
    [Theory]
    [InlineData("window update of 0")]
    [InlineData("window overflow")]
    [InlineData("data after the end")]
    [InlineData("malformed request")]
    [Requirement("9113-10.5-2")]
    public async Task Making_the_server_reset_streams_ends_the_connection(string mistake)
    {
        (TestServer server, RawClient attacker, RawClient bystander) = await Scene.ServerAsync(options =>
            options.AbuseLimits = s_lifted with { StreamResets = new RateLimit(20, 0) });
        await using TestServer owned = server;
        server.Service.Unary = async (request, context) =>
        {
            if (request.Length == 1)
            {
                await TestService.UntilCancelledAsync(context);
            }

            return request;
        };
        for (int id = 1; id <= 41; id += 2)
        {
            await MakeMistakeAsync(attacker, id, mistake);
        }

        await Scene.AssertCalmedAsync(server, attacker, bystander, 41, nameof(AbuseLimits.StreamResets));
    }

    /// <summary>Row 5: one SETTINGS frame has no more entries than there is sense in.</summary>
    [Fact]
    [Requirement("9113-10.5-2")]
    public async Task Too_many_entries_in_a_settings_frame_end_the_connection()
    {
        (TestServer server, RawClient attacker, RawClient bystander) = await Scene.ServerAsync();
        await using TestServer owned = server;
        await attacker.SendAsync(o => SettingsFrame.Write(o, [.. Enumerable.Repeat((SettingId.InitialWindowSize, 1u), 33)]));
        await Scene.AssertCalmedAsync(server, attacker, bystander, 0, nameof(AbuseLimits.SettingsEntries));
    }

    /// <summary>Row 5, SETTINGS flood (CVE-2019-9515), by a client that takes the acknowledgements.</summary>
    [Fact]
    [Requirement("9113-10.5-2")]
    public async Task Too_many_settings_frames_end_the_connection()
    {
        (TestServer server, RawClient attacker, RawClient bystander) = await Scene.ServerAsync(options =>
            options.AbuseLimits = s_lifted with { SettingsFrames = new RateLimit(10, 0) });
        await using TestServer owned = server;
        for (int i = 0; i < 10; i++)
        {
            await attacker.SendAsync(o => SettingsFrame.Write(o, [(SettingId.InitialWindowSize, (uint)i)]));
        }

        await Scene.AssertCalmedAsync(server, attacker, bystander, 0, nameof(AbuseLimits.SettingsFrames));
    }

    /// <summary>Row 8: RST_STREAM for streams that have ended, and rows 11 and 28: frames that mean nothing.</summary>
    [Theory]
    [InlineData(FrameTypeName.RstStream)]
    [InlineData(FrameTypeName.Priority)]
    [InlineData(FrameTypeName.Unknown)]
    [InlineData(FrameTypeName.GoAway)]
    [Requirement("9113-10.5-2")]
    public async Task Too_many_frames_that_change_nothing_end_the_connection(FrameTypeName type)
    {
        (TestServer server, RawClient attacker, RawClient bystander) = await Scene.ServerAsync(options =>
            options.AbuseLimits = s_lifted with { UselessFrames = new RateLimit(Flood.Frames, 0) });
        await using TestServer owned = server;
        await attacker.AssertWorksAsync(1);
        await Flood.SendUselessAsync(attacker, (FrameType)type);

        await Scene.AssertCalmedAsync(server, attacker, bystander, 1, nameof(AbuseLimits.UselessFrames));
    }

    /// <summary>Row 8: RST_STREAM for a stream that was never opened is an error at once.</summary>
    [Fact]
    public async Task A_reset_of_an_idle_stream_is_a_protocol_error()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.SendAsync(o => RstStreamFrame.Write(o, 1, ErrorCode.Cancel));
        await client.ExpectGoAwayAndEndAsync(ErrorCode.ProtocolError, 0, "5.1");
    }

    private static async Task MakeMistakeAsync(RawClient attacker, int id, string mistake)
    {
        if (mistake == "malformed request")
        {
            await attacker.HeadersAsync(id, endStream: true, ":method=POST", ":path=/test/Unary");
            return;
        }

        await attacker.RequestAsync(id, "Unary");
        await attacker.DataAsync(id, RawClient.Message(1), endStream: true);
        switch (mistake)
        {
            case "window update of 0":
                await attacker.SendAsync(o => WindowUpdateFrame.Write(o, id, 0));
                break;
            case "window overflow":
                await attacker.SendAsync(o => WindowUpdateFrame.Write(o, id, int.MaxValue));
                break;
            default:
                await attacker.DataAsync(id, [1]);
                break;
        }
    }
}
