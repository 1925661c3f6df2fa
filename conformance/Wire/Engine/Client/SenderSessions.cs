using Grpc.Core;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.Client;

/// <summary>
/// RFC 9113's rules for senders: sessions in which a client has to send every type of frame that it can, under changing limits.
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
    [Requirement("9113-5.1.1-1")]
    [Requirement("9113-5.1.1-3")]
    [Requirement("9113-5.1.2-1")]
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
    [Requirement("9113-6.5.2-10")]
    [Requirement("9113-6.7-1")]
    [Requirement("9113-6.8-1")]
    [Requirement("9113-6.9.1-1")]
    [Requirement("9113-6.9.2-3")]
    [Requirement("9113-6.10-1")]
    [Requirement("9113-6.10-3")]
    [Requirement("9113-6.10-5")]
    [Requirement("9113-8.4.1-5")]
    public async Task A_busy_client_keeps_to_the_rules()
    {
        await using var client = new TestChannel();
        Task<byte[]>[] calls =
        [
            .. Enumerable.Range(0, 6).Select(i => client.Unary(Request(i), new CallOptions(new Metadata { { "long", new string('x', Length) } })).ResponseAsync),
        ];
        RawServer server = await client.StartAsync((SettingId.MaxConcurrentStreams, 2), (SettingId.InitialWindowSize, 1000));
        byte[] next = await OpenedAsync(1);
        for (int i = 0; i < calls.Length; i++)
        {
            int id = 1 + (2 * i);
            Task<byte[]> call = calls[next[5]]; // behind the message's prefix: which call it is
            if (i + 1 < calls.Length)
            {
                next = await OpenedAsync(id + 2); // before the window for new streams is another one
            }

            await server.SendAsync(o => SettingsFrame.Write(o, [(SettingId.InitialWindowSize, 30_000)]));
            await server.SendAsync(o => SettingsFrame.Write(o, [(SettingId.InitialWindowSize, 1000)]));
            await server.SendAsync(o => WindowUpdateFrame.Write(o, 0, Length));
            await server.SendAsync(o => WindowUpdateFrame.Write(o, id, Length));
            if (i % 2 == 0)
            {
                while (!(await server.ExpectAsync(FrameType.Data, id)).EndStream)
                {
                }

                await server.ReplyAsync(id, 1);
                await RawPeer.Within(call, "the response");
            }
            else
            {
                await server.SendAsync(o => RstStreamFrame.Write(o, id, ErrorCode.Cancel));
                await TestChannel.AssertFailsAsync(call, StatusCode.Cancelled, "");
            }

            await server.RoundTripAsync();
        }

        // One that the caller gives up, one that breaks a rule, one that is answered in the middle of its request.
        AsyncDuplexStreamingCall<byte[], byte[]> cancelled = client.Duplex();
        await server.ExpectAsync(FrameType.Headers, 13);
        cancelled.Dispose();
        await server.ExpectResetAsync(13, ErrorCode.Cancel);
        AsyncDuplexStreamingCall<byte[], byte[]> broken = client.Duplex();
        await server.ExpectAsync(FrameType.Headers, 15);
        await server.DataAsync(15, [1]);
        await server.ExpectResetAsync(15, ErrorCode.ProtocolError);
        AsyncDuplexStreamingCall<byte[], byte[]> answered = client.Duplex();
        await server.ExpectAsync(FrameType.Headers, 17);
        await server.HeadersAsync(17, endStream: true, [.. RawServer.Headers200, "grpc-status=0"]);
        await server.ExpectResetAsync(17, ErrorCode.NoError);
        await server.RoundTripAsync();

        await server.SendAsync(o => GoAwayFrame.Write(o, int.MaxValue, ErrorCode.NoError));
        await server.ExpectEndAsync();
        broken.Dispose();
        answered.Dispose();

        async Task<byte[]> OpenedAsync(int id)
        {
            Assert.False((await server.ExpectAsync(FrameType.Headers, id)).Header.Has(FrameFlags.EndHeaders));
            await server.ExpectAsync(FrameType.Continuation, id);
            byte[] first = (await server.ExpectAsync(FrameType.Data, id)).Payload;
            Assert.Equal(1000, first.Length);
            return first;
        }
    }

    /// <summary>Reading gives the peer credit, but none for a stream that has ended while its messages waited to be read.</summary>
    [Fact]
    [Requirement("9113-5.1-8")]
    public async Task Messages_that_are_read_after_the_end_of_their_stream_bring_it_no_credit()
    {
        await using var client = new TestChannel();
        AsyncServerStreamingCall<byte[]> call = client.Spread([1]);
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.HeadersAsync(1, endStream: false, RawServer.Headers200);
        const int Messages = 3; // more than half of the window
        for (int i = 0; i < Messages; i++)
        {
            await server.DataAsync(1, RawClient.Message(new byte[16_384 - 5]));
        }

        await server.HeadersAsync(1, endStream: true, "grpc-status=0");
        await server.RoundTripAsync();
        for (int i = 0; i < Messages; i++)
        {
            Assert.True(await RawPeer.Within(call.ResponseStream.MoveNext(CancellationToken.None), "a message"));
        }

        Assert.False(await RawPeer.Within(call.ResponseStream.MoveNext(CancellationToken.None), "the end"));
        await server.RoundTripAsync();
        Assert.Equal(0, server.TakeCredit(1));
        await client.AssertQuietAsync(server);
    }

    private static byte[] Request(int index)
    {
        byte[] request = new byte[Length];
        request[0] = (byte)index;
        return request;
    }
}
