using System.IO.Pipelines;
using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Conformance.Wire.Balancing;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Conformance.Wire.Resolving;

/// <summary>The host that a target names, which is what the server's certificate has to be for.</summary>
public sealed class TargetHostTests : IAsyncDisposable
{
    private readonly Backends _backends = new(1);

    public ValueTask DisposeAsync() => _backends.DisposeAsync();

    /// <summary>What a target of a scheme of one's own names is no host, or many: no certificate could be for it.</summary>
    [Theory]
    [InlineData("hand:///192.0.2.1:50051,192.0.2.2:50051")]
    [InlineData("hand:///billing:grpc")]
    [InlineData("hand:///cluster/billing")]
    public async Task With_tls_a_target_without_a_hosts_name_needs_one_in_the_options(string target)
    {
        var options = new MiniChannelOptions { Tls = new ClientTls(), ResolverFactories = { _backends.Resolver } };
        ArgumentException refused = Assert.Throws<ArgumentException>(() => MiniChannel.ForAddress(target, options));
        Assert.StartsWith($"'{target}' has no host's name that the server's certificate could be for: set ClientTls.TargetHost.", refused.Message, StringComparison.Ordinal);

        options.Tls = new ClientTls { TargetHost = "billing.example" };
        await using ITransportListener listener = _backends.EndPoint(0).Listen();
        await using MiniChannel channel = MiniChannel.ForAddress(target, options);
        Task<int> call = Backends.AskAsync(channel);
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        await using ITransport connection = (await RawPeer.Within(listener.AcceptAsync().AsTask(), "the channel to connect"))!;
        ReadResult hello = await RawPeer.Within(connection.Input.ReadAsync(TestContext.Current.CancellationToken).AsTask(), "the TLS handshake to begin");
        Assert.Equal(22, hello.Buffer.FirstSpan[0]); // a record of the handshake (RFC 8446 section 5.1)
        connection.Input.AdvanceTo(hello.Buffer.End);
        connection.Abort();
        await TestChannel.AssertFailsAsync(call, StatusCode.Unavailable, "TLS handshake");
    }
}
