using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Conformance.Wire.Engine.Client;

/// <summary>gRPC connection-backoff.md and wait-for-ready.md: what a channel does when it can't connect, on a clock moved by hand.</summary>
public class Reconnection
{
    [Fact]
    public void Waits_grow_by_the_factor_up_to_the_limit_and_vary_by_a_fifth()
    {
        var backoff = Backoff.OfConnecting(
            new MiniChannelOptions { InitialReconnectBackoff = TimeSpan.FromSeconds(1), MaxReconnectBackoff = TimeSpan.FromSeconds(5), Random = new Random(1) });
        var seen = new HashSet<TimeSpan>();
        for (int round = 0; round < 20; round++)
        {
            foreach (double expected in new[] { 1, 1.6, 2.56, 4.096, 5, 5 })
            {
                TimeSpan wait = backoff.Next();
                Assert.InRange(wait.TotalSeconds, expected * 0.8, expected * 1.2);
                seen.Add(wait);
            }

            backoff.Reset();
        }

        Assert.InRange(seen.Count, 60, 120);
    }

    [Fact]
    public void A_wait_that_is_none_is_refused_by_name()
    {
        var options = new MiniChannelOptions { InitialReconnectBackoff = TimeSpan.Zero };
        Assert.Contains("InitialReconnectBackoff is 00:00:00", Assert.Throws<InvalidOperationException>(() => MiniChannel.ForAddress("http://localhost", options)).Message, StringComparison.Ordinal);
        options = new MiniChannelOptions { MaxReconnectBackoff = TimeSpan.FromSeconds(-1) };
        Assert.Contains("MaxReconnectBackoff is -00:00:01", Assert.Throws<InvalidOperationException>(() => MiniChannel.ForAddress("http://localhost", options)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Calls_fail_at_once_between_attempts_and_the_next_one_is_made_when_it_is_due()
    {
        var time = new BackoffClock();
        var endPoint = new MemoryEndPoint("nobody");
        await using var channel = MiniChannel.ForEndPoint(endPoint, new MiniChannelOptions { TimeProvider = time });
        CallInvoker invoker = channel.CreateCallInvoker();
        Task<byte[]> Call(CallOptions options = default) => invoker.AsyncUnaryCall(TestService.UnaryMethod, null, options, [1]).ResponseAsync;

        await TestChannel.AssertFailsAsync(Call(), StatusCode.Unavailable, "no server listens there");
        await time.IsArmedAsync();
        await using ITransportListener listener = endPoint.Listen();
        await TestChannel.AssertFailsAsync(Call(), StatusCode.Unavailable, "no server listens there"); // not tried again yet
        time.Advance(TimeSpan.FromSeconds(0.79));
        await TestChannel.AssertFailsAsync(Call(), StatusCode.Unavailable, "no server listens there");
        time.Advance(TimeSpan.FromSeconds(0.42));

        Task<byte[]> call = Call(new CallOptions().WithWaitForReady());
        await using RawServer server = await AcceptAsync(listener);
        await server.RequestAsync(1);
        await server.ReplyAsync(1, 7);
        Assert.Equal([7], await RawPeer.Within(call, "the response"));
        await server.DisposeAsync();
    }

    [Fact]
    public async Task A_call_that_waits_for_ready_is_sent_when_a_server_is_there()
    {
        var time = new BackoffClock();
        var endPoint = new MemoryEndPoint("nobody");
        await using var channel = MiniChannel.ForEndPoint(endPoint, new MiniChannelOptions { TimeProvider = time });
        CallInvoker invoker = channel.CreateCallInvoker();
        Task<byte[]> waiting = invoker.AsyncUnaryCall(TestService.UnaryMethod, null, new CallOptions().WithWaitForReady(), [1]).ResponseAsync;
        for (int attempt = 0; attempt < 5; attempt++)
        {
            await time.IsArmedAsync();
            await Balancing.Settling.OfAsync(channel);
            await TestChannel.AssertFailsAsync(
                invoker.AsyncUnaryCall(TestService.UnaryMethod, null, default, [1]).ResponseAsync, StatusCode.Unavailable, "no server listens there");
            Assert.False(waiting.IsCompleted);
            time.Advance(TimeSpan.FromSeconds(150)); // the next attempt starts by itself
        }

        await time.IsArmedAsync();
        await using ITransportListener listener = endPoint.Listen();
        time.Advance(TimeSpan.FromSeconds(150));
        await using RawServer server = await AcceptAsync(listener);
        await server.RequestAsync(1);
        await server.ReplyAsync(1, 7);
        Assert.Equal([7], await RawPeer.Within(waiting, "the response"));
        await server.DisposeAsync();
    }

    [Fact]
    public async Task A_call_that_waits_for_ready_keeps_its_deadline()
    {
        var time = new BackoffClock();
        await using var channel = MiniChannel.ForEndPoint(new MemoryEndPoint("nobody"), new MiniChannelOptions { TimeProvider = time });
        Task<byte[]> waiting = channel.CreateCallInvoker().AsyncUnaryCall(
            TestService.UnaryMethod, null, new CallOptions(deadline: time.GetUtcNow().UtcDateTime.AddMinutes(1)).WithWaitForReady(), [1]).ResponseAsync;
        time.Advance(TimeSpan.FromSeconds(59));
        Assert.False(waiting.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(1));
        await TestChannel.AssertFailsAsync(waiting, StatusCode.DeadlineExceeded, "");
    }

    /// <summary>A connection that never got as far as SETTINGS counts as a failed attempt.</summary>
    [Fact]
    public async Task A_server_that_closes_before_its_settings_is_backed_off_from()
    {
        var time = new BackoffClock();
        await using var client = new TestChannel(options => options.TimeProvider = time);
        Task<byte[]> call = client.Unary([1]).ResponseAsync;
        RawServer server = await client.AcceptAsync();
        await server.ExpectPrefaceAsync();
        await server.DisposeAsync();
        await TestChannel.AssertFailsAsync(call, StatusCode.Unavailable, OverTls.IsOn ? "closed the connection right after the TLS handshake" : "closed the connection before");
        await TestChannel.AssertFailsAsync(client.Unary([1]).ResponseAsync, StatusCode.Unavailable, OverTls.IsOn ? "closed the connection right after the TLS handshake" : "closed the connection before");
        await time.IsArmedAsync();
        time.Advance(TimeSpan.FromSeconds(1.3));
        call = client.Unary([1], new CallOptions().WithWaitForReady()).ResponseAsync;
        server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.ReplyAsync(1);
        await RawPeer.Within(call, "the response");
    }

    /// <summary>
    /// A connection that is given up before it has carried a call is a failed attempt, and the one to say so: a call that finds it so
    /// a moment before does not connect anew, or a server that turns everybody away would be asked without pause.
    /// </summary>
    [Fact]
    public async Task A_connection_that_took_no_call_is_backed_off_from_though_a_call_finds_it_first()
    {
        var time = new BackoffClock();
        await using var client = new TestChannel(options => options.TimeProvider = time);
        Task<byte[]> first = client.Unary([1]).ResponseAsync;
        RawServer server = await client.AcceptAsync();
        await server.ExpectPrefaceAsync();
        await server.SendAsync(o => SettingsFrame.Write(o, [(SettingId.MaxConcurrentStreams, 0)]));
        await server.ExpectAsync(FrameType.Settings, 0, FrameFlags.Ack);
        time.Advance(new AbuseLimits().SettingsTimeout); // it acknowledges nothing
        await server.ExpectAsync(FrameType.GoAway);
        Task<byte[]> second = client.Unary([2]).ResponseAsync;
        time.Advance(TimeSpan.FromSeconds(1));
        await TestChannel.AssertFailsAsync(first, StatusCode.Unavailable, "took no call");
        await TestChannel.AssertFailsAsync(second, StatusCode.Unavailable, "took no call");
        await TestChannel.AssertFailsAsync(client.Unary([3]).ResponseAsync, StatusCode.Unavailable, "took no call");
    }

    /// <summary>
    /// A server that asks to go on with another connection before the first call has come (a short MAX_CONNECTION_AGE, a balancer that moves
    /// clients) has not failed; one that does so at once, again and again, is backed off from.
    /// </summary>
    [Fact]
    public async Task A_connection_that_is_asked_to_go_before_its_first_call_is_no_failed_attempt()
    {
        var time = new BackoffClock();
        await using var client = new TestChannel(options => options.TimeProvider = time);
        await RawPeer.Within(AskToGoAsync(client, ErrorCode.NoError), "the channel to be idle");
        Assert.Equal(ConnectivityState.Idle, client.Channel.State);

        await RawPeer.Within(AskToGoAsync(client, ErrorCode.NoError, () => time.Advance(TimeSpan.FromSeconds(1))), "the channel to be idle");
        Assert.Equal(ConnectivityState.Idle, client.Channel.State); // not at once, so that it doesn't count

        await RawPeer.Within(AskToGoAsync(client, ErrorCode.NoError), "the channel to be idle");
        Assert.Equal(ConnectivityState.Idle, client.Channel.State);

        await RawPeer.Within(AskToGoAsync(client, ErrorCode.NoError), "the channel to fail");
        Assert.Equal(ConnectivityState.TransientFailure, client.Channel.State);
        await TestChannel.AssertFailsAsync(client.Unary([1]).ResponseAsync, StatusCode.Unavailable, "took no call: GOAWAY NO_ERROR");
    }

    [Fact]
    public async Task A_connection_that_is_refused_before_its_first_call_is_a_failed_attempt()
    {
        var time = new BackoffClock();
        await using var client = new TestChannel(options => options.TimeProvider = time);
        await RawPeer.Within(AskToGoAsync(client, ErrorCode.EnhanceYourCalm), "the channel to fail");
        Assert.Equal(ConnectivityState.TransientFailure, client.Channel.State);
    }

    [Fact]
    public async Task A_connection_that_worked_makes_the_waits_start_over()
    {
        var time = new BackoffClock();
        await using var client = new TestChannel(options => options.TimeProvider = time);
        await FailOftenAsync(client, time);
        Task<byte[]> works = client.Unary([1], new CallOptions().WithWaitForReady()).ResponseAsync;
        RawServer working = await client.StartAsync();
        await working.RequestAsync(1);
        await working.ReplyAsync(1);
        await RawPeer.Within(works, "the response");
        Task<byte[]> lost = client.Unary([1]).ResponseAsync;
        await working.RequestAsync(3);
        await working.DisposeAsync();
        await TestChannel.AssertFailsAsync(lost, StatusCode.Unavailable, "");

        await FailAsync(client, time);
        time.Advance(TimeSpan.FromSeconds(1.21));
        await FailAsync(client, time);
    }

    /// <summary>The same when a call finds out that the connection is going away before the channel has been told of its end.</summary>
    [Fact]
    public async Task A_connection_that_worked_makes_the_waits_start_over_though_a_call_finds_its_end_first()
    {
        var time = new BackoffClock();
        await using var client = new TestChannel(options => options.TimeProvider = time);
        await FailOftenAsync(client, time);
        Task<byte[]> works = client.Unary([1], new CallOptions().WithWaitForReady()).ResponseAsync;
        RawServer working = await client.AcceptAsync();
        await working.ExpectPrefaceAsync();
        await working.SendAsync(o => SettingsFrame.Write(o, []));
        await working.RequestAsync(1);
        await working.ReplyAsync(1);
        await RawPeer.Within(works, "the response");
        time.Advance(new AbuseLimits().SettingsTimeout); // it acknowledges nothing
        await working.ExpectAsync(FrameType.GoAway);

        await FailAsync(client, time);
        time.Advance(TimeSpan.FromSeconds(1.21));
        await FailAsync(client, time);
    }

    /// <summary>
    /// One that nobody has called on for a long time and that is lost (a server that is restarted, a firewall that closes what is idle) was no
    /// failed attempt: the next call connects at once, and the waits start over.
    /// </summary>
    [Fact]
    public async Task A_connection_that_was_there_for_long_is_no_failed_attempt_though_no_call_came()
    {
        var time = new BackoffClock();
        await using var client = new TestChannel(options => options.TimeProvider = time);
        await FailOftenAsync(client, time);
        Task connected = client.Channel.ConnectAsync(TestContext.Current.CancellationToken);
        RawServer idle = await client.StartAsync();
        await RawPeer.Within(connected, "the channel to connect");
        time.Advance(TimeSpan.FromMinutes(5));
        await idle.DisposeAsync();
        await Eventually.IsTrueAsync(() => client.Channel.State != ConnectivityState.Ready, "the connection to be left");
        Assert.Equal(ConnectivityState.Idle, client.Channel.State);

        await FailAsync(client, time);
        time.Advance(TimeSpan.FromSeconds(1.21));
        await FailAsync(client, time);
    }

    /// <summary>Attempts enough for the wait before the next one to be long.</summary>
    private static async Task FailOftenAsync(TestChannel client, BackoffClock time)
    {
        for (int attempt = 0; attempt < 5; attempt++)
        {
            await FailAsync(client, time);
            time.Advance(TimeSpan.FromSeconds(150));
        }
    }

    private static async Task FailAsync(TestChannel client, BackoffClock time)
    {
        Task<byte[]> call = client.Unary([1]).ResponseAsync;
        await using RawServer server = await client.AcceptAsync();
        await server.ExpectPrefaceAsync();
        await server.DisposeAsync();
        await TestChannel.AssertFailsAsync(call, StatusCode.Unavailable, "");
        await time.IsArmedAsync();
    }

    /// <summary>Connects without a call, has the server say GOAWAY, and completes when the channel is not connected any more.</summary>
    private static async Task AskToGoAsync(TestChannel client, ErrorCode code, Action? before = null)
    {
        Task connected = client.Channel.ConnectAsync(TestContext.Current.CancellationToken);
        RawServer server = await client.StartAsync();
        await connected;
        before?.Invoke();
        await server.SendAsync(o => GoAwayFrame.Write(o, 0, code, []));
        await client.Channel.WaitForStateChangedAsync(ConnectivityState.Ready, TestContext.Current.CancellationToken);
    }

    private static async Task<RawServer> AcceptAsync(ITransportListener listener)
    {
        var server = new RawServer((await RawPeer.Within(listener.AcceptAsync().AsTask(), "the channel to connect"))!);
        await server.StartAsync();
        return server;
    }
}
