using System.Text;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using MiniGrpc.Client;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Client.Resolving;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Conformance.Wire.Engine.Client;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Balancing;

/// <summary>Client-side health checking (gRFC A17): servers are asked for their health on their connections, and get calls while they serve.</summary>
public sealed class HealthCheckTests : IAsyncDisposable
{
    private const string Service = "a.B";

    private static readonly Status s_down = new(StatusCode.Unavailable, "down");

    private readonly Backends _backends = new(2) { Health = { [0] = new HandHealth(), [1] = new HandHealth() } };

    private HandHealth First => _backends.Health[0];

    private HandHealth Second => _backends.Health[1];

    public ValueTask DisposeAsync() => _backends.DisposeAsync();

    /// <summary>"The subchannel will stay in state CONNECTING until it receives the first health-check response."</summary>
    [Fact]
    public async Task A_server_gets_no_call_before_it_says_that_it_serves()
    {
        await _backends.StartAsync(0, 1);
        await using MiniChannel channel = await StartAsync();
        Task<int> waiting = Backends.AskAsync(channel);
        HandWatch first = await First.NextAsync();
        HandWatch second = await Second.NextAsync();
        Assert.Equal("\n\u0003a.B", Encoding.UTF8.GetString(first.Request)); // field 1, three octets
        await Settling.OfAsync(channel);
        Assert.Equal(ConnectivityState.Connecting, channel.State);
        Assert.False(waiting.IsCompleted);

        await second.SayAsync(HandHealth.Serving);
        Assert.Equal(1, await waiting);
        Assert.Equal((int[])[1, 1, 1], await Backends.AskAsync(channel, 3));
        await first.SayAsync(HandHealth.Serving);
        await AnswerAsync(channel, 0, 1);
    }

    /// <summary>And is taken back without connecting anew, "with no stop at CONNECTING in between".</summary>
    [Fact]
    public async Task A_server_that_says_that_it_does_not_serve_gets_none_until_it_does_again()
    {
        await _backends.StartAsync(0, 1);
        await using MiniChannel channel = await StartAsync();
        HandWatch first = await First.NextAsync(HandHealth.Serving);
        await Second.NextAsync(HandHealth.Serving);
        await AnswerAsync(channel, 0, 1);
        await first.SayAsync(HandHealth.NotServing);
        await AnswerAsync(channel, 1);
        await first.SayAsync(HandHealth.Serving);
        await AnswerAsync(channel, 0, 1);
        Assert.Equal(0, First.Unseen);
        Assert.Equal(2, channel.Core.Connections.Count);
    }

    [Theory]
    [InlineData(new byte[] { 0x08, 2 }, "memory:backend 0 says that service 'a.B' is NOT_SERVING")]
    [InlineData(new byte[] { 0x08, 3 }, "memory:backend 0 says that service 'a.B' is SERVICE_UNKNOWN")]
    [InlineData(new byte[0], "memory:backend 0 says that service 'a.B' is UNKNOWN")]
    public async Task When_none_serves_calls_fail_with_the_service_and_its_status(byte[] answer, string detail)
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = await StartAsync(addresses: 1);
        await First.NextAsync(answer);
        await ReachesAsync(channel, ConnectivityState.TransientFailure);
        await Backends.FailAsync(channel, StatusCode.Unavailable, detail);
    }

    /// <summary>"The empty string is used to represent the overall health of the server."</summary>
    [Fact]
    public async Task The_empty_name_asks_for_the_server_as_a_whole()
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = await StartAsync("", 1);
        HandWatch watch = await First.NextAsync(HandHealth.NotServing);
        Assert.Empty(watch.Request);
        await ReachesAsync(channel, ConnectivityState.TransientFailure);
        await Backends.FailAsync(channel, StatusCode.Unavailable, "says that the server as a whole is NOT_SERVING");
    }

    /// <summary>"If the Watch() call fails with status UNIMPLEMENTED, the client will act as if health checking is disabled", and logs it as an error.</summary>
    [Fact]
    public async Task A_server_without_a_health_service_counts_as_healthy()
    {
        var log = new OneLog();
        _backends.Health.Clear();
        await _backends.StartAsync(0);
        await using MiniChannel channel = await StartAsync(addresses: 1, configure: options => options.LoggerFactory = log);
        Assert.Equal((int[])[0, 0], await Backends.AskAsync(channel, 2));
        Assert.Single(log.Lines, line => line.StartsWith("Error: memory:backend 0 can't be asked for the health of service 'a.B'", StringComparison.Ordinal));
    }

    /// <summary>"If the Watch() call returns any other status, the subchannel will transition to TRANSIENT_FAILURE and will retry the call", after a wait.</summary>
    [Fact]
    public async Task A_watch_that_ends_without_an_answer_is_repeated_after_waits_that_grow()
    {
        var time = new BackoffClock();
        await _backends.StartAsync(0);
        await using MiniChannel channel = await StartAsync(addresses: 1, configure: options => options.TimeProvider = time);
        foreach (double wait in new[] { 1, 1.6, 2.56 })
        {
            (await First.NextAsync()).End(s_down);
            await time.IsArmedAsync();
            await Backends.FailAsync(channel, StatusCode.Unavailable, "memory:backend 0 doesn't tell the health of service 'a.B': Watch ended with Unavailable, \"down\"");
            time.Advance(TimeSpan.FromSeconds(wait * 0.79));
            await Settling.OfAsync(channel);
            Assert.Equal(0, First.Unseen);
            time.Advance(TimeSpan.FromSeconds(wait * 0.42));
        }

        await First.NextAsync(HandHealth.Serving);
        await ReachesAsync(channel, ConnectivityState.Ready);
        Assert.Equal(0, await Backends.AskAsync(channel));
    }

    /// <summary>"When the client receives a message from the server on a given call, the backoff state is reset, so the next attempt will occur immediately."</summary>
    [Fact]
    public async Task A_watch_that_ends_after_an_answer_is_repeated_at_once()
    {
        var time = new BackoffClock();
        await _backends.StartAsync(0);
        await using MiniChannel channel = await StartAsync(addresses: 1, configure: options => options.TimeProvider = time);
        (await First.NextAsync()).End(s_down);
        await time.IsArmedAsync();
        time.Advance(TimeSpan.FromSeconds(1.3));
        HandWatch second = await First.NextAsync(HandHealth.Serving);
        await ReachesAsync(channel, ConnectivityState.Ready);
        second.End(); // with OK, which is no better
        HandWatch third = await First.NextAsync();
        await Settling.OfAsync(channel);
        Assert.NotEqual(ConnectivityState.Ready, channel.State);
        third.End(s_down);
        await time.IsArmedAsync();
        time.Advance(TimeSpan.FromSeconds(1.3)); // the first wait again
        await First.NextAsync(HandHealth.Serving);
        await ReachesAsync(channel, ConnectivityState.Ready);
    }

    [Fact]
    public async Task An_answer_that_is_no_message_ends_the_watch()
    {
        var time = new BackoffClock();
        await _backends.StartAsync(0);
        await using MiniChannel channel = await StartAsync(addresses: 1, configure: options => options.TimeProvider = time);
        await First.NextAsync([0x08]);
        await time.IsArmedAsync();
        await Backends.FailAsync(channel, StatusCode.Unavailable, "ends in the middle of a number");
    }

    /// <summary>"The pick_first LB policy will unconditionally set the channel arg to inhibit health checking."</summary>
    [Fact]
    public async Task Pick_first_does_not_ask()
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = await StartAsync(addresses: 1, policy: new PickFirstConfig());
        Assert.Equal(0, await Backends.AskAsync(channel));
        Assert.Equal(1, Assert.Single(channel.Core.Connections).CallsStarted);
    }

    [Fact]
    public async Task The_channel_can_switch_it_off()
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = await StartAsync(addresses: 1, configure: options => options.DisableHealthChecking = true);
        Assert.Equal(0, await Backends.AskAsync(channel));
        Assert.Equal(1, Assert.Single(channel.Core.Connections).CallsStarted);
    }

    [Fact]
    public async Task Another_service_in_the_config_is_asked_for_instead_on_the_same_connection()
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = await StartAsync(addresses: 1);
        HandWatch old = await First.NextAsync(HandHealth.NotServing);
        await ReachesAsync(channel, ConnectivityState.TransientFailure);
        await _backends.Resolver.FindAsync(ResolverResult.ForResult(_backends.Addresses[..1], Config("c.D", new RoundRobinConfig())));
        await old.CancelledAsync();
        HandWatch other = await First.NextAsync(HandHealth.Serving);
        Assert.Equal("\n\u0003c.D", Encoding.UTF8.GetString(other.Request));
        await ReachesAsync(channel, ConnectivityState.Ready);
        Assert.Single(channel.Core.Connections);

        await other.SayAsync(HandHealth.NotServing);
        await ReachesAsync(channel, ConnectivityState.TransientFailure);
        await _backends.Resolver.FindAsync(ResolverResult.ForResult(_backends.Addresses[..1], Config(null, new RoundRobinConfig())));
        await other.CancelledAsync();
        await ReachesAsync(channel, ConnectivityState.Ready);
        Assert.Single(channel.Core.Connections);
    }

    /// <summary>"When the client subchannel is shutting down or when the backend sends a GOAWAY, the client will cancel the Watch() call."</summary>
    [Fact]
    public async Task An_address_that_is_gone_is_not_asked_any_more()
    {
        await _backends.StartAsync(0, 1);
        await using MiniChannel channel = await StartAsync();
        HandWatch first = await First.NextAsync(HandHealth.Serving);
        await Second.NextAsync(HandHealth.Serving);
        await AnswerAsync(channel, 0, 1);
        await _backends.Resolver.FindAsync(_backends.Addresses[1]);
        await first.CancelledAsync();
        await Eventually.IsTrueAsync(() => channel.Core.Connections.Count == 1, "the connection to end");
        Assert.Equal(0, First.Unseen);
    }

    /// <summary>A server that shuts down waits for its calls: Watch must not be one of them.</summary>
    [Fact]
    public async Task A_watch_does_not_hold_up_a_server_that_shuts_down()
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = await StartAsync(addresses: 1);
        await First.NextAsync(HandHealth.Serving);
        Assert.Equal(0, await Backends.AskAsync(channel));
        await RawPeer.Within(_backends.ShutDownAsync(0), "the server to shut down");
    }

    /// <summary>Or a server that turns everybody away would be asked without pause.</summary>
    [Fact]
    public async Task A_connection_that_carried_nothing_but_a_watch_counts_as_a_failed_attempt()
    {
        var time = new BackoffClock();
        await using var client = new TestChannel(options =>
        {
            options.TimeProvider = time;
            options.ServiceConfig = Config(Service, new RoundRobinConfig());
        });
        Task<byte[]> call = client.Unary([1]).ResponseAsync;
        RawServer server = await client.StartAsync();
        (RawFrame head, _) = await server.RequestAsync(1);
        Assert.Equal("/grpc.health.v1.Health/Watch", head[":path"]);
        await server.DisposeAsync();
        await time.IsArmedAsync();
        await TestChannel.AssertFailsAsync(call, StatusCode.Unavailable, "took no call");
    }

    /// <summary>Calls wait for the next connection, as they do without a health check: the server has not said that it is unwell.</summary>
    [Fact]
    public async Task A_connection_that_is_lost_is_no_answer()
    {
        await using var client = new TestChannel(options => options.ServiceConfig = Config(Service, new RoundRobinConfig()));
        Task<byte[]> first = client.Unary([1]).ResponseAsync;
        RawServer server = await client.StartAsync();
        await ServeAsync(server, first);
        await server.DisposeAsync();
        server = await client.AcceptAsync();
        Task<byte[]> second = client.Unary([1]).ResponseAsync;
        await server.StartAsync();
        await ServeAsync(server, second);

        static async Task ServeAsync(RawServer server, Task<byte[]> call)
        {
            await server.RequestAsync(1);
            await server.HeadersAsync(1, endStream: false, RawServer.Headers200);
            await server.DataAsync(1, RawClient.Message(HandHealth.Serving));
            await server.RequestAsync(3);
            await server.ReplyAsync(3, 7);
            Assert.Equal([7], await RawPeer.Within(call, "the response"));
        }
    }

    [Fact]
    public async Task Without_a_free_stream_the_watch_is_tried_again_later()
    {
        var time = new BackoffClock();
        await using var client = new TestChannel(options =>
        {
            options.TimeProvider = time;
            options.ServiceConfig = Config(Service, new RoundRobinConfig());
        });
        Task<byte[]> call = client.Unary([1], new CallOptions().WithWaitForReady()).ResponseAsync;
        RawServer server = await client.StartAsync((SettingId.MaxConcurrentStreams, 0));
        await time.IsArmedAsync();
        await TestChannel.AssertFailsAsync(client.Unary([1]).ResponseAsync, StatusCode.Unavailable, "Watch ended with Unavailable, \"the connection has no free stream\"");
        await server.SendAsync(o => SettingsFrame.Write(o, [(SettingId.MaxConcurrentStreams, 2)]));
        await server.ExpectAsync(FrameType.Settings, 0, FrameFlags.Ack);
        time.Advance(TimeSpan.FromSeconds(1.3));
        await server.RequestAsync(1);
        await server.HeadersAsync(1, endStream: false, RawServer.Headers200);
        await server.DataAsync(1, RawClient.Message(HandHealth.Serving));
        await server.RequestAsync(3);
        await server.ReplyAsync(3, 7);
        Assert.Equal([7], await RawPeer.Within(call, "the response"));
    }

    /// <summary>A refused stream may be sent once more: on this connection, for it is this connection's health that is asked for.</summary>
    [Fact]
    public async Task A_watch_that_was_refused_is_sent_again_on_its_own_connection()
    {
        await using var client = new TestChannel(options => options.ServiceConfig = Config(Service, new RoundRobinConfig()));
        Task<byte[]> call = client.Unary([1]).ResponseAsync;
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.SendAsync(o => RstStreamFrame.Write(o, 1, ErrorCode.RefusedStream));
        await server.RequestAsync(3);
        await server.HeadersAsync(3, endStream: false, RawServer.Headers200);
        await server.DataAsync(3, RawClient.Message(HandHealth.Serving));
        await server.RequestAsync(5);
        await server.ReplyAsync(5, 7);
        Assert.Equal([7], await RawPeer.Within(call, "the response"));
        await server.RoundTripAsync();
        Assert.Equal((0, 1), Internals.ReadyConnectionOf(client.Channel)!.Carried); // the user's call alone, of three that were started
    }

    /// <summary>"If there are any call credentials associated with the channel, the client will send those credentials with the Watch() call."</summary>
    [Fact]
    public async Task The_channels_call_credentials_go_with_the_watch()
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = await StartAsync(addresses: 1, configure: options =>
        {
            options.UnsafeUseInsecureChannelCallCredentials = true;
            options.CallCredentials = CallCredentials.FromInterceptor((context, metadata) =>
            {
                metadata.Add("authorization", context.MethodName);
                return Task.CompletedTask;
            });
        });
        HandWatch watch = await First.NextAsync(HandHealth.Serving);
        Assert.Equal("Watch", watch.Headers.GetValue("authorization"));
        Assert.Equal(0, await Backends.AskAsync(channel));
    }

    /// <summary>Watch is the channel's own call: what is said of all methods is meant for those of the service.</summary>
    [Fact]
    public async Task Limits_for_all_methods_do_not_hold_for_the_watch()
    {
        await _backends.StartAsync(0);
        ServiceConfig config = ServiceConfig.Parse("""
            { "healthCheckConfig": { "serviceName": "a.B" }, "loadBalancingConfig": [ { "round_robin": {} } ],
              "methodConfig": [ { "name": [ {} ], "maxRequestMessageBytes": 0, "maxResponseMessageBytes": 1 } ] }
            """);
        await using MiniChannel channel = await StartAsync(addresses: 1, configure: options => options.ServiceConfig = config);
        await First.NextAsync(HandHealth.Serving);
        Assert.Equal(0, await Backends.AskAsync(channel));
    }

    private static ServiceConfig Config(string? service, LoadBalancingConfig policy) => new() { HealthCheckServiceName = service, LoadBalancingConfigs = { policy } };

    private static Task ReachesAsync(MiniChannel channel, ConnectivityState state) => Eventually.IsTrueAsync(() => channel.State == state, $"the channel to be {state}");

    /// <summary>Exactly these servers answer, as soon as the channel has taken note of what they say.</summary>
    private static async Task AnswerAsync(MiniChannel channel, params int[] servers)
    {
        long start = TimeProvider.System.GetTimestamp();
        int[] answers = [];
        while (!answers.Distinct().Order().SequenceEqual(servers))
        {
            Assert.True(TimeProvider.System.GetElapsedTime(start) < RawPeer.Patience, $"Answered by {string.Join(", ", answers)}, not by {string.Join(", ", servers)}.");
            answers = await Backends.AskAsync(channel, 4);
        }
    }

    private async Task<MiniChannel> StartAsync(
        string service = Service, int addresses = 2, LoadBalancingConfig? policy = null, Action<MiniChannelOptions>? configure = null)
    {
        MiniChannel channel = _backends.Channel(configure: options =>
        {
            options.ServiceConfig = Config(service, policy ?? new RoundRobinConfig());
            configure?.Invoke(options);
        });
        channel.Core.RequestConnection();
        await _backends.Resolver.FindAsync(_backends.Addresses[..addresses]);
        return channel;
    }

    private sealed class OneLog : ILoggerFactory
    {
        private readonly LogLines _lines = new();

        public string[] Lines => _lines.Lines;

        public ILogger CreateLogger(string categoryName) => _lines;

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

        public void Dispose()
        {
        }
    }
}
