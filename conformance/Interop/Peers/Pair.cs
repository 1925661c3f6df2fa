namespace MiniGrpc.Conformance.Interop.Peers;

/// <summary>A client and a server that are to understand each other.</summary>
public sealed record Pair(IClientPeer Client, IServerPeer Server, Transport Transport)
{
    /// <summary>A new channel to the server that all tests of this server peer share.</summary>
    internal async Task<Session> ConnectAsync(ClientSetup? setup = null)
    {
        SharedServers? servers = await TestContext.Current.GetFixture<SharedServers>();
        HostedServer server = await servers!.GetAsync(Server, Transport);
        return new Session(this, server, server.Address, setup, ownsServer: false);
    }

    /// <summary>A new channel to a server of the test's own.</summary>
    internal async Task<Session> StartAndConnectAsync(Func<ServerSetup, ServerSetup> serverSetup, ClientSetup? setup = null)
    {
        HostedServer server = await HostedServer.StartAsync(Server, Transport, serverSetup);
        return new Session(this, server, server.Address, setup, ownsServer: true);
    }

    /// <summary>
    /// Skips a test of a large upload where Grpc.Net.Client meets Python: a busy server resets one now and then with PROTOCOL_ERROR.
    /// Neither is ours, and their pair is there only to tell a mistake of a test from one of ours.
    /// </summary>
    internal void SkipIfItLosesUploads(int octets) => Assert.SkipWhen(
        octets >= 1024 * 1024 && this is { Client: GrpcNetClientPeer, Server: PythonServerPeer },
        "On a busy machine Python resets large uploads of Grpc.Net.Client with PROTOCOL_ERROR, now and then; neither is ours.");

    public override string ToString() => $"{Client.Name} to {Server.Name} over {Transport}";
}
