using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Robustness;

/// <summary>Servers that are slow, silent or gone: no call waits for them for ever.</summary>
public class SlowPeersOfTheClient
{
    private static readonly AbuseLimits s_defaults = new();

    private readonly FakeTimeProvider _time = new();

    /// <summary>Row 41, at the other end: a server that says nothing, or an octet a second, which doesn't move the deadline.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_server_whose_settings_do_not_come_is_given_up_after_20_seconds(bool trickles)
    {
        var log = new LogLines();
        await using TestChannel channel = Connect(options => options.LoggerFactory = log.Factory);
        Task<byte[]> call = channel.Unary([1]).ResponseAsync;
        RawServer server = await channel.AcceptAsync();
        await server.ExpectPrefaceAsync();
        byte[] settings = [0, 0, 60, (byte)FrameType.Settings, 0, 0, 0, 0, 0, .. new byte[60]];
        for (int second = 0; second < 19; second++)
        {
            if (trickles)
            {
                await server.SendAsync(settings.AsMemory(second, 1));
            }

            _time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.False(call.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(1));
        await TestChannel.AssertFailsAsync(call, StatusCode.Unavailable, "sent no HTTP/2 preface and SETTINGS within 20 s");
        await server.ExpectEndAsync();
        Assert.Single(log.Lines, line => line.StartsWith("Information: Connection ended: memory:test sent no HTTP/2 preface", StringComparison.Ordinal));
    }

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

    /// <summary>
    /// Row 44 the other way round (CVE-2019-9517): windows wide open, on a connection that is not read. What waits is bounded all the same,
    /// beside what the transport itself has taken.
    /// </summary>
    [Fact]
    [Requirement("9113-10.5-2")]
    public async Task A_server_that_opens_its_windows_and_reads_nothing_is_left()
    {
        const int Message = 10_000;
        var log = new LogLines();
        await using TestChannel channel = Connect(options =>
        {
            options.LoggerFactory = log.Factory;
            options.KeepAlivePingDelay = Timeout.InfiniteTimeSpan; // its PING would find the same
        });
        using AsyncClientStreamingCall<byte[], byte[]> call = channel.Collect();
        RawServer server = await channel.StartAsync((SettingId.InitialWindowSize, int.MaxValue));
        await server.SendAsync(o => WindowUpdateFrame.Write(o, 0, int.MaxValue - 65_535));
        await server.ExpectAsync(FrameType.Headers, 1);
        Http2Connection connection = Internals.ReadyConnectionOf(channel.Channel)!;
        Task writer = WriteWithoutEndAsync(call, Message);
        await Eventually.IsTrueAsync(() => Internals.UnsentOf(connection).Queued > SendSide.StreamQueueCap, "the writer to wait");

        // The stated bound: the cap of the stream and one message, with the prefixes; and what is under way, and is next.
        Assert.InRange(Internals.UnsentOf(connection).Queued, 1, SendSide.StreamQueueCap + Message + 100);
        Assert.InRange(Internals.UnsentOf(connection).Output, 0, SendSide.OutputCapacity + 100);
        await Eventually.IsTrueInTimeAsync(_time, () => call.ResponseAsync.IsCompleted, "the call to be given up");
        await TestChannel.AssertFailsAsync(call.ResponseAsync, StatusCode.Unavailable, nameof(AbuseLimits.SendStallTimeout));
        await TestChannel.AssertFailsAsync(writer, StatusCode.Unavailable, nameof(AbuseLimits.SendStallTimeout));
        Scene.AssertSaidOnce(log, nameof(AbuseLimits.SendStallTimeout));
    }

    /// <summary>Row 44: when the connection as a whole is behind, each stream holds one message at the most.</summary>
    [Fact]
    [Requirement("9113-10.5-2")]
    public async Task What_waits_on_all_streams_together_is_bounded()
    {
        const int Message = 10_000;
        const int Streams = 50;
        await using TestChannel channel = Connect(options => options.AbuseLimits = s_defaults with { SendQueue = 100_000 });
        AsyncClientStreamingCall<byte[], byte[]>[] calls = [.. Enumerable.Range(0, Streams).Select(_ => channel.Collect())];
        RawServer server = await channel.StartAsync((SettingId.InitialWindowSize, 0));
        for (int i = 0; i < Streams; i++)
        {
            await server.ExpectAsync(FrameType.Headers, (2 * i) + 1);
        }

        // With a frame that concerns all streams, those that were opened come into the table.
        await server.SendAsync(o => SettingsFrame.Write(o, []));
        await server.ExpectAsync(FrameType.Settings, 0, FrameFlags.Ack);
        Task[] writers = [.. calls.Select(call => WriteWithoutEndAsync(call, Message))];
        Http2Connection connection = Internals.ReadyConnectionOf(channel.Channel)!;
        await Eventually.IsTrueAsync(() => Internals.WaitingWritersOf(connection) == Streams, "the writers to wait");

        // The stated bound: the connection's cap, and a message of each stream. Without the cap it is 30 KB a stream.
        Assert.InRange(Internals.UnsentOf(connection).Queued, 100_000, 100_000 + (Streams * (Message + 5)));
        server.Cut();
        await Task.WhenAll(writers.Select(TestChannel.FailureAsync));
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
        RawServer server = await channel.StartWithOneCallAsync();
        _time.Advance(TimeSpan.FromMinutes(6));
        if (told)
        {
            await server.AnswerAsync(await server.ExpectAsync(FrameType.Ping));
        }

        await server.RoundTripAsync();
        Assert.False(server.HasKept(FrameType.Ping));
    }

    /// <summary>
    /// gRFC A8: a call on a connection that was quiet for longer than the delay is not the one that waits for it once more: what a
    /// firewall has forgotten meanwhile is found within the timeout.
    /// </summary>
    [Fact]
    [Requirement("grpc-connections-11")]
    public async Task A_call_after_a_long_silence_asks_at_once_whether_the_server_is_there()
    {
        await using TestChannel channel = Connect();
        RawServer server = await channel.StartWithOneCallAsync();
        _time.Advance(TimeSpan.FromMinutes(7));
        Assert.False(server.HasKept(FrameType.Ping));

        Task<byte[]> second = channel.Unary([1]).ResponseAsync;
        await server.RequestAsync(3);
        _time.Advance(TimeSpan.FromMilliseconds(1)); // timers that are due at once ring with the clock
        await server.ExpectAsync(FrameType.Ping);
        _time.Advance(TimeSpan.FromSeconds(20));
        await TestChannel.AssertFailsAsync(second, StatusCode.Unavailable, "did not answer a keepalive PING within 20 s");
    }

    /// <summary>The same after a short silence: the delay counts from the last input, and isn't over.</summary>
    [Fact]
    public async Task A_call_after_a_short_silence_asks_when_the_delay_is_over()
    {
        await using TestChannel channel = Connect();
        RawServer server = await channel.StartWithOneCallAsync();
        _time.Advance(TimeSpan.FromMinutes(7)); // it falls asleep
        await server.RoundTripAsync();
        _time.Advance(TimeSpan.FromMinutes(3));

        Task<byte[]> second = channel.Unary([1]).ResponseAsync;
        await server.RequestAsync(3);
        _time.Advance(TimeSpan.FromMinutes(2));
        await server.RoundTripAsync();
        Assert.False(server.HasKept(FrameType.Ping));
        await server.ReplyAsync(3, 2);
        await RawPeer.Within(second, "the response");
    }

    /// <summary>
    /// gRFC A8: a server that ends a connection for its keepalive PINGs has them half as often on the channel's next ones, and the
    /// log says so where it is seen.
    /// </summary>
    [Theory]
    [Requirement("grpc-connections-10")]
    [InlineData(true, "too_many_pings", 12)]
    [InlineData(true, "too_many_things", 6)]
    [InlineData(false, "too_many_pings", 6)]
    public async Task After_too_many_pings_the_next_connection_sends_half_as_many(bool isCalmWanted, string debugData, int minutes)
    {
        var log = new LogLines();
        await using TestChannel channel = Connect(options => options.LoggerFactory = log.Factory);
        RawServer server = await channel.StartWithOneCallAsync();
        await server.SendAsync(o => GoAwayFrame.Write(o, 1, isCalmWanted ? ErrorCode.EnhanceYourCalm : ErrorCode.NoError, System.Text.Encoding.ASCII.GetBytes(debugData)));
        await server.ExpectEndAsync();

        Task<byte[]> second = channel.Unary([1]).ResponseAsync;
        server = await channel.StartAsync();
        await server.RequestAsync(1);
        await server.RoundTripAsync();
        _time.Advance(TimeSpan.FromMinutes(minutes) - TimeSpan.FromSeconds(1));
        await server.RoundTripAsync();
        Assert.False(server.HasKept(FrameType.Ping), "it asks before its time");
        _time.Advance(TimeSpan.FromMinutes(minutes));
        await server.ExpectAsync(FrameType.Ping);
        Assert.Equal(minutes == 12 ? 1 : 0, log.Lines.Count(line =>
            line.StartsWith("Warning: memory:test ended a connection for too many keepalive PINGs: further ones are sent after 00:12:00", StringComparison.Ordinal)));
        await server.ReplyAsync(1, 2);
        await RawPeer.Within(second, "the response");
    }

    private static async Task WriteWithoutEndAsync(AsyncClientStreamingCall<byte[], byte[]> call, int octets)
    {
        while (true)
        {
            await call.RequestStream.WriteAsync(new byte[octets]);
        }
    }

    private TestChannel Connect(Action<MiniGrpc.Client.MiniChannelOptions>? configure = null) => new(options =>
    {
        options.TimeProvider = _time;
        configure?.Invoke(options);
    });
}
