using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Http2.Frames;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Conformance.Wire.Robustness;

/// <summary>
/// Rows 5 and 6: a peer that asks (PING, CVE-2019-9512; SETTINGS, CVE-2019-9515; of a server, also requests that are refused) and takes no
/// answers. What waits for it stays small, since nobody listens to it any more, and after a while it is closed.
/// </summary>
public class UnreadAnswers
{
    /// <summary>What the in-memory transport holds for a peer that doesn't read, as a socket's buffer does.</summary>
    private const int TransportCapacity = 128 * 1024;

    /// <summary>
    /// Octets of questions that come in with one read: when the transport has taken its part of the answers, the rest is still more than may
    /// wait, so it is not enough to look after each read.
    /// </summary>
    private const int AtOnce = 2 * TransportCapacity;

    private readonly FakeTimeProvider _time = new();

    [Theory]
    [InlineData("PING")]
    [InlineData("SETTINGS")]
    [InlineData("unknown method")]
    [InlineData("GET")]
    [Requirement("9113-10.5-2")]
    public async Task A_client_that_takes_no_answers_is_not_listened_to_and_then_closed(string question)
    {
        await using var server = new TestServer(options =>
        {
            options.TimeProvider = _time;
            options.AbuseLimits = new AbuseLimits { PingStrikes = int.MaxValue, SettingsFrames = RateLimit.Unlimited };
        });
        RawClient bystander = await server.StartAsync();
        Http2Connection first = Assert.Single(Internals.ConnectionsOf(server.Core));
        RawClient attacker = await server.StartAsync();
        Http2Connection connection = Assert.Single(Internals.ConnectionsOf(server.Core), c => c != first);
        int asked = await AskUntilNobodyListensAsync(attacker, connection, question);

        // The stated bound: the limit, and the answers to one frame more.
        Assert.InRange(Internals.UnsentOf(connection).Output, 1, new AbuseLimits().UnsentAnswers + 1024);
        Assert.True(connection.IsBacklogged);
        await bystander.AssertWorksAsync(1);

        _time.Advance(new AbuseLimits().SendStallTimeout);
        await bystander.AssertWorksAsync(3);
        _time.Advance(new AbuseLimits().SendStallTimeout);
        _time.Advance(TimeSpan.FromSeconds(1)); // the time in which GOAWAY might have left
        await Eventually.IsTrueAsync(() => Internals.ConnectionsOf(server.Core).Length == 1, "the attacker's connection to be closed");
        Scene.AssertSaidOnce(server.Log, nameof(AbuseLimits.SendStallTimeout));
        await bystander.AssertWorksAsync(5);
        Assert.True(asked > 0);
    }

    /// <summary>The other way round: a server may ask as well.</summary>
    [Theory]
    [InlineData("PING")]
    [InlineData("SETTINGS")]
    [Requirement("9113-10.5-2")]
    public async Task A_server_that_takes_no_answers_is_not_listened_to_and_then_left(string question)
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync(options =>
        {
            options.TimeProvider = _time;
            options.KeepAlivePingDelay = Timeout.InfiniteTimeSpan; // its PING would find the same
            options.AbuseLimits = new AbuseLimits { SettingsFrames = RateLimit.Unlimited };
        });
        Http2Connection connection = Internals.ReadyConnectionOf(attacked.Channel.Channel)!;
        Task<byte[]> call = attacked.Channel.Unary([1]).ResponseAsync;
        await attacked.Attacker.RequestAsync(attacked.NextId());
        await AskUntilNobodyListensAsync(attacked.Attacker, connection, question);

        // The stated bound: the limit, and the answers to one frame more.
        Assert.InRange(Internals.UnsentOf(connection).Output, 1, new AbuseLimits().UnsentAnswers + 1024);
        Assert.True(connection.IsBacklogged);
        await attacked.AssertBystanderWorksAsync();
        await Eventually.IsTrueInTimeAsync(_time, () => call.IsCompleted, "the call to be given up");
        await TestChannel.AssertFailsAsync(call, Grpc.Core.StatusCode.Unavailable, nameof(AbuseLimits.SendStallTimeout));
        Scene.AssertSaidOnce(attacked.Log, nameof(AbuseLimits.SendStallTimeout));
        await attacked.AssertBystanderWorksAsync();
    }

    /// <summary>Not listening is waiting, not asking again and again whether there is room.</summary>
    [Fact]
    public async Task A_server_that_does_not_listen_does_not_spin()
    {
        await using var server = new TestServer();
        (RawClient client, CountingTransport counting) = await StartCountedAsync(server);
        Http2Connection connection = Assert.Single(Internals.ConnectionsOf(server.Core));
        RawClient bystander = await server.StartAsync();
        await AskUntilNobodyListensAsync(client, connection, "PING");
        await bystander.AssertWorksAsync(1); // the loop has come to rest by then
        int before = counting.Reads;
        for (int i = 3; i < 20; i += 2)
        {
            await bystander.AssertWorksAsync(i);
        }

        Assert.InRange(counting.Reads - before, 0, 1);
        await client.DisposeAsync();
    }

    /// <summary>Who takes the answers in the end has lost nothing. What was read before is not waited for: nothing may follow it.</summary>
    [Fact]
    public async Task A_client_that_takes_its_answers_late_gets_them_all()
    {
        await using var server = new TestServer();
        (RawClient client, CountingTransport counting) = await StartCountedAsync(server);
        Http2Connection connection = Assert.Single(Internals.ConnectionsOf(server.Core));
        int asked = await AskUntilNobodyListensAsync(client, connection, "PING");
        for (int i = 0; i < asked; i++)
        {
            await client.ExpectAsync(FrameType.Ping, 0, FrameFlags.Ack);
        }

        Assert.False(connection.IsBacklogged);
        await client.AssertWorksAsync(1);
        Assert.Equal(0, counting.NeedlessWaits);
        await client.DisposeAsync();
    }

    /// <summary>The receive loop asks a moment after it has looked: answers that have left meanwhile, or never will, are not waited for.</summary>
    [Fact]
    public async Task Nobody_waits_for_answers_that_have_left_or_never_will()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        Http2Connection connection = Assert.Single(Internals.ConnectionsOf(server.Core));
        Assert.True(connection.WaitForAnswersToLeaveAsync().IsCompleted);
        await AskUntilNobodyListensAsync(client, connection, "PING");
        Assert.False(connection.WaitForAnswersToLeaveAsync().IsCompleted);
        connection.Abort(new ConnectionEnd("stopped"));
        Assert.True(connection.WaitForAnswersToLeaveAsync().IsCompleted);
    }

    /// <summary>
    /// A socket, unlike memory, gives octets that were held back once more before it tells that it was closed: the end of the connection
    /// must not wait for it.
    /// </summary>
    [Fact]
    public async Task A_connection_over_a_socket_that_is_not_listened_to_can_be_ended()
    {
        await using var server = new TestServer();
        await using var listener = new SocketListener(new IPEndPoint(IPAddress.Loopback, 0), Timeout.InfiniteTimeSpan);
        Socket socket = SocketTransport.Create(listener.LocalEndPoint);
        socket.ReceiveBufferSize = 8192;
        await socket.ConnectAsync(listener.LocalEndPoint, TestContext.Current.CancellationToken);
        (ITransport near, ITransport far) = OverTls.Wrap((new SocketTransport(socket), (await listener.AcceptAsync())!));
        server.Core.Serve(far);
        await using var client = new RawClient(near);
        await client.StartAsync();
        Http2Connection connection = Assert.Single(Internals.ConnectionsOf(server.Core));
        var questions = new OutputBuffer();
        for (int number = 0; number < 1000; number++)
        {
            WriteQuestion(questions, client, "PING", number);
        }

        Task<FlushResult> write;
        do
        {
            write = client.WriteAsync(questions.WrittenSpan.ToArray()).AsTask();
            await Eventually.IsTrueAsync(() => write.IsCompleted || connection.IsBacklogged, "the server to read, or to stop reading");
        }
        while (write.IsCompleted);

        connection.Abort(new ConnectionEnd("stopped"));
        await Eventually.IsTrueAsync(() => Internals.ConnectionsOf(server.Core).Length == 0, "the connection to end");
    }

    /// <summary>A client whose connection is counted at the server's end.</summary>
    private static async Task<(RawClient Client, CountingTransport Counting)> StartCountedAsync(TestServer server)
    {
        (ITransport Client, ITransport Server) below = MemoryTransport.CreatePair("counted");
        (ITransport near, ITransport far) = OverTls.Wrap(below);
        var counting = new CountingTransport(far);
        server.Core.Serve(counting);
        var client = new RawClient(near, below.Client);
        await client.StartAsync();
        return (client, counting);
    }

    /// <summary>Sends questions until the transport takes no more of them, which says that nobody reads them; answers how many were taken.</summary>
    private static async Task<int> AskUntilNobodyListensAsync(RawPeer peer, Http2Connection connection, string question)
    {
        int asked = 0;
        while (true)
        {
            var questions = new OutputBuffer();
            while (questions.Length < AtOnce)
            {
                WriteQuestion(questions, peer, question, asked++);
            }

            ValueTask<FlushResult> write = peer.WriteAsync(questions.WrittenSpan.ToArray());
            if (!write.IsCompleted)
            {
                // Either the other end is a little behind, or it has stopped for good: its own writes find no room. That comes first, since
                // what waits before a write is taken by it.
                await Eventually.IsTrueAsync(
                    () => write.IsCompleted || (UnreadOctets(peer) >= TransportCapacity && connection.IsBacklogged), "the other end to read, or to stop reading");
                if (!write.IsCompleted)
                {
                    return asked;
                }
            }

            Assert.InRange(asked, 0, 10 * TransportCapacity);
        }
    }

    private static long UnreadOctets(RawPeer peer)
    {
        if (!peer.Below.Input.TryRead(out ReadResult result))
        {
            return 0;
        }

        long unread = result.Buffer.Length;
        peer.Below.Input.AdvanceTo(result.Buffer.Start, result.Buffer.Start);
        return unread;
    }

    private static void WriteQuestion(OutputBuffer output, RawPeer peer, string question, int number)
    {
        switch (question)
        {
            case "PING":
                PingFrame.Write(output, isAck: false, (ulong)number);
                break;
            case "SETTINGS":
                SettingsFrame.Write(output, []);
                break;
            default:
                string method = question == "GET" ? ":method=GET" : ":method=POST";
                peer.Headers(
                    output, (2 * number) + 1, true, method, ":scheme=http", ":path=/" + new string('x', 2000) + "/Method", "content-type=application/grpc");
                break;
        }
    }
}
