using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.Server;

/// <summary>RFC 9113 sections 5.2 and 6.9 on a server: flow control in both directions.</summary>
public partial class Section6_9_FlowControl
{
    private static readonly ReceiveLimits s_limits = new();

    /// <summary>RFC 9113 section 6.9.1: DATA beyond the window of its stream is an error of the stream.</summary>
    [Fact]
    public async Task Data_beyond_the_window_of_the_stream_resets_the_stream()
    {
        await using var server = new TestServer();
        var started = new TaskCompletionSource();
        server.Service.Collect = async (_, context) =>
        {
            await TestService.UntilCancelledAsync(context, started); // reads nothing, so nothing is credited
            return [];
        };
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Collect");
        await RawPeer.Within(started.Task, "the handler to start");
        await SendAsync(client, 1, s_limits.StreamWindow);
        await client.AssertNothingOnAsync(1);
        await client.DataAsync(1, [1]);
        await client.ExpectResetAsync(1, ErrorCode.FlowControlError);
        await client.AssertWorksAsync(3);
        await server.AssertQuietAsync(client);
    }

    [Fact]
    [Requirement("9113-5.4-1")]
    public async Task Data_beyond_the_window_that_also_ends_the_stream_resets_it_as_well()
    {
        await using var server = new TestServer();
        Task started = server.Service.HoldCollect();
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Collect");
        await RawPeer.Within(started, "the handler to start");
        await SendAsync(client, 1, s_limits.StreamWindow);
        await client.DataAsync(1, [1], endStream: true);
        await client.ExpectResetAsync(1, ErrorCode.FlowControlError);
        await client.AssertWorksAsync(3);
        await server.AssertQuietAsync(client);
    }

    /// <summary>RFC 9113 section 6.9.1: DATA beyond the connection's window ends the connection.</summary>
    [Fact]
    public async Task Data_beyond_the_window_of_the_connection_ends_the_connection()
    {
        await using var server = new TestServer();
        server.Service.Collect = async (_, context) =>
        {
            await TestService.UntilCancelledAsync(context);
            return [];
        };
        RawClient client = await server.StartAsync();

        // Unread octets are credited up to a cap; from there on the peer has no more than it has.
        int id = 1;
        while (true)
        {
            await client.RequestAsync(id, "Collect");
            await SendAsync(client, id, (int)long.Min(s_limits.StreamWindow, client.ConnectionCredit));
            await client.RoundTripAsync();
            if (client.ConnectionCredit == 0)
            {
                break;
            }

            id += 2;
            Assert.True(id < 200, "the connection's window never ends");
        }

        Assert.InRange((id / 2 * (long)s_limits.StreamWindow), s_limits.Abuse.ReceiveQueue, s_limits.Abuse.ReceiveQueue + s_limits.ConnectionWindow);
        await client.DataAsync(1, [1]);
        await client.ExpectGoAwayAndEndAsync(ErrorCode.FlowControlError, id, "6.9.1");
        await server.AssertEndedAsync();
    }

    [Fact]
    [Requirement("9113-10.5-2")]
    public async Task Unread_octets_hold_back_connection_credit_until_they_are_read()
    {
        await using var server = new TestServer();
        var read = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        server.Service.Collect = async (requests, _) =>
        {
            await read.Task;
            int octets = 0;
            while (await requests.MoveNext(CancellationToken.None))
            {
                octets += requests.Current.Length;
            }

            return BitConverter.GetBytes(octets);
        };
        RawClient client = await server.StartAsync();
        byte[] message = RawClient.Message(new byte[16_384 - 5]);
        int streams = 0;
        for (int id = 1; client.ConnectionCredit > 0; id += 2)
        {
            streams++;
            await client.RequestAsync(id, "Collect");
            for (int sent = 0; sent < s_limits.StreamWindow && client.ConnectionCredit > 0; sent += message.Length)
            {
                await client.DataAsync(id, message);
            }

            await client.RoundTripAsync();
            Assert.InRange(streams, 1, 99);
        }

        read.SetResult();
        for (int id = 1; id < 2 * streams; id += 2)
        {
            await client.DataAsync(id, [], endStream: true);
            Assert.Equal("0", (await client.ResponseAsync(id)).Status);
        }

        await server.AssertQuietAsync(client);
    }

    [Fact]
    public async Task What_a_handler_leaves_unread_is_credited_when_it_returns()
    {
        await using var server = new TestServer();
        var returns = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        server.Service.Collect = async (_, _) =>
        {
            await returns.Task;
            return [];
        };
        RawClient client = await server.StartAsync();
        for (int id = 1; client.ConnectionCredit > 0; id += 2)
        {
            Assert.InRange(id, 1, 199);
            await client.RequestAsync(id, "Collect");
            await SendAsync(client, id, (int)long.Min(s_limits.StreamWindow, client.ConnectionCredit));
            await client.RoundTripAsync();
        }

        // The client has nothing more to say, so nothing but the handlers' end brings the credit back.
        returns.SetResult();
        await client.ExpectAsync("credit for the connection", 0, frame => frame.Type == FrameType.WindowUpdate && client.ConnectionCredit > 0);
        await server.AssertQuietAsync(client);
    }

    /// <summary>A message larger than the stream's window is credited while it comes, else both ends would wait for each other.</summary>
    [Theory]
    [InlineData("Unary")]
    [InlineData("Collect")]
    public async Task A_message_larger_than_the_window_is_credited_early(string method)
    {
        // Larger than what may be unread, too: what a reader waits for doesn't count as that.
        await using var server = new TestServer(options => options.MaxReceiveMessageSize = null);
        RawClient client = await server.StartAsync((SettingId.InitialWindowSize, int.MaxValue));
        await client.SendAsync(o => WindowUpdateFrame.Write(o, 0, int.MaxValue - 65_535));
        await client.RequestAsync(1, method);
        byte[] message = RawClient.Message(new byte[(int)s_limits.Abuse.ReceiveQueue + (2 * s_limits.ConnectionWindow)]);
        int credit = s_limits.StreamWindow;
        for (int sent = 0; sent < message.Length;)
        {
            credit += await WaitForCreditAsync(client, 1, credit, 1);
            int length = (int)long.Min(long.Min(16_384, message.Length - sent), long.Min(credit, client.ConnectionCredit));
            await client.DataAsync(1, message[sent..(sent + length)]);
            sent += length;
            credit -= length;
        }

        await client.DataAsync(1, [], endStream: true);
        RawResponse response = await client.ResponseAsync(1);
        Assert.Equal("0", response.Status);
        Assert.Equal(message.Length, response.Data.Length);
        await server.AssertQuietAsync(client);
    }

    [Fact]
    public async Task Stream_credit_comes_back_as_messages_are_read()
    {
        await using var server = new TestServer();
        server.Service.Collect = async (requests, _) =>
        {
            while (await requests.MoveNext(CancellationToken.None))
            {
            }

            return [];
        };
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Collect");
        int credit = s_limits.StreamWindow;
        byte[] message = RawClient.Message(new byte[9995]);
        for (int sent = 0; sent < 3_000_000; sent += message.Length)
        {
            credit += await WaitForCreditAsync(client, 1, credit, message.Length);
            await client.DataAsync(1, message);
            credit -= message.Length;
        }

        await client.DataAsync(1, [], endStream: true);
        Assert.Equal("0", (await client.ResponseAsync(1)).Status);
        await server.AssertQuietAsync(client);
    }

    /// <summary>Padding is credited on both levels, whoever reads.</summary>
    [Fact]
    public async Task Padding_without_data_can_go_on_for_ever()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Collect");
        int credit = s_limits.StreamWindow;
        for (int i = 0; i < 10_000; i++)
        {
            if (credit < 256)
            {
                await client.RoundTripAsync();
                credit += client.TakeCredit(1);
                Assert.True(credit >= 256, "padding was not credited to the stream");
            }

            await client.SendAsync(o => DataFrame.Write(o, 1, [], endStream: false, padLength: 255));
            credit -= 256;
        }

        await client.DataAsync(1, [], endStream: true);
        Assert.Equal("0", (await client.ResponseAsync(1)).Status);
        await server.AssertQuietAsync(client);
    }

    /// <summary>One stalled stream starves no other.</summary>
    [Fact]
    public async Task A_stream_whose_window_is_used_up_holds_up_no_other()
    {
        await using var server = new TestServer();
        server.Service.Unary = (request, _) => Task.FromResult(request.Length == 1 ? new byte[100_000] : request);
        RawClient client = await server.StartAsync((SettingId.InitialWindowSize, 1000));
        await client.RequestAsync(1, "Unary");
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        await client.ExpectAsync(FrameType.Headers, 1);
        await client.ExpectAsync(FrameType.Data, 1);
        for (int id = 3; id < 101; id += 2)
        {
            await client.AssertWorksAsync(id);
        }

        await client.SendAsync(o => RstStreamFrame.Write(o, 1, ErrorCode.Cancel));
        await server.AssertQuietAsync(client);
    }

    /// <summary>Waits until there is enough credit on stream and connection; answers what the stream got.</summary>
    private static async Task<int> WaitForCreditAsync(RawClient client, int id, int has, int needed)
    {
        int got = 0;
        while (has + got < needed)
        {
            got += (await client.ExpectAsync(FrameType.WindowUpdate, id)).Number;
        }

        while (client.ConnectionCredit < needed)
        {
            await client.ExpectAsync(FrameType.WindowUpdate);
        }

        return got;
    }

    private static async Task SendAsync(RawClient client, int id, int octets)
    {
        byte[] zeros = new byte[16_384];
        for (; octets > 0; octets -= zeros.Length)
        {
            await client.DataAsync(id, zeros[..int.Min(octets, zeros.Length)]);
        }
    }
}
