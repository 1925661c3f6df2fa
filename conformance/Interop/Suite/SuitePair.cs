using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Conformance.Interop.Peers;
using MiniGrpc.Conformance.InteropClient;
using MiniGrpc.Conformance.InteropServer;
using MiniGrpc.Conformance.Wire.Tls;
using MiniGrpc.Server;

namespace MiniGrpc.Conformance.Interop.Suite;

/// <summary>A client and a server of .NET that the official cases are run with.</summary>
/// <param name="ClientIsOurs">MiniGrpc's client; otherwise Grpc.Net.Client.</param>
/// <param name="ServerIsOurs">MiniGrpc's server; otherwise Grpc.AspNetCore.</param>
/// <param name="Transport">What carries the bytes.</param>
public sealed record SuitePair(bool ClientIsOurs, bool ServerIsOurs, Transport Transport)
{
    /// <summary>The official peers among themselves show that a case asks for what is right.</summary>
    public static IReadOnlyList<SuitePair> All { get; } =
    [
        new(true, true, Transport.Tcp),
        new(true, true, Transport.Tls),
        new(true, false, Transport.Tcp),
        new(true, false, Transport.Tls),
        new(false, true, Transport.Tcp),
        new(false, true, Transport.Tls),
        new(false, false, Transport.Tcp),
    ];

    public override string ToString() =>
        $"{(ClientIsOurs ? "MiniGrpc" : "Grpc.Net.Client")} to {(ServerIsOurs ? "MiniGrpc" : "Grpc.AspNetCore")} over {Transport}";

    internal Task<IRunningServer> ServeAsync()
    {
        IServerPeer peer = ServerIsOurs ? new MiniServerPeer() : new KestrelPeer();
        return peer.StartAsync(new ServerSetup { Services = [InteropService.Define(ServerIsOurs ? IsCompressedHere : IsCompressedThere)], Transport = Transport });
    }

    internal IInteropChannel Connect(ServerAddress address) => ClientIsOurs
        ? new MiniChannelUnderTest(address.Uri, Transport == Transport.Tls ? new ClientTls { Roots = TestCertificates.Roots } : null, [])
        : new GrpcNetChannelUnderTest(address);

    private static bool? IsCompressedHere(ServerCallContext context) => context.IsRequestCompressed();

    /// <summary>The official server tells by the call's header alone: with it each message may be compressed or not.</summary>
    private static bool? IsCompressedThere(ServerCallContext context) =>
        context.GetHttpContext().Request.Headers["grpc-encoding"].ToString() is "" or "identity" ? false : null;
}
