using System.Net;
using System.Net.Sockets;

namespace MiniGrpc.Benchmarks.Compare.Probes;

/// <summary>
/// Connections that have made one call and then say nothing. Each is a bare socket, so that this side can hold many.
/// </summary>
internal sealed class IdleConnections
{
    // Many at once would be refused by a full backlog and tried again a second later.
    private const int Openers = 32;

    private readonly List<Socket> _held = [];

    /// <summary>Opens more; done when each has its answer.</summary>
    /// <returns>How many there are now.</returns>
    public async Task<int> OpenAsync(Uri server, int count)
    {
        byte[] call = Http2Bytes.Call(server.Authority);
        int left = count;
        await Task.WhenAll(Enumerable.Range(0, Openers).Select(_ => Task.Run(async () =>
        {
            while (Interlocked.Decrement(ref left) >= 0)
            {
                Socket socket = await OpenAsync(server.Port, call);
                lock (_held)
                {
                    _held.Add(socket);
                }
            }
        })));
        return _held.Count;
    }

    private static async Task<Socket> OpenAsync(int port, byte[] call)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, port);
        await socket.SendAsync(Http2Bytes.Opening);
        using var stream = new NetworkStream(socket);
        byte[] frame = new byte[256];
        while (true)
        {
            await stream.ReadExactlyAsync(frame.AsMemory(0, Http2Bytes.FrameHeaderLength));
            (byte type, byte flags) = (frame[3], frame[4]);
            await stream.ReadExactlyAsync(frame.AsMemory(0, Http2Bytes.PayloadLength(frame)));
            if (type == Http2Bytes.Settings && (flags & Http2Bytes.Ack) == 0)
            {
                await socket.SendAsync(Http2Bytes.SettingsAck);
                await socket.SendAsync(call);
            }
            else if (type == Http2Bytes.Headers && (flags & Http2Bytes.EndStream) != 0)
            {
                return socket;
            }
        }
    }
}
