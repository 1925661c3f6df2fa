using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Server;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Robustness;

/// <summary>Credit, turns and identifiers of a server, rows 37 to 40: nothing that a client does to its own streams uses them up.</summary>
public class CreditOnTheServer
{
    /// <summary>
    /// Row 37: every way in which octets are thrown away, a hundred thousand times: padding, the start of a message nobody waits
    /// for, whole messages that nobody reads, octets that come when the stream has been reset. Several gigabytes of credit, so a
    /// leak of one octet in each stream would show.
    /// </summary>
    [Fact]
    public async Task Row37_A_hundred_thousand_reset_streams_cost_the_connection_no_credit()
    {
        const int Streams = 100_000;
        const int Batch = 1_000;
        await using AttackedServer attacked = await AttackedServer.StartAsync(Lifted);
        byte[] block = attacked.Attacker.Block(RawClient.RequestFields("Unary"));
        for (int sent = 0; sent < Streams; sent += Batch)
        {
            var output = new OutputBuffer();
            for (int i = 0; i < Batch; i++)
            {
                WriteAbandoned(output, attacked.NextId(), block, i % 4);
            }

            await attacked.Attacker.SendAsync(output.WrittenMemory);
            await attacked.Attacker.RoundTripAsync();
        }

        await attacked.AssertUnharmedAsync();
        int id = attacked.NextId();
        await attacked.Attacker.RequestAsync(id, "Unary");
        await Bulk.SendAsync(attacked.Attacker, id, RawClient.Message(new byte[3_000_000]), endStream: true); // three times its window
        await attacked.Attacker.ExpectAsync(FrameType.Headers, id);
    }

    /// <summary>Row 37: a refused stream's octets are nobody's, and credited all the same.</summary>
    [Fact]
    public async Task Row37_Octets_for_refused_streams_are_credited()
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync(options =>
        {
            Lifted(options);
            options.MaxConcurrentStreams = 1;
        });
        int open = attacked.NextId();
        await attacked.Attacker.RequestAsync(open, "Collect");
        for (int i = 0; i < 200; i++)
        {
            int id = attacked.NextId();
            await attacked.Attacker.RequestAsync(id, "Collect");
            await attacked.Attacker.DataAsync(id, new byte[16_384], endStream: true); // 3 MiB in all
            await attacked.Attacker.RoundTripAsync();
        }

        await attacked.Attacker.DataAsync(open, [], endStream: true);
        await attacked.Attacker.ResponseAsync(open);
        await attacked.AssertUnharmedAsync();
    }

    /// <summary>Row 38: a message longer than both windows comes through: who waits for it lets it come.</summary>
    [Theory]
    [InlineData("Unary")]
    [InlineData("Collect")]
    public async Task Row38_A_message_larger_than_the_windows_is_received(string method)
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync();
        int received = 0;
        attacked.Server.Service.Unary = (request, _) => Task.FromResult(BitConverter.GetBytes(received = request.Length));
        attacked.Server.Service.Collect = async (requests, _) =>
        {
            Assert.True(await requests.MoveNext(CancellationToken.None));
            received = requests.Current.Length;
            return [];
        };
        int id = attacked.NextId();
        await attacked.Attacker.RequestAsync(id, method);
        await Bulk.SendAsync(attacked.Attacker, id, RawClient.Message(new byte[4_000_000]), endStream: true);
        Assert.Equal("0", (await attacked.Attacker.ResponseAsync(id)).Status);
        Assert.Equal(4_000_000, received);
        attacked.Server.Service.Unary = (request, _) => Task.FromResult(request);
        await attacked.AssertUnharmedAsync();
    }

    /// <summary>Row 39: a stream that nobody reads holds its own window and nobody else's.</summary>
    [Fact]
    public async Task Row39_A_request_that_nobody_reads_starves_no_other()
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync();
        attacked.Server.Service.Collect = (_, context) => TestService.StallAsync(context);
        attacked.Server.Service.Unary = (request, _) => Task.FromResult(request[..3]);
        int stalled = attacked.NextId();
        await attacked.Attacker.RequestAsync(stalled, "Collect");
        await Bulk.SendAsync(attacked.Attacker, stalled, new byte[new ReceiveLimits().StreamWindow]);
        int id = attacked.NextId();
        await attacked.Attacker.RequestAsync(id, "Unary");
        await Bulk.SendAsync(attacked.Attacker, id, RawClient.Message(new byte[2_000_000]), endStream: true);
        Assert.Equal("0", (await attacked.Attacker.ResponseAsync(id)).Status);
        await attacked.Attacker.SendAsync(o => RstStreamFrame.Write(o, stalled, ErrorCode.Cancel));
        await attacked.AssertUnharmedAsync();
    }

    /// <summary>Row 39: dozens of them together hold less than what the connection lets go unread.</summary>
    [Fact]
    public async Task Row39_Sixty_requests_that_nobody_reads_starve_no_other()
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync();
        attacked.Server.Service.Collect = (_, context) => TestService.StallAsync(context);
        attacked.Server.Service.Unary = (request, _) => Task.FromResult(request[..3]);
        int[] stalled = [.. Enumerable.Range(0, 60).Select(_ => attacked.NextId())];
        foreach (int each in stalled)
        {
            await attacked.Attacker.RequestAsync(each, "Collect");
            await Bulk.SendAsync(attacked.Attacker, each, new byte[new ReceiveLimits().StreamWindow]);
        }

        int id = attacked.NextId();
        await attacked.Attacker.RequestAsync(id, "Unary");
        await Bulk.SendAsync(attacked.Attacker, id, RawClient.Message(new byte[2_000_000]), endStream: true);
        Assert.Equal("0", (await attacked.Attacker.ResponseAsync(id)).Status);
        foreach (int each in stalled)
        {
            Assert.Equal(0, attacked.Attacker.TakeCredit(each));
            await attacked.Attacker.SendAsync(o => RstStreamFrame.Write(o, each, ErrorCode.Cancel));
        }

        await attacked.AssertUnharmedAsync();
    }

    /// <summary>Row 39: a response that its client takes nothing of waits alone.</summary>
    [Fact]
    public async Task Row39_A_response_without_window_starves_no_other()
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync(new TestServer());
        const int Window = 5_000;
        int stalled = attacked.NextId();
        await attacked.Attacker.SendAsync(o => SettingsFrame.Write(o, [(SettingId.InitialWindowSize, Window)]));
        await attacked.Attacker.ExpectAsync(FrameType.Settings, 0, FrameFlags.Ack);
        await attacked.Attacker.RequestAsync(stalled, "Unary");
        await attacked.Attacker.DataAsync(stalled, RawClient.Message(new byte[10_000]), endStream: true);
        await attacked.Attacker.ExpectAsync(FrameType.Headers, stalled);
        Assert.Equal(Window, (await attacked.Attacker.ExpectAsync(FrameType.Data, stalled)).Payload.Length);
        byte[] message = RawClient.Message(new byte[10_000]);
        for (int i = 0; i < 5; i++)
        {
            int id = attacked.NextId();
            await attacked.Attacker.RequestAsync(id, "Unary");
            await attacked.Attacker.DataAsync(id, message, endStream: true);
            await attacked.Attacker.ExpectAsync(FrameType.Headers, id);
            Assert.Equal(message[..Window], (await attacked.Attacker.ExpectAsync(FrameType.Data, id)).Payload);
            await attacked.Attacker.SendAsync(o => WindowUpdateFrame.Write(o, id, message.Length));
            Assert.Equal(message[Window..], (await attacked.Attacker.ExpectAsync(FrameType.Data, id)).Payload);
            Assert.Equal("0", (await attacked.Attacker.ExpectAsync(FrameType.Headers, id))["grpc-status"]);
        }

        await attacked.Attacker.AssertNothingOnAsync(stalled);
        await attacked.Attacker.SendAsync(o => RstStreamFrame.Write(o, stalled, ErrorCode.Cancel));
        await attacked.Attacker.SendAsync(o => SettingsFrame.Write(o, [(SettingId.InitialWindowSize, 65_535)]));
        await attacked.AssertUnharmedAsync();
    }

    /// <summary>Row 40: a client that comes near the last identifier is asked to leave, and its calls under way are served.</summary>
    [Fact]
    public async Task Row40_A_connection_whose_identifiers_run_out_is_drained_early()
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync();
        const int Early = int.MaxValue - (1 << 20);
        await attacked.Attacker.AssertWorksAsync(Early);
        await attacked.Attacker.AssertNothingOnAsync(0);

        // The first one beyond it: announced at once, and served, and so is what the client opens before it has heard.
        await attacked.Attacker.RequestAsync(Early + 2, "Collect");
        RawFrame announced = await attacked.Attacker.ExpectAsync(FrameType.GoAway);
        Assert.Equal((int.MaxValue, ErrorCode.NoError), (announced.Number, announced.ErrorCode));
        RawFrame ping = await attacked.Attacker.ExpectAsync(FrameType.Ping);
        await attacked.Attacker.RequestAsync(int.MaxValue, "Collect");
        await attacked.Attacker.AnswerAsync(ping);
        RawFrame last = await attacked.Attacker.ExpectAsync(FrameType.GoAway);
        Assert.Equal((int.MaxValue, ErrorCode.NoError), (last.Number, last.ErrorCode));
        foreach (int id in new[] { Early + 2, int.MaxValue })
        {
            await attacked.Attacker.DataAsync(id, RawClient.Message(9), endStream: true);
            Assert.Equal(RawClient.Message(9), (await attacked.Attacker.ResponseAsync(id)).Data);
        }

        await attacked.Attacker.ExpectEndAsync();
        await attacked.Attacker.DisposeAsync();
        await Eventually.IsTrueAsync(() => Internals.ConnectionsOf(attacked.Server.Core).Length == 1, "the connection to be forgotten");
        await attacked.AssertBystanderWorksAsync();
    }

    /// <summary>What is tried here is legal in itself; its number isn't, by default.</summary>
    private static void Lifted(GrpcServerOptions options) => options.AbuseLimits = options.AbuseLimits with
    {
        StreamResets = RateLimit.Unlimited,
        UselessFrames = RateLimit.Unlimited,
    };

    /// <summary>A stream that is opened, gets some octets, and is reset before its call begins.</summary>
    private static void WriteAbandoned(OutputBuffer output, int id, byte[] block, int kind)
    {
        HeaderBlocksOnTheServer.HeadersFrames(output, id, block);
        switch (kind)
        {
            case 0: // the start of a message, and padding
                DataFrame.Write(output, id, RawClient.Message(new byte[100]).AsSpan(0, 50), endStream: false, padLength: 7);
                break;
            case 1: // padding alone
                DataFrame.Write(output, id, [], endStream: false, padLength: 200);
                break;
            case 2: // two messages, where one is due
                DataFrame.Write(output, id, [.. RawClient.Message(1), .. RawClient.Message(2)], endStream: false);
                break;
            default: // the server resets the stream, and octets come behind that
                WindowUpdateFrame.Write(output, id, 0);
                DataFrame.Write(output, id, new byte[50], endStream: false, padLength: 9);
                break;
        }

        RstStreamFrame.Write(output, id, ErrorCode.Cancel);
    }
}
