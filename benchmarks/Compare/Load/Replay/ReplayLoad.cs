using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using MiniGrpc.Benchmarks.Compare.Limits;

namespace MiniGrpc.Benchmarks.Compare.Load.Replay;

/// <summary>
/// A source of load that is no gRPC client: it sends requests that were encoded beforehand, and of the replies it only looks at
/// the headers of the frames. So it costs a fraction of what a server pays for a call, and keeps the server's core busy, whose
/// CPU time divided by the calls is then what a call costs. A loop is a connection.
/// </summary>
/// <param name="address">The server's.</param>
/// <param name="trusted">Its certificate, if it has one.</param>
/// <param name="connections">How many.</param>
/// <param name="inFlight">Calls at once, on all connections together: each has its equal part.</param>
internal sealed class ReplayLoad(string address, X509Certificate2? trusted, int connections, int inFlight)
{
    private readonly ReplayConnection?[] _connections = new ReplayConnection?[connections];

    public async Task RunAsync(LoadGenerator load, int number)
    {
        ReplayConnection connection = _connections[number] ??= await ConnectAsync(load);
        await connection.RunAsync(load);
    }

    private async Task<ReplayConnection> ConnectAsync(LoadGenerator load)
    {
        Stream stream = await Connecting.ConnectAsync(address, trusted, SslApplicationProtocol.Http2);
        var request = new ReplayRequest(new Uri(address), load);
        return await ReplayConnection.OpenAsync(stream, request, Math.Max(1, inFlight / connections));
    }
}
