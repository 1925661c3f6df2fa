using System.IO.Pipelines;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using MiniGrpc.Client;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Server;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Conformance.Wire.Engine.Client;

/// <summary>What becomes of connections whose channel is disposed of.</summary>
public class ClosedChannels
{
    /// <summary>RFC 9113 sections 6.8 and 9.1: a server that finds no goodbye has to take it for a network that broke.</summary>
    [Fact]
    [Requirement("9113-9.1-4")]
    public async Task A_connection_without_calls_ends_in_good_order()
    {
        await using var client = new TestChannel();
        RawServer server = await client.StartWithOneCallAsync();
        Task closing = client.Channel.DisposeAsync().AsTask();
        RawFrame goodbye = await server.ExpectAsync(FrameType.GoAway);
        Assert.Equal(ErrorCode.NoError, goodbye.ErrorCode);
        await server.ExpectEndAsync();
        Assert.False(closing.IsCompleted, "the server hasn't closed yet");
        await server.DisposeAsync();
        await RawPeer.Within(closing, "the channel to close");
    }

    [Fact]
    public async Task A_server_that_does_not_close_is_left_after_a_second()
    {
        var time = new FakeTimeProvider();
        await using var client = new TestChannel(options => options.TimeProvider = time);
        RawServer server = await client.StartWithOneCallAsync();
        Task closing = client.Channel.DisposeAsync().AsTask();
        await server.ExpectEndAsync();
        Assert.False(closing.IsCompleted, "the server's second isn't over");
        await Eventually.IsTrueAsync(
            () =>
            {
                time.Advance(TimeSpan.FromSeconds(1)); // the wait may begin a moment after its end was seen here
                return closing.IsCompleted;
            },
            "the channel to close");
    }

    /// <summary>What is on its way out may be stuck behind a peer that takes nothing: a goodbye behind it would wait with it.</summary>
    [Fact]
    public async Task A_peer_that_takes_nothing_is_left_after_a_second()
    {
        var time = new FakeTimeProvider();
        await using var client = new TestChannel(options =>
        {
            options.TimeProvider = time;
            options.KeepAlivePingDelay = Timeout.InfiniteTimeSpan;
            options.AbuseLimits = new AbuseLimits { SendStallTimeout = Timeout.InfiniteTimeSpan }; // either would find the same, later
        });
        using AsyncClientStreamingCall<byte[], byte[]> call = client.Collect(new CallOptions(deadline: time.GetUtcNow().UtcDateTime.AddSeconds(1)));
        RawServer server = await client.StartAsync((SettingId.InitialWindowSize, int.MaxValue));
        await server.SendAsync(o => WindowUpdateFrame.Write(o, 0, int.MaxValue - 65_535));
        await server.ExpectAsync(FrameType.Headers, 1);
        Task writer = WriteWithoutEndAsync(call.RequestStream);
        Http2Connection connection = Internals.ReadyConnectionOf(client.Channel)!;
        await Eventually.IsTrueAsync(() => Internals.UnsentOf(connection).Queued > SendSide.StreamQueueCap, "the writer to wait");
        time.Advance(TimeSpan.FromSeconds(1));
        await TestChannel.AssertFailsAsync(call.ResponseAsync, StatusCode.DeadlineExceeded, "");
        await TestChannel.AssertFailsAsync(writer, StatusCode.DeadlineExceeded, "");
        Task closing = client.Channel.DisposeAsync().AsTask();
        await Eventually.IsTrueAsync(
            () =>
            {
                time.Advance(TimeSpan.FromSeconds(1));
                return closing.IsCompleted;
            },
            "the channel to close");
    }

    /// <summary>There is no HTTP/2 yet to say goodbye in, and in the middle of a TLS handshake it would be plaintext.</summary>
    [Fact]
    public async Task A_connection_that_is_still_being_made_is_cut_off_without_a_word()
    {
        var endPoint = new MemoryEndPoint();
        await using ITransportListener listener = endPoint.Listen();
        MiniChannel channel = MiniChannel.ForEndPoint(endPoint, new MiniChannelOptions { Tls = new ClientTls() });
        Task connecting = channel.ConnectAsync(TestContext.Current.CancellationToken);
        await using ITransport server = (await RawPeer.Within(listener.AcceptAsync().AsTask(), "the channel to connect"))!;
        ReadResult hello = await RawPeer.Within(server.Input.ReadAsync(TestContext.Current.CancellationToken).AsTask(), "the TLS handshake to begin");
        server.Input.AdvanceTo(hello.Buffer.End);
        await RawPeer.Within(channel.DisposeAsync().AsTask(), "the channel to close");
        await Assert.ThrowsAsync<ObjectDisposedException>(() => RawPeer.Within(connecting, "the attempt to end"));
        try
        {
            ReadResult rest = await RawPeer.Within(server.Input.ReadAsync(TestContext.Current.CancellationToken).AsTask(), "the connection to end");
            Assert.True(rest.Buffer.IsEmpty, "something was said after all");
        }
        catch (IOException)
        {
            // Torn down: that is an end, too.
        }
    }

    /// <summary>The server's log has nothing to say of a client that goes.</summary>
    [Fact]
    public async Task To_a_server_of_ours_a_channel_that_is_closed_is_no_broken_connection()
    {
        var log = new LogLines();
        await using var server = new GrpcServer(new GrpcServerOptions { LoggerFactory = log.Factory });
        server.Services.Add(new TestService { Unary = (request, _) => Task.FromResult(request) }.Bind());
        server.Listen("http://127.0.0.1:0");
        await server.StartAsync();
        for (int i = 0; i < 10; i++)
        {
            await using MiniChannel channel = MiniChannel.ForAddress(server.Addresses.Single());
            Assert.Equal([1], await RawPeer.Within(channel.CreateCallInvoker().AsyncUnaryCall(TestService.UnaryMethod, null, default, [1]).ResponseAsync, "the response"));
        }

        await RawPeer.Within(server.ShutdownAsync(), "the server to stop");
        Assert.DoesNotContain(log.Lines, line => line.Contains("ended", StringComparison.Ordinal) && !line.StartsWith(nameof(LogLevel.Debug), StringComparison.Ordinal));
    }

    /// <summary>A policy that wants to be connected always hears of the loss when nobody wants a connection any more.</summary>
    [Fact]
    public async Task A_channel_that_is_closed_connects_to_nobody()
    {
        await using var client = new TestChannel(options => options.ServiceConfig = new ServiceConfig { LoadBalancingConfigs = { new RoundRobinConfig() } });
        using AsyncUnaryCall<byte[]> call = client.Unary([1]);
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        Task<RawServer> further = client.AcceptAsync();
        Task closing = client.Channel.DisposeAsync().AsTask();
        await server.ExpectEndAsync();
        await server.DisposeAsync();
        await RawPeer.Within(closing, "the channel to close");
        await Balancing.Settling.OfAsync(client.Channel);
        Assert.False(further.IsCompleted);
    }

    private static async Task WriteWithoutEndAsync(IClientStreamWriter<byte[]> requests)
    {
        while (true)
        {
            await requests.WriteAsync(new byte[10_000]);
        }
    }
}
