using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Conformance.Wire.Engine;

namespace MiniGrpc.Conformance.Wire.Surface;

/// <summary>How channels are made and closed.</summary>
public class ChannelTests
{
    /// <summary>The program goes on at once; calls and connections end nonetheless.</summary>
    [Fact]
    public async Task Dispose_closes_a_channel_and_waits_for_nothing()
    {
        await using var client = new TestChannel();
        Task<byte[]> call = client.Unary([1]).ResponseAsync;
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        client.Channel.Dispose();
        Assert.Throws<ObjectDisposedException>(() => client.Unary([1]));
        await TestChannel.AssertFailsAsync(call, StatusCode.Cancelled, "channel was closed");
        await Eventually.IsTrueAsync(() => client.Channel.Core.Connections.Count == 0, "the connection to be closed");
        client.Channel.Dispose();
    }

    [Fact]
    public void An_address_may_be_a_Uri()
    {
        using MiniChannel channel = MiniChannel.ForAddress(new Uri("http://127.0.0.1:50051"));
        Assert.Equal("http://127.0.0.1:50051", channel.Target);
        Assert.Throws<ArgumentException>(() => MiniChannel.ForAddress(new Uri("ftp://127.0.0.1")));
    }
}
