using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.Server;

/// <summary>
/// RFC 9113 section 8.7 on a server: what it says was not processed no handler has seen, since a client may send it again.
/// </summary>
public class Section8_7_Reliability
{
    [Fact]
    [Requirement("9113-8.7-1")]
    public async Task A_refused_stream_reaches_no_handler()
    {
        await using var server = new TestServer(options => options.MaxConcurrentStreams = 1);
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Collect");
        for (int id = 3; id < 23; id += 2)
        {
            await client.RequestAsync(id, "Collect");
            await client.DataAsync(id, RawClient.Message(1), endStream: true);
            await client.ExpectResetAsync(id, ErrorCode.RefusedStream);
        }

        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        Assert.Equal("0", (await client.ResponseAsync(1)).Status);
        await client.AssertWorksAsync(23);
        Assert.Equal(2, server.Service.Calls.Count);
        await server.AssertQuietAsync(client);
    }

    /// <summary>Once a handler has seen a request, its stream is never refused, whatever ends it.</summary>
    [Theory]
    [InlineData("8.1", "second header list")]
    [InlineData("8.1.1", "content-length")]
    [InlineData("8.2.1", "trailers")]
    [InlineData("6.9", "window")]
    [Requirement("9113-8.7-2")]
    public async Task A_stream_whose_request_a_handler_has_seen_is_reset_with_another_code(string section, string what)
    {
        await using var server = new TestServer();
        Task started = server.Service.HoldCollect();
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Collect", "content-length=6");
        await RawPeer.Within(started, "the handler to start");
        await client.SendAsync(o =>
        {
            switch (what)
            {
                case "second header list": client.Headers(o, 1, endStream: false, "a=b"); break;
                case "content-length": DataFrame.Write(o, 1, new byte[7], endStream: false); break;
                case "trailers": client.Headers(o, 1, endStream: true, "a=b\n"); break;
                default: WindowUpdateFrame.Write(o, 1, 0); break;
            }
        });
        await client.ExpectResetAsync(1, ErrorCode.ProtocolError);
        await client.AssertWorksAsync(3);
        await server.AssertQuietAsync(client);
        Assert.Contains(server.Log.Lines, line => line.Contains($"section {section})", StringComparison.Ordinal));
    }

    /// <summary>The last stream of GOAWAY takes in every request that a handler may have seen, however the connection ends.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Requirement("9113-8.7-1")]
    [Requirement("9113-8.7-3")]
    [Requirement("grpc-connections-1")]
    public async Task A_goaway_names_no_stream_below_one_that_a_handler_has_seen(bool shutdown)
    {
        await using var server = new TestServer();
        var started = new CountdownEvent(3);
        server.Service.Collect = async (_, context) =>
        {
            started.Signal();
            await TestService.UntilCancelledAsync(context);
            return [];
        };
        RawClient client = await server.StartAsync();
        foreach (int id in new[] { 1, 3, 7 })
        {
            await client.RequestAsync(id, "Collect");
        }

        await RawPeer.Within(Task.Run(started.Wait, TestContext.Current.CancellationToken), "the handlers to start");
        if (shutdown)
        {
            server.Core.BeginShutdown();
            Assert.Equal(int.MaxValue, (await client.ExpectAsync(FrameType.GoAway)).Number);
            await client.AnswerAsync(await client.ExpectAsync(FrameType.Ping));
            Assert.Equal(7, (await client.ExpectAsync(FrameType.GoAway)).Number);
            await client.RequestAsync(9, "Collect");
            await client.ExpectResetAsync(9, ErrorCode.RefusedStream);
            Assert.Equal(3, server.Service.Calls.Count);
        }

        // After the second GOAWAY of a shutdown, the number may not rise again.
        await client.SendAsync(o => WindowUpdateFrame.Write(o, 0, 0));
        await client.ExpectGoAwayAndEndAsync(ErrorCode.ProtocolError, 7, "6.9");
        await server.AssertEndedAsync();
    }
}
