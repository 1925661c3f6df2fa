using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Robustness;

/// <summary>Servers that are slow, silent or gone: no call waits for them for ever.</summary>
public class SlowPeersOfTheClient
{
    private static readonly AbuseLimits s_defaults = new();

    private readonly FakeTimeProvider _time = new();

    /// <summary>Row 42 (RFC 9113 section 6.5.3): SETTINGS that are never acknowledged.</summary>
    [Fact]
    public async Task Settings_that_are_not_acknowledged_in_60_seconds_end_the_connection()
    {
        await using TestChannel channel = Connect();
        Task<byte[]> call = channel.Unary([1]).ResponseAsync;
        RawServer server = await channel.AcceptAsync();
        await server.ExpectPrefaceAsync();
        await server.SendAsync(o => SettingsFrame.Write(o, []));
        await server.RequestAsync(1);
        _time.Advance(TimeSpan.FromSeconds(60));
        await server.ExpectGoAwayAndEndAsync(ErrorCode.SettingsTimeout, 0, "6.5.3");
        _time.Advance(TimeSpan.FromSeconds(1));
        await TestChannel.AssertFailsAsync(call, StatusCode.Unavailable, "SETTINGS were not acknowledged");
    }

    /// <summary>Row 44: a server that opens no window for a request that is too large for it.</summary>
    [Fact]
    public async Task A_server_that_never_opens_its_window_is_left()
    {
        await using TestChannel channel = Connect();
        Task<byte[]> call = channel.Unary(new byte[100_000]).ResponseAsync;
        RawServer server = await channel.StartAsync((SettingId.InitialWindowSize, 0));
        await server.ExpectAsync(FrameType.Headers, 1);
        await Eventually.IsTrueAsync(() => Internals.UnsentOf(Internals.ReadyConnectionOf(channel.Channel)!).Queued > 0, "the request to be queued");
        await server.RoundTripAsync();
        _time.Advance(s_defaults.SendStallTimeout);
        await server.RoundTripAsync();
        _time.Advance(s_defaults.SendStallTimeout);
        RawFrame goAway = await server.ExpectAsync(FrameType.GoAway);
        Assert.Contains(nameof(AbuseLimits.SendStallTimeout), goAway.DebugData, StringComparison.Ordinal);
        _time.Advance(TimeSpan.FromSeconds(1));
        await TestChannel.AssertFailsAsync(call, StatusCode.Unavailable, nameof(AbuseLimits.SendStallTimeout));
    }

    /// <summary>Row 45: a server that is gone without a word while a call waits for it.</summary>
    [Fact]
    [Requirement("9113-6.7-1")]
    [Requirement("grpc-connections-7")]
    public async Task A_server_that_does_not_answer_a_keepalive_ping_is_given_up()
    {
        await using TestChannel channel = Connect();
        Task<byte[]> call = channel.Unary([1]).ResponseAsync;
        RawServer server = await channel.StartAsync();
        await server.RequestAsync(1);
        _time.Advance(TimeSpan.FromMinutes(6));
        await server.ExpectAsync(FrameType.Ping);
        _time.Advance(TimeSpan.FromSeconds(20));
        await TestChannel.AssertFailsAsync(call, StatusCode.Unavailable, "did not answer a keepalive PING within 20 s");
    }

    [Fact]
    public async Task A_server_that_answers_keepalive_pings_stays()
    {
        await using TestChannel channel = Connect();
        Task<byte[]> call = channel.Unary([1]).ResponseAsync;
        RawServer server = await channel.StartAsync();
        await server.RequestAsync(1);
        for (int i = 0; i < 3; i++)
        {
            await server.RoundTripAsync();
            _time.Advance(TimeSpan.FromMinutes(6));
            await server.AnswerAsync(await server.ExpectAsync(FrameType.Ping));
            await server.RoundTripAsync();
            _time.Advance(TimeSpan.FromSeconds(20));
        }

        await server.ReplyAsync(1, 2);
        Assert.Equal([2], await RawPeer.Within(call, "the response"));
    }

    /// <summary>gRFC A8: without calls there is nothing to keep alive, and servers count such PINGs as strikes.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_channel_without_calls_pings_only_if_it_is_told_to(bool told)
    {
        await using TestChannel channel = Connect(options => options.KeepAlivePingWithoutCalls = told);
        Task<byte[]> call = channel.Unary([1]).ResponseAsync;
        RawServer server = await channel.StartAsync();
        await server.RequestAsync(1);
        await server.ReplyAsync(1, 2);
        await RawPeer.Within(call, "the response");
        await server.RoundTripAsync();
        _time.Advance(TimeSpan.FromMinutes(6));
        if (told)
        {
            await server.AnswerAsync(await server.ExpectAsync(FrameType.Ping));
        }

        await server.RoundTripAsync();
        Assert.False(server.HasKept(FrameType.Ping));
    }

    private TestChannel Connect(Action<MiniGrpc.Client.MiniChannelOptions>? configure = null) => new(options =>
    {
        options.TimeProvider = _time;
        configure?.Invoke(options);
    });
}
