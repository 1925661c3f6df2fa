using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Conformance.Wire.Tls;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Conformance.Interop.Peers;

/// <summary>Our client.</summary>
internal sealed class MiniClientPeer : IClientPeer
{
    public string Name => "MiniGrpc";

    public IClientChannel Connect(ServerAddress address, ClientSetup setup)
    {
        MiniChannelOptions options = new()
        {
            CompressionProviders = { new GzipCompressionProvider(System.IO.Compression.CompressionLevel.Fastest) },
            MaxSendMessageSize = setup.MaxSendMessageSize,
            Tls = address.Transport == Transport.Tls ? new ClientTls { Roots = TestCertificates.Roots } : null,
        };
        options.MaxReceiveMessageSize = setup.MaxReceiveMessageSize ?? options.MaxReceiveMessageSize;
        return new ClientChannel(address.InMemory is MemoryEndPoint memory
            ? MiniChannel.ForEndPoint(memory, options)
            : MiniChannel.ForAddress(address.Uri, options));
    }

    private sealed class ClientChannel(MiniChannel channel) : IClientChannel
    {
        public ChannelBase Channel => channel;

        public ValueTask DisposeAsync() => channel.DisposeAsync();
    }
}
