using Grpc.Core;
using MiniGrpc.Conformance.Interop.Service;
using MiniGrpc.Conformance.Protos;

namespace MiniGrpc.Conformance.Interop.Peers;

/// <summary>A test's channel to a server, and the server's side of it.</summary>
internal sealed class Session : IAsyncDisposable
{
    private readonly HostedServer _server;
    private readonly bool _ownsServer;
    private readonly IClientChannel _channel;

    public Session(Pair pair, HostedServer server, ServerAddress address, ClientSetup? setup, bool ownsServer)
    {
        Pair = pair;
        _server = server;
        _ownsServer = ownsServer;
        _channel = pair.Client.Connect(address, setup ?? ClientSetup.Default);
        Client = new TestService.TestServiceClient(_channel.Channel);
    }

    public Pair Pair { get; }

    public TestService.TestServiceClient Client { get; }

    public CallInvoker Invoker => _channel.Channel.CreateCallInvoker();

    public ServerAddress Address => _server.Address;

    /// <summary>A second channel to the same server, by way of another address.</summary>
    public Session By(ServerAddress address) => new(Pair, _server, address, setup: null, ownsServer: false);

    /// <summary>A watch on the calls that carry <see cref="CallWatch.Options"/>.</summary>
    public CallWatch Watch(int calls = 1) => _server.Service.Watch(calls);

    public async ValueTask DisposeAsync()
    {
        await _channel.DisposeAsync();
        if (_ownsServer)
        {
            await _server.DisposeAsync();
        }
    }
}
