using System.Runtime.CompilerServices;
using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Conformance.Wire.Surface;
using MiniGrpc.Server;
using MiniGrpc.Wire.Transport;
using MiniGrpc.Wire.Transport.Tls;

namespace MiniGrpc.Conformance.Wire.Tls;

/// <summary>
/// Thousands of connections on which nothing comes in cost no buffers: neither of TLS's plaintext nor of the socket below, on neither end,
/// and whether calls are open or not. Each is tried several times, since what would make a connection keep its buffer can be a race with
/// the system's events.
/// </summary>
public class IdleConnections
{
    private const int Times = 12;

    private static readonly ClientTls s_trusting = new() { Roots = TestCertificates.Roots };

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_idle_connection_holds_no_buffer(bool tls)
    {
        await using GrpcServer server = await StartAsync(tls, EchoService.Bind());
        for (int i = 0; i < Times; i++)
        {
            await using MiniChannel channel = Connect(server, tls);
            await TlsSetup.CallAsync(channel, new byte[100_000]);
            await AssertHoldsNoBufferAsync(server, channel, tls);
            Assert.Equal([1], await TlsSetup.CallAsync(channel, [1]));
        }
    }

    /// <summary>The server has read all there is long before it answers, and the client waits for the answer.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_connection_holds_no_buffer_while_a_handler_works_and_none_afterwards(bool tls)
    {
        var started = new SemaphoreSlim(0);
        var release = new SemaphoreSlim(0);
        await using GrpcServer server = await StartAsync(tls, EchoService.Bind(async (request, _) =>
        {
            started.Release();
            await release.WaitAsync();
            return request;
        }));
        for (int i = 0; i < Times; i++)
        {
            await using MiniChannel channel = Connect(server, tls);
            Task<byte[]> call = TlsSetup.CallAsync(channel, new byte[100_000]);
            await RawPeer.Within(started.WaitAsync(), "the handler to start");
            await AssertHoldsNoBufferAsync(server, channel, tls);
            Assert.False(call.IsCompleted);
            release.Release();
            Assert.Equal(100_000, (await call).Length);
            await AssertHoldsNoBufferAsync(server, channel, tls);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_connection_holds_no_buffer_while_a_stream_stays_open(bool tls)
    {
        await using GrpcServer server = await StartAsync(tls, EchoService.Bind());
        for (int i = 0; i < Times; i++)
        {
            await using MiniChannel channel = Connect(server, tls);
            using AsyncDuplexStreamingCall<byte[], byte[]> call = channel.CreateCallInvoker().AsyncDuplexStreamingCall(EchoService.Bidi, null, default);
            for (int message = 0; message < 2; message++)
            {
                await call.RequestStream.WriteAsync(new byte[1000]);
                Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None).WithinLimit("the echo"));
                await AssertHoldsNoBufferAsync(server, channel, tls);
            }

            await call.RequestStream.CompleteAsync();
            Assert.False(await call.ResponseStream.MoveNext(CancellationToken.None).WithinLimit("the end"));
        }
    }

    private static async Task<GrpcServer> StartAsync(bool tls, ServerServiceDefinition service)
    {
        GrpcServer server = new();
        server.Services.Add(service);
        if (tls)
        {
            server.Listen("https://127.0.0.1:0", new ServerTls(TestCertificates.Server));
        }
        else
        {
            server.Listen("http://127.0.0.1:0");
        }

        await server.StartAsync();
        return server;
    }

    private static MiniChannel Connect(GrpcServer server, bool tls) =>
        MiniChannel.ForAddress(server.Addresses[0], new MiniChannelOptions { Tls = tls ? s_trusting : null });

    private static async Task AssertHoldsNoBufferAsync(GrpcServer server, MiniChannel channel, bool tls)
    {
        await Eventually.IsTrueAsync(() => Internals.ConnectionsOf(Core(server)!).Length == 1, "the connections before to be forgotten");
        ITransport[] transports = [Internals.ReadyConnectionOf(channel)!.Transport, Internals.ConnectionsOf(Core(server)!)[0].Transport];
        Assert.All(transports, transport => Assert.Equal(tls, transport is TlsTransport));
        await Eventually.IsTrueAsync(() => !transports.Any(HoldsBuffer), "the buffers to go back to the pool");
    }

    private static bool HoldsBuffer(ITransport transport) =>
        Buffer((ContiguousPipeReader)transport.Input).Length > 0 || (transport is TlsTransport tls && HoldsBuffer(Below(tls)));

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_core")]
    private static extern ref ServerCore? Core(GrpcServer server);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_buffer")]
    private static extern ref byte[] Buffer(ContiguousPipeReader reader);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_below")]
    private static extern ref ITransport Below(TlsTransport transport);
}
