using System.Text;
using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Client.Balancing;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Conformance.Wire.Engine.Client;

namespace MiniGrpc.Conformance.Wire.Balancing;

/// <summary>Client-side health checking (gRFC A17): servers are asked for their health on their connections, and get calls while they serve.</summary>
public sealed partial class HealthCheckTests : IAsyncDisposable
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
        var log = new LogLines();
        _backends.Health.Clear();
        await _backends.StartAsync(0);
        await using MiniChannel channel = await StartAsync(addresses: 1, configure: options => options.LoggerFactory = log.Factory);
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
        Assert.Equal(ConnectivityState.Connecting, Assert.IsType<Subchannel>(Assert.Single(channel.Core.Connections).Owner).State);
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
}
