using Grpc.Core;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.Server;

/// <summary>
/// RFC 9113's rules for senders: a session in which a server has to send every type of frame that it can, under changing limits.
/// The raw peer judges each frame by <see cref="SenderRules"/>, as it does in every other test.
/// </summary>
public class SenderSessions
{
    private const int Length = 40_000;

    [Fact]
    [Requirement("9113-4.1-1")]
    [Requirement("9113-4.1-4")]
    [Requirement("9113-4.1-5")]
    [Requirement("9113-4.3-1")]
    [Requirement("9113-5.1-8")]
    [Requirement("9113-5.2.1-1")]
    [Requirement("9113-5.4.2-2")]
    [Requirement("9113-6.1-2")]
    [Requirement("9113-6.2-2")]
    [Requirement("9113-6.2-4")]
    [Requirement("9113-6.4-1")]
    [Requirement("9113-6.4-3")]
    [Requirement("9113-6.4-5")]
    [Requirement("9113-6.5-1")]
    [Requirement("9113-6.5-3")]
    [Requirement("9113-6.5-5")]
    [Requirement("9113-6.5.2-1")]
    [Requirement("9113-6.5.2-4")]
    [Requirement("9113-6.5.2-5")]
    [Requirement("9113-6.5.2-10")]
    [Requirement("9113-6.6-7")]
    [Requirement("9113-6.7-1")]
    [Requirement("9113-6.8-5")]
    [Requirement("9113-6.9.1-1")]
    [Requirement("9113-6.9.2-3")]
    [Requirement("9113-6.10-1")]
    [Requirement("9113-6.10-3")]
    [Requirement("9113-6.10-5")]
    public async Task A_busy_server_keeps_to_the_rules()
    {
        await using var server = new TestServer(options => options.MaxConcurrentStreams = 3);
        server.Service.Unary = async (request, context) =>
        {
            await context.WriteResponseHeadersAsync(new Metadata { { "long", new string('x', Length) } });
            return new byte[Length];
        };
        server.Service.Duplex = async (_, responses, context) =>
        {
            while (!context.CancellationToken.IsCancellationRequested)
            {
                await responses.WriteAsync(new byte[Length], CancellationToken.None);
            }
        };
        RawClient client = await server.StartAsync((SettingId.EnablePush, 0), (SettingId.InitialWindowSize, 1000));

        // A header list of three frames and a message in many, while the window comes in small steps, grows and shrinks.
        await client.RequestAsync(1, "Unary");
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        Assert.False((await client.ExpectAsync(FrameType.Headers, 1)).Header.Has(FrameFlags.EndHeaders));
        await client.ExpectAsync(FrameType.Continuation, 1);
        Assert.Equal(1000, (await client.ExpectAsync(FrameType.Data, 1)).Payload.Length);
        await client.SendAsync(o => SettingsFrame.Write(o, [(SettingId.InitialWindowSize, 20_000), (SettingId.MaxFrameSize, 20_000)]));
        await client.ExpectAsync(FrameType.Data, 1);
        await client.SendAsync(o => SettingsFrame.Write(o, [(SettingId.InitialWindowSize, 500)]));
        await client.SendAsync(o => WindowUpdateFrame.Write(o, 1, 10_000)); // still below zero
        await client.RoundTripAsync();
        await client.SendAsync(o => WindowUpdateFrame.Write(o, 1, 100_000));
        Assert.Equal("0", (await client.ResponseTrailersAsync(1))["grpc-status"]);

        // Streams that end early, by every way there is; one over the limit; one that is answered in the middle of its request.
        await client.RequestAsync(3, "Duplex");
        await client.ExpectAsync(FrameType.Data, 3);
        await client.RequestAsync(5, "Duplex");
        await client.HeadersAsync(7, endStream: false, ":method=POST");
        await client.ExpectResetAsync(7, ErrorCode.ProtocolError);
        await client.RequestAsync(9, "Nothing");
        await client.ResponseAsync(9);
        await client.ExpectResetAsync(9, ErrorCode.NoError);
        await client.RequestAsync(11, "Collect");
        await client.RequestAsync(13, "Collect");
        await client.ExpectResetAsync(13, ErrorCode.RefusedStream);
        foreach (int id in new[] { 3, 5 })
        {
            await client.SendAsync(o => RstStreamFrame.Write(o, id, ErrorCode.Cancel));
        }

        await client.RoundTripAsync();
        await client.SendAsync(o => WindowUpdateFrame.Write(o, 0, 500_000));
        await client.DataAsync(11, RawClient.Message(new byte[100]), endStream: true);
        Assert.Equal("0", (await client.ResponseAsync(11)).Status);

        server.Core.BeginShutdown();
        await client.ExpectAsync(FrameType.GoAway);
        await client.AnswerAsync(await client.ExpectAsync(FrameType.Ping));
        await client.ExpectAsync(FrameType.GoAway);
        await client.ExpectEndAsync();
    }
}
