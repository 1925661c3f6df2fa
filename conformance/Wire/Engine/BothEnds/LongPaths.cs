using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.BothEnds;

/// <summary>The window of a connection over a long path, as the peer sees it: see <see cref="LongPathTests"/> for when it grows.</summary>
public class LongPaths
{
    private const int Quarter = 256 * 1024;

    private static readonly TimeSpan s_roundTrip = TimeSpan.FromMilliseconds(20);

    private readonly FakeTimeProvider _time = new();

    [Theory]
    [InlineData(EndName.Server)]
    [InlineData(EndName.Client)]
    public async Task A_peer_whose_path_is_long_gets_a_larger_window(EndName end)
    {
        await using var ends = new Ends(_time);
        RawPeer peer = await ends.ConnectAsync(end);
        await AcknowledgeAsync(peer, s_roundTrip);
        foreach (int updates in (int[])[1, 8])
        {
            for (int sent = 0; sent < updates; sent++)
            {
                await SendQuarterAsync(peer);
                Assert.Equal(Quarter, (await peer.ExpectAsync(FrameType.WindowUpdate)).Number);
            }

            await peer.ExpectAsync("the PING that measures the path", 0, frame => frame.Type == FrameType.Ping && IsPathPing(frame));
            _time.Advance(s_roundTrip);
            await peer.SendAsync(o => PingFrame.Write(o, isAck: true, PathProbe.OpaqueData));
        }

        Assert.Equal(4 * Quarter, (await peer.ExpectAsync(FrameType.WindowUpdate)).Number);
        Assert.Equal(8 * Quarter, peer.ConnectionCredit);
        for (int i = 0; i < 8; i++)
        {
            await SendQuarterAsync(peer); // and it may use it
        }

        await peer.RoundTripAsync();
    }

    /// <summary>The acknowledgement of SETTINGS has told that there is nothing to find out.</summary>
    [Theory]
    [InlineData(EndName.Server)]
    [InlineData(EndName.Client)]
    public async Task A_peer_whose_path_is_short_is_not_bothered(EndName end)
    {
        await using var ends = new Ends(_time);
        RawPeer peer = await ends.ConnectAsync(end);
        await AcknowledgeAsync(peer, TimeSpan.Zero);
        for (int sent = 0; sent < 10; sent++)
        {
            await SendQuarterAsync(peer);
            await peer.ExpectAsync(FrameType.WindowUpdate);
        }

        await peer.AssertNothingOnAsync(0);
    }

    private static bool IsPathPing(RawFrame frame) => System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(frame.Payload) == PathProbe.OpaqueData;

    /// <summary>Our SETTINGS are acknowledged, so long after they were sent.</summary>
    private async Task AcknowledgeAsync(RawPeer peer, TimeSpan after)
    {
        await peer.ExpectAsync(FrameType.Settings, 0, FrameFlags.Ack);
        _time.Advance(after);
        await peer.SendAsync(SettingsFrame.WriteAck);
        await peer.RoundTripAsync();
    }

    /// <summary>A quarter of the first window, in a quarter of a round trip, on a stream that was reset: the connection's window alone counts.</summary>
    private async Task SendQuarterAsync(RawPeer peer)
    {
        _time.Advance(s_roundTrip / 4);
        await peer.SendAsync(o =>
        {
            for (int sent = 0; sent < Quarter; sent += 16_384)
            {
                DataFrame.Write(o, 1, new byte[16_384], endStream: false);
            }
        });
    }

    /// <summary>A server and a channel; stream 1 of what is connected to has been reset, so that nothing but the connection counts.</summary>
    private sealed class Ends(FakeTimeProvider time) : IAsyncDisposable
    {
        private readonly TestServer _server = new(options => options.TimeProvider = time);
        private readonly TestChannel _channel = new(options => options.TimeProvider = time);

        public Task<RawPeer> ConnectAsync(EndName end) => end == EndName.Server ? ConnectToServerAsync() : ConnectToClientAsync();

        public async ValueTask DisposeAsync()
        {
            await _channel.DisposeAsync();
            await _server.DisposeAsync();
        }

        private async Task<RawPeer> ConnectToServerAsync()
        {
            RawClient client = _server.Connect();
            await client.SendAsync(o =>
            {
                o.Write(ConnectionPreface.Octets);
                SettingsFrame.Write(o, []);
            });
            await client.ExpectAsync(FrameType.Settings);
            await client.ExpectAsync(FrameType.WindowUpdate);
            await client.HeadersAsync(1, endStream: false, ":method=POST");
            await client.ExpectResetAsync(1, ErrorCode.ProtocolError);
            return client;
        }

        private async Task<RawPeer> ConnectToClientAsync()
        {
            AsyncDuplexStreamingCall<byte[], byte[]> call = _channel.Duplex();
            RawServer server = await _channel.AcceptAsync();
            await server.ExpectPrefaceAsync();
            await server.ExpectAsync(FrameType.WindowUpdate);
            await server.SendAsync(o => SettingsFrame.Write(o, []));
            await server.ExpectAsync(FrameType.Headers, 1);
            call.Dispose();
            await server.ExpectResetAsync(1, ErrorCode.Cancel);
            return server;
        }
    }
}
