using Grpc.Core;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Robustness;

/// <summary>
/// Frames for streams that have ended, from a peer that couldn't know yet (RFC 9113 section 5.1, "closed"). They come as often as streams
/// end; a limit on useless frames that counted them would end busy connections.
/// </summary>
public class CrossingFrames
{
    private const int Streams = 100;

    /// <summary>Fewer than come late in each of these tests.</summary>
    private static readonly AbuseLimits s_limits = new() { UselessFrames = new RateLimit(3, 0) };

    /// <summary>A client credits what it reads, which may be the rest of a long stream, and may cancel a call that has just ended.</summary>
    [Fact]
    public async Task Credit_and_resets_that_cross_with_the_end_are_no_flood_on_the_server()
    {
        await using var server = new TestServer(options => options.AbuseLimits = s_limits);
        RawClient client = await server.StartAsync();
        for (int i = 0; i < Streams; i++)
        {
            int id = (2 * i) + 1;
            await client.AssertWorksAsync(id);
            await client.SendAsync(o =>
            {
                WindowUpdateFrame.Write(o, id, 1000);
                WindowUpdateFrame.Write(o, id, 1000);
                WindowUpdateFrame.Write(o, id, 1000);
                WindowUpdateFrame.Write(o, id, 1000);
                RstStreamFrame.Write(o, id, ErrorCode.Cancel);
            });
        }

        await client.AssertWorksAsync((2 * Streams) + 1);
    }

    /// <summary>A server that answers before it has the whole request resets the rest, which the client may do as well.</summary>
    [Fact]
    public async Task Resets_that_cross_with_ours_are_no_flood_on_the_server()
    {
        await using var server = new TestServer(options => options.AbuseLimits = s_limits);
        RawClient client = await server.StartAsync();
        for (int i = 0; i < Streams; i++)
        {
            int id = (2 * i) + 1;
            await client.RequestAsync(id, "Nowhere");
            await client.ExpectAsync(FrameType.RstStream, id);
            await client.SendAsync(o => RstStreamFrame.Write(o, id, ErrorCode.NoError));
            await client.RoundTripAsync();
        }

        await client.AssertWorksAsync((2 * Streams) + 1);
    }

    /// <summary>Answers that cross with a cancellation: header list, trailers, and a reset of what is left of the request.</summary>
    [Fact]
    [Requirement("9113-5.1-9")]
    public async Task Answers_that_cross_with_cancellations_are_no_flood_on_the_client()
    {
        await using var channel = new TestChannel(options => options.AbuseLimits = s_limits);
        RawServer? server = null;
        for (int i = 0; i < Streams; i++)
        {
            int id = (2 * i) + 1;
            AsyncClientStreamingCall<byte[], byte[]> call = channel.Collect();
            server ??= await channel.StartAsync();
            await server.ExpectAsync(FrameType.Headers, id);
            call.Dispose();
            await server.ExpectAsync(FrameType.RstStream, id);
            await server.HeadersAsync(id, endStream: false, RawServer.Headers200);
            await server.HeadersAsync(id, endStream: true, "grpc-status=0");
            await server.SendAsync(o => RstStreamFrame.Write(o, id, ErrorCode.NoError));
            await server.RoundTripAsync();
        }

        await channel.AssertWorksAsync(server!, (2 * Streams) + 1);
    }
}
