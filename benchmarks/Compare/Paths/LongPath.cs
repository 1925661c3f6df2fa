using System.Buffers;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;

namespace MiniGrpc.Benchmarks.Compare.Paths;

/// <summary>
/// A path that is as fast as this machine and as long as another country: octets come out of it half a round trip after they went
/// in, in their order, however many there are. Nothing is lost and nothing is shaped, so that what is slow is so by its windows.
/// </summary>
internal sealed class LongPath(EndPoint target, TimeSpan oneWay)
{
    private const int ReadSize = 256 * 1024;

    /// <summary>Begins to relay to <paramref name="address"/>, and answers where.</summary>
    public static string Start(string address, TimeSpan roundTrip)
    {
        var uri = new Uri(address);
        var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        _ = new LongPath(new IPEndPoint(IPAddress.Parse(uri.Host), uri.Port), roundTrip / 2).AcceptAsync(listener);
        return $"{uri.Scheme}://{listener.LocalEndPoint}";
    }

    private async Task AcceptAsync(Socket listener)
    {
        while (true)
        {
            // What a connection dies of, its ends tell.
            _ = RelayAsync(await listener.AcceptAsync());
        }
    }

    private async Task RelayAsync(Socket near)
    {
        using var far = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        using (near)
        {
            near.NoDelay = true;
            await far.ConnectAsync(target);
            await Task.WhenAll(CarryAsync(near, far), CarryAsync(far, near));
        }
    }

    private async Task CarryAsync(Socket from, Socket to)
    {
        var underWay = Channel.CreateUnbounded<(long Due, byte[] Octets, int Count)>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });
        await Task.WhenAll(TakeAsync(from, underWay.Writer), GiveAsync(underWay.Reader, to));
    }

    private async Task TakeAsync(Socket from, ChannelWriter<(long Due, byte[] Octets, int Count)> underWay)
    {
        try
        {
            int count;
            do
            {
                byte[] octets = ArrayPool<byte>.Shared.Rent(ReadSize);
                count = await from.ReceiveAsync(octets);
                long due = Stopwatch.GetTimestamp() + (long)(oneWay.TotalSeconds * Stopwatch.Frequency);
                await underWay.WriteAsync((due, octets, count));
            }
            while (count > 0);
        }
        finally
        {
            underWay.Complete();
        }
    }

    private static async Task GiveAsync(ChannelReader<(long Due, byte[] Octets, int Count)> underWay, Socket to)
    {
        await foreach ((long due, byte[] octets, int count) in underWay.ReadAllAsync())
        {
            TimeSpan left = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), due);
            if (left >= TimeSpan.FromMilliseconds(1))
            {
                await Task.Delay(left);
            }

            for (int sent = 0; sent < count;)
            {
                sent += await to.SendAsync(octets.AsMemory(sent, count - sent));
            }

            ArrayPool<byte>.Shared.Return(octets);
        }

        to.Shutdown(SocketShutdown.Send);
    }
}
