using Grpc.Core;
using Grpc.Net.Client;
using MiniGrpc.Client;

namespace MiniGrpc.Benchmarks.Compare.Peers;

/// <summary>The clients that are compared. Both give a channel to the same generated client, and both use one connection.</summary>
internal static class Clients
{
    public const string MiniGrpc = "minigrpc";
    public const string GrpcNetClient = "grpc-net-client";

    public static IReadOnlyList<string> Kinds { get; } = [MiniGrpc, GrpcNetClient];

    public static ChannelBase Open(string kind, string address) => kind switch
    {
        MiniGrpc => MiniChannel.ForAddress(address),
        GrpcNetClient => OpenGrpcNetClient(address),
        _ => throw new ArgumentException($"There is no client '{kind}'.", nameof(kind)),
    };

    private static GrpcChannel OpenGrpcNetClient(string address)
    {
        // The channel's default handler opens a second connection when the first has no stream left; one made here does not.
        // A proxy that the environment names would sit between the two processes.
        var handler = new SocketsHttpHandler { UseProxy = false };
        return GrpcChannel.ForAddress(address, new GrpcChannelOptions { HttpHandler = handler, DisposeHttpClient = true });
    }
}
