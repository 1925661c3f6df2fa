using System.Diagnostics;
using System.Security.Cryptography.X509Certificates;
using MiniGrpc.Benchmarks.Compare.Load;

namespace MiniGrpc.Benchmarks.Compare.Limits;

/// <summary>The client's end of the limits: moves the bytes of a work, and nothing else. See <see cref="SocketServer"/>.</summary>
/// <param name="work">Which work.</param>
/// <param name="address">The server's.</param>
/// <param name="trusted">Its certificate, if it has one.</param>
/// <param name="connections">How many: one for each loop.</param>
internal sealed class SocketLoad(string work, string address, X509Certificate2? trusted, int connections)
{
    private readonly Stream?[] _streams = new Stream?[connections];

    public async Task RunAsync(LoadGenerator load, int number)
    {
        Stream stream = _streams[number] ??= await Connecting.ConnectAsync(address, trusted);
        var exchange = Exchange.For(work, load);
        byte[] description = exchange.ToBytes();
        byte[] request = new byte[exchange.RequestBytes];
        byte[] reply = new byte[exchange.ReplyBytes];
        while (load.Running)
        {
            await stream.WriteAsync(description);
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < exchange.Count; i++)
            {
                await ExchangeAsync(stream, request, reply);
                start = load.Count(start);
            }

            await stream.ReadExactlyAsync(new byte[1]);
        }
    }

    private static async ValueTask ExchangeAsync(Stream stream, byte[] request, byte[] reply)
    {
        if (request.Length > 0)
        {
            await stream.WriteAsync(request);
        }

        if (reply.Length > 0)
        {
            await stream.ReadExactlyAsync(reply);
        }
    }
}
