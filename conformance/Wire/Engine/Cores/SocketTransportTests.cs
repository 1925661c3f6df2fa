using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using MiniGrpc.Client;
using MiniGrpc.Server;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>What a socket's transport promises to whoever waits for input and reads it.</summary>
public class SocketTransportTests
{
    /// <summary>TLS, for one, may ask twice before it reads.</summary>
    [Fact]
    public async Task A_wait_is_over_for_as_long_as_there_are_octets_that_nobody_has_examined()
    {
        await using var listener = new SocketListener(new IPEndPoint(IPAddress.Loopback, 0), Timeout.InfiniteTimeSpan);
        await using ITransport writer = await SocketTransport.ConnectAsync(listener.LocalEndPoint, Timeout.InfiniteTimeSpan, TestContext.Current.CancellationToken);
        await using ITransport reader = (await listener.AcceptAsync())!;
        await writer.Output.WriteAsync(new byte[] { 1, 2, 3 }, TestContext.Current.CancellationToken);
        await RawPeer.Within(reader.WaitForInputAsync().AsTask(), "the octets");
        await RawPeer.Within(reader.WaitForInputAsync().AsTask(), "the octets, which nobody has read");

        ReadResult result = await reader.Input.ReadAsync(TestContext.Current.CancellationToken);
        Assert.Equal(3, result.Buffer.Length);
        reader.Input.AdvanceTo(result.Buffer.GetPosition(1)); // the other two were not examined
        await RawPeer.Within(reader.WaitForInputAsync().AsTask(), "what was left");
        result = await reader.Input.ReadAsync(TestContext.Current.CancellationToken);
        Assert.Equal(2, result.Buffer.Length);

        reader.Input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        Task wait = reader.WaitForInputAsync().AsTask();
        Assert.False(wait.IsCompleted, "all of it was examined: the wait is for more");
        await writer.Output.CompleteAsync();
        await RawPeer.Within(wait, "the end");
        await RawPeer.Within(reader.WaitForInputAsync().AsTask(), "the end, again");
        result = await reader.Input.ReadAsync(TestContext.Current.CancellationToken);
        Assert.True(result.IsCompleted);
        Assert.Equal(2, result.Buffer.Length);
    }

    /// <summary>gRFC A18: both ends tell the system how long the other's may leave octets unacknowledged, if it can be told.</summary>
    [Fact]
    public async Task The_system_is_told_how_long_octets_may_stay_unacknowledged()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux can be told.");
        await using var listener = new SocketListener(new IPEndPoint(IPAddress.Loopback, 0), TimeSpan.FromSeconds(20));
        await using ITransport near = await SocketTransport.ConnectAsync(listener.LocalEndPoint, TimeSpan.FromSeconds(7), TestContext.Current.CancellationToken);
        await using ITransport far = (await listener.AcceptAsync())!;
        Assert.Equal(7_000, UserTimeoutOf(near));
        Assert.Equal(20_000, UserTimeoutOf(far));

        await using ITransport third = await SocketTransport.ConnectAsync(listener.LocalEndPoint, Timeout.InfiniteTimeSpan, TestContext.Current.CancellationToken);
        Assert.Equal(0, UserTimeoutOf(third));
    }

    /// <summary>That is as long as the peer may take to answer a keepalive PING, and nothing where none are sent.</summary>
    [Theory]
    [Requirement("grpc-connections-12")]
    [InlineData(true, 7_000, 9_000)]
    [InlineData(false, 0, 0)]
    public async Task A_server_and_a_channel_tell_the_system_what_their_options_say(bool keepsAlive, int ofServer, int ofClient)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux can be told.");
        TimeSpan delay = keepsAlive ? TimeSpan.FromMinutes(10) : Timeout.InfiniteTimeSpan;
        await using GrpcServer server = new(new GrpcServerOptions { KeepAlivePingDelay = delay, KeepAlivePingTimeout = TimeSpan.FromSeconds(7) });
        server.Services.Add(new TestService { Unary = (request, _) => Task.FromResult(request) }.Bind());
        server.Listen("http://127.0.0.1:0");
        await server.StartAsync();
        await using MiniChannel channel = MiniChannel.ForAddress(
            server.Addresses.Single(), new MiniChannelOptions { KeepAlivePingDelay = delay, KeepAlivePingTimeout = TimeSpan.FromSeconds(9) });
        await RawPeer.Within(channel.CreateCallInvoker().AsyncUnaryCall(TestService.UnaryMethod, null, default, [1]).ResponseAsync, "the response");
        Assert.Equal(ofClient, UserTimeoutOf(Internals.ReadyConnectionOf(channel)!.Transport));
        Assert.Equal(ofServer, UserTimeoutOf(Internals.ConnectionsOf(CoreOf(server)!).Single().Transport));
    }

    /// <summary>More than the system's buffers take at once: the rest waits for the peer, and every octet is sent once.</summary>
    [Fact]
    public async Task A_write_that_the_socket_takes_in_parts_arrives_whole()
    {
        await using var listener = new SocketListener(new IPEndPoint(IPAddress.Loopback, 0), Timeout.InfiniteTimeSpan);
        await using ITransport writer = await SocketTransport.ConnectAsync(listener.LocalEndPoint, Timeout.InfiniteTimeSpan, TestContext.Current.CancellationToken);
        await using ITransport reader = (await listener.AcceptAsync())!;
        byte[] octets = new byte[32 * 1024 * 1024];
        new Random(1).NextBytes(octets);
        Task write = writer.Output.WriteAsync(octets, TestContext.Current.CancellationToken).AsTask();
        Assert.False(write.IsCompleted, "nobody reads yet");
        int received = 0;
        while (received < octets.Length)
        {
            ReadResult result = await RawPeer.Within(reader.Input.ReadAsync(TestContext.Current.CancellationToken).AsTask(), "more octets");
            foreach (ReadOnlyMemory<byte> part in result.Buffer)
            {
                Assert.True(part.Span.SequenceEqual(octets.AsSpan(received, part.Length)), $"the octets from {received} on are others than were sent");
                received += part.Length;
            }

            reader.Input.AdvanceTo(result.Buffer.End);
        }

        await RawPeer.Within(write, "the write to end");
    }

    /// <summary>The system tells of a reset once. Whoever waits for input doesn't read, and must not keep it from whoever does.</summary>
    [Fact]
    public async Task A_reset_is_met_by_the_read_after_the_wait()
    {
        (ITransport transport, Socket peer) = await ConnectAsync();
        await using (transport)
        {
            Task wait = transport.WaitForInputAsync().AsTask();
            peer.LingerState = new LingerOption(true, 0); // closes with RST
            peer.Dispose();
            await RawPeer.Within(wait, "the reset");
            await RawPeer.Within(transport.WaitForInputAsync().AsTask(), "the reset, again");
            SocketException e = await Assert.ThrowsAsync<SocketException>(() => transport.Input.ReadAsync(TestContext.Current.CancellationToken).AsTask());
            Assert.Equal(SocketError.ConnectionReset, e.SocketErrorCode);
        }
    }

    [Fact]
    public async Task A_write_to_a_peer_that_has_gone_fails()
    {
        (ITransport transport, Socket peer) = await ConnectAsync();
        await using (transport)
        {
            peer.LingerState = new LingerOption(true, 0);
            peer.Dispose();
            SocketException? e = null;
            for (int i = 0; i < 1000 && e is null; i++)
            {
                // The reset may still be on its way; the first write that meets it is told what it was, later ones only that it is over.
                e = (SocketException?)await Record.ExceptionAsync(async () => await transport.Output.WriteAsync(new byte[] { 2 }, TestContext.Current.CancellationToken));
            }

            Assert.Equal(SocketError.ConnectionReset, e?.SocketErrorCode);
        }
    }

    private static async Task<(ITransport Transport, Socket Peer)> ConnectAsync()
    {
        using var listener = new Socket(SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.IPv6Loopback, 0));
        listener.Listen();
        ITransport transport = await SocketTransport.ConnectAsync(listener.LocalEndPoint!, Timeout.InfiniteTimeSpan, TestContext.Current.CancellationToken);
        return (transport, await listener.AcceptAsync(TestContext.Current.CancellationToken));
    }

    private static int UserTimeoutOf(ITransport transport)
    {
        byte[] value = new byte[sizeof(int)];
        SocketOf((SocketTransport)transport).GetRawSocketOption((int)ProtocolType.Tcp, 18, value);
        return BitConverter.ToInt32(value);
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_core")]
    private static extern ref ServerCore? CoreOf(GrpcServer server);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_socket")]
    private static extern ref Socket SocketOf(SocketTransport transport);
}
