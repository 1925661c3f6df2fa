using Microsoft.Extensions.Time.Testing;
using MiniGrpc.Client;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Server;
using MiniGrpc.Wire;

namespace MiniGrpc.Conformance.Wire.Surface;

/// <summary>Options that can't work are refused at the start, by name, not when the first peer comes.</summary>
public class OptionsTests
{
    private static readonly TimeSpan s_endless = TimeSpan.MaxValue;

    public static TheoryData<string, Action<GrpcServerOptions>> OfServer => new()
    {
        { "HandshakeTimeout", options => options.HandshakeTimeout = TimeSpan.Zero },
        { "KeepAlivePingDelay", options => options.KeepAlivePingDelay = s_endless },
        { "KeepAlivePingTimeout", options => options.KeepAlivePingTimeout = TimeSpan.FromSeconds(-5) },
        { "MaxConnectionIdle", options => options.MaxConnectionIdle = TimeSpan.Zero },
        { "MaxConnectionAge", options => options.MaxConnectionAge = s_endless },
        { "MaxConnectionAgeGrace", options => options.MaxConnectionAgeGrace = TimeSpan.FromSeconds(-5) },
        { "SettingsTimeout", options => options.AbuseLimits = new AbuseLimits { SettingsTimeout = s_endless } },
        { "SendStallTimeout", options => options.AbuseLimits = new AbuseLimits { SendStallTimeout = TimeSpan.Zero } },
        { "StreamResets", options => options.AbuseLimits = new AbuseLimits { StreamResets = new RateLimit(-1, 0) } },
        { "UselessFrames", options => options.AbuseLimits = new AbuseLimits { UselessFrames = new RateLimit(0, -1) } },
        { "EmptyDataFrames", options => options.AbuseLimits = new AbuseLimits { EmptyDataFrames = new RateLimit(-1, 0) } },
        { "SettingsFrames", options => options.AbuseLimits = new AbuseLimits { SettingsFrames = new RateLimit(-1, 0) } },
        { "SettingsEntries", options => options.AbuseLimits = new AbuseLimits { SettingsEntries = -1 } },
        { "HeaderBlockFrames", options => options.AbuseLimits = new AbuseLimits { HeaderBlockFrames = -1 } },
        { "WindowUpdatesPerDataFrame", options => options.AbuseLimits = new AbuseLimits { WindowUpdatesPerDataFrame = -1 } },
        { "UnsentAnswers", options => options.AbuseLimits = new AbuseLimits { UnsentAnswers = -1 } },
        { "SendQueue", options => options.AbuseLimits = new AbuseLimits { SendQueue = -1 } },
        { "ReceiveQueue", options => options.AbuseLimits = new AbuseLimits { ReceiveQueue = -1 } },
        { "PingStrikes", options => options.AbuseLimits = new AbuseLimits { PingStrikes = -1 } },
    };

    [Theory]
    [MemberData(nameof(OfServer), DisableDiscoveryEnumeration = true)]
    public async Task A_server_option_out_of_range_is_named_at_the_start(string name, Action<GrpcServerOptions> set)
    {
        var options = new GrpcServerOptions();
        set(options);
        await using var server = new GrpcServer(options);
        server.Listen("http://127.0.0.1:0");
        InvalidOperationException e = await Assert.ThrowsAsync<InvalidOperationException>(server.StartAsync);
        Assert.StartsWith(name + " is ", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_channel_option_out_of_range_is_named_when_the_channel_is_made()
    {
        InvalidOperationException e = Assert.Throws<InvalidOperationException>(
            () => MiniChannel.ForAddress("http://127.0.0.1:1", new MiniChannelOptions { ConnectTimeout = TimeSpan.Zero }));
        Assert.StartsWith("ConnectTimeout is ", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_limit_of_messages_is_not_negative(bool received)
    {
        string name = received ? "MaxReceiveMessageSize" : "MaxSendMessageSize";
        InvalidOperationException ofChannel = Assert.Throws<InvalidOperationException>(() => MiniChannel.ForAddress(
            "http://127.0.0.1:1", received ? new MiniChannelOptions { MaxReceiveMessageSize = -1 } : new MiniChannelOptions { MaxSendMessageSize = -1 }));
        Assert.StartsWith(name + " is -1", ofChannel.Message, StringComparison.Ordinal);
        await using var server = new GrpcServer(received ? new GrpcServerOptions { MaxReceiveMessageSize = -1 } : new GrpcServerOptions { MaxSendMessageSize = -1 });
        server.Listen("http://127.0.0.1:0");
        InvalidOperationException ofServer = await Assert.ThrowsAsync<InvalidOperationException>(server.StartAsync);
        Assert.StartsWith(name + " is -1", ofServer.Message, StringComparison.Ordinal);
    }

    /// <summary>No limit on the time to connect is no limit on the server's SETTINGS either.</summary>
    [Fact]
    public async Task Without_a_limit_a_channel_waits_for_its_server_as_long_as_it_takes()
    {
        var time = new FakeTimeProvider();
        await using var channel = new TestChannel(options =>
        {
            options.TimeProvider = time;
            options.ConnectTimeout = Timeout.InfiniteTimeSpan;
        });
        Task<byte[]> call = channel.Unary([1]).ResponseAsync;
        RawServer server = await channel.AcceptAsync();
        await server.ExpectPrefaceAsync();
        time.Advance(TimeSpan.FromSeconds(30));
        await server.SendAsync(o => MiniGrpc.Wire.Http2.Frames.SettingsFrame.Write(o, []));
        await server.RequestAsync(1);
        await server.ReplyAsync(1, 2);
        Assert.Equal([2], await RawPeer.Within(call, "the response"));
    }
}
