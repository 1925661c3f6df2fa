using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using MiniGrpc.Benchmarks.Compare.Limits;
using MiniGrpc.Benchmarks.Compare.Load.Replay;
using MiniGrpc.Benchmarks.Compare.Peers;

namespace MiniGrpc.Benchmarks.Compare.Load;

/// <summary>What a client process is told to do.</summary>
internal sealed record LoadSettings
{
    /// <summary>Which client.</summary>
    public required string Client { get; init; }

    public required string Work { get; init; }

    /// <summary>Calls at once, on all connections together.</summary>
    public required int InFlight { get; init; }

    public required int Connections { get; init; }

    public required int Payload { get; init; }

    public required string Address { get; init; }

    /// <summary>The certificate to trust, if the server has one.</summary>
    public required X509Certificate2? Trusted { get; init; }

    public LoadGenerator CreateLoad() => Client switch
    {
        Clients.Socket => new LoadGenerator(InFlight, Payload, new SocketLoad(Work, Address, Trusted, InFlight).RunAsync),
        Clients.Replay => new LoadGenerator(Connections, Payload, new ReplayLoad(Address, Trusted, Connections, InFlight).RunAsync),
        _ => CreateCalls(),
    };

    private LoadGenerator CreateCalls()
    {
        Work work = Load.Work.Find(Work);
        CallInvoker[] connections =
            [.. Enumerable.Range(0, Connections).Select(_ => Clients.Open(Client, Address, Trusted).CreateCallInvoker())];
        return new LoadGenerator(InFlight, Payload, (load, i) => work.RunAsync(connections[i % connections.Length], load));
    }
}
