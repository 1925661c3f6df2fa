using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using MiniGrpc.Client;
using MiniGrpc.Client.Balancing;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Client.Resolving;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Balancing;

/// <summary>The policy outlier_detection_experimental (gRFC A50) in a channel: what is counted, when it is looked at, and what becomes of those that are ejected.</summary>
public sealed class OutlierDetectionTests : IAsyncDisposable
{
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(10);

    private readonly Backends _backends = new(3);
    private readonly FakeTimeProvider _time = new();

    public ValueTask DisposeAsync() => _backends.DisposeAsync();

    [Fact]
    public async Task One_that_fails_is_left_out_and_taken_back_after_a_while_on_the_same_connection()
    {
        await using MiniChannel channel = await ConnectAsync(Failures(new RoundRobinConfig()));
        FailAt(1);
        Assert.Equal(2, await CountFailuresAsync(channel, 6));
        await PassAsync(channel, s_interval);
        Assert.Equal(0, await CountFailuresAsync(channel, 6));
        await PassAsync(channel, TimeSpan.FromSeconds(30)); // not after it
        Assert.Equal(0, await CountFailuresAsync(channel, 6));
        await PassAsync(channel, s_interval);
        Assert.Equal(2, await CountFailuresAsync(channel, 6));
        Assert.Equal(3, channel.Core.Connections.Count);

        await PassAsync(channel, s_interval);
        await PassAsync(channel, TimeSpan.FromSeconds(60)); // twice as long
        Assert.Equal(0, await CountFailuresAsync(channel, 6));
        await PassAsync(channel, s_interval);
        Assert.Equal(2, await CountFailuresAsync(channel, 6));
    }

    [Fact]
    public async Task Nobody_is_ejected_before_the_interval_is_over()
    {
        await using MiniChannel channel = await ConnectAsync(Failures(new RoundRobinConfig()));
        FailAt(1);
        Assert.Equal(2, await CountFailuresAsync(channel, 6));
        await PassAsync(channel, s_interval - TimeSpan.FromMilliseconds(1));
        Assert.Equal(2, await CountFailuresAsync(channel, 6));
        await PassAsync(channel, TimeSpan.FromMilliseconds(1));
        Assert.Equal(0, await CountFailuresAsync(channel, 6));
    }

    [Fact]
    public async Task When_all_are_ejected_calls_fail_with_the_reason()
    {
        await using MiniChannel channel = await ConnectAsync(Failures(new RoundRobinConfig()));
        FailAt(0, 1, 2);
        Assert.Equal(6, await CountFailuresAsync(channel, 6));
        await PassAsync(channel, s_interval);
        Assert.Equal(ConnectivityState.TransientFailure, channel.State);
        await Backends.FailAsync(channel, StatusCode.Unavailable, "was ejected (outlier detection): 2 of its last 2 calls failed; at most 50 % may fail");
        await PassAsync(channel, TimeSpan.FromSeconds(31));
        await PassAsync(channel, s_interval);
        Assert.Equal(ConnectivityState.Ready, channel.State);
    }

    /// <summary>"When the request finishes": with whatever status, by whoever ended it, each attempt once.</summary>
    [Fact]
    public async Task Every_attempt_counts_by_how_it_ended()
    {
        await using var client = new TestChannel(options =>
        {
            options.TimeProvider = _time;
            options.ServiceConfig = new ServiceConfig { LoadBalancingConfigs = { Failures(new RoundRobinConfig(), threshold: 0, volume: 1) } };
        });
        Task<byte[]> good = client.Unary([1]).ResponseAsync;
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.ReplyAsync(1, 1);
        await RawPeer.Within(good, "the response");

        Task<byte[]> failing = client.Unary([1]).ResponseAsync;
        await server.RequestAsync(3);
        await server.FailAsync(3, StatusCode.NotFound);
        await TestChannel.AssertFailsAsync(failing, StatusCode.NotFound, "");

        AsyncUnaryCall<byte[]> cancelled = client.Unary([1]);
        await server.RequestAsync(5);
        cancelled.Dispose();
        await TestChannel.AssertFailsAsync(cancelled.ResponseAsync, StatusCode.Cancelled, "");

        Task<byte[]> late = client.Unary([1], new CallOptions(deadline: _time.GetUtcNow().UtcDateTime.AddSeconds(1))).ResponseAsync;
        await server.RequestAsync(7);
        _time.Advance(TimeSpan.FromSeconds(1));
        await TestChannel.AssertFailsAsync(late, StatusCode.DeadlineExceeded, "");

        Task<byte[]> refused = client.Unary([1]).ResponseAsync; // two attempts
        await server.RequestAsync(9);
        await server.SendAsync(o => RstStreamFrame.Write(o, 9, ErrorCode.RefusedStream));
        await server.RequestAsync(11);
        await server.ReplyAsync(11, 1);
        await RawPeer.Within(refused, "the response");

        Task<byte[]> reset = client.Unary([1]).ResponseAsync;
        await server.RequestAsync(13);
        await server.SendAsync(o => RstStreamFrame.Write(o, 13, ErrorCode.InternalError));
        await TestChannel.AssertFailsAsync(reset, StatusCode.Internal, "");

        await PassAsync(client.Channel, s_interval);
        await TestChannel.AssertFailsAsync(client.Unary([1]).ResponseAsync, StatusCode.Unavailable, "5 of its last 7 calls failed");
    }

    /// <summary>Watch is none of the calls that a policy's picker has given to the server.</summary>
    [Fact]
    public async Task Health_checks_do_not_count()
    {
        var health = new HandHealth();
        _backends.Health[0] = health;
        await using MiniChannel channel = await ConnectAsync(Failures(new RoundRobinConfig(), threshold: 0, volume: 1), addresses: 1, wait: false, configure: options =>
            options.ServiceConfig!.HealthCheckServiceName = "");
        (await health.NextAsync(HandHealth.Serving)).End(new Status(StatusCode.Internal, "over"));
        await health.NextAsync(HandHealth.Serving);
        await RawPeer.Within(channel.ConnectAsync(TestContext.Current.CancellationToken), "the channel to connect");
        Assert.Equal(0, await Backends.AskAsync(channel));
        await PassAsync(channel, s_interval);
        Assert.Equal(0, await Backends.AskAsync(channel));
    }

    /// <summary>"If both the success_rate_ejection and failure_percentage_ejection fields are unset, the picker should not do that counting."</summary>
    [Fact]
    public async Task Without_an_algorithm_nothing_is_counted()
    {
        await using MiniChannel channel = await ConnectAsync(new OutlierDetectionConfig { ChildPolicies = { new RoundRobinConfig() } });
        Assert.Equal(3, channel.Core.Connections.Count);
        Assert.All(channel.Core.Connections, connection => Assert.Null(Assert.IsType<Subchannel>(connection.Owner).CallCounter));
        Assert.Equal(0, await CountFailuresAsync(channel, 6));
    }

    [Fact]
    public async Task A_config_without_an_algorithm_takes_all_back_and_one_with_begins_anew()
    {
        await using MiniChannel channel = await ConnectAsync(Failures(new RoundRobinConfig()));
        FailAt(1);
        Assert.Equal(2, await CountFailuresAsync(channel, 6));
        await PassAsync(channel, s_interval);
        Assert.Equal(0, await CountFailuresAsync(channel, 6));

        await UseAsync(channel, new OutlierDetectionConfig { ChildPolicies = { new RoundRobinConfig() } });
        Assert.Equal(2, await CountFailuresAsync(channel, 6));
        await PassAsync(channel, s_interval);
        Assert.Equal(2, await CountFailuresAsync(channel, 6));

        await UseAsync(channel, Failures(new RoundRobinConfig()));
        Assert.Equal(2, await CountFailuresAsync(channel, 6));
        await PassAsync(channel, s_interval);
        Assert.Equal(0, await CountFailuresAsync(channel, 6));
        await PassAsync(channel, TimeSpan.FromSeconds(31)); // the base time again
        Assert.Equal(2, await CountFailuresAsync(channel, 6));
    }

    /// <summary>"Cancel the existing timer and start the timer for the configured interval minus the difference between the current time and the previous start timestamp."</summary>
    [Fact]
    public async Task An_interval_that_has_begun_goes_on_with_its_new_length()
    {
        await using MiniChannel channel = await ConnectAsync(Failures(new RoundRobinConfig()));
        FailAt(1);
        Assert.Equal(2, await CountFailuresAsync(channel, 6));
        await PassAsync(channel, TimeSpan.FromSeconds(5));
        OutlierDetectionConfig longer = Failures(new RoundRobinConfig());
        longer.Interval = TimeSpan.FromSeconds(15);
        await UseAsync(channel, longer);
        await PassAsync(channel, TimeSpan.FromSeconds(9));
        Assert.Equal(2, await CountFailuresAsync(channel, 6));
        await PassAsync(channel, TimeSpan.FromSeconds(1));
        Assert.Equal(0, await CountFailuresAsync(channel, 6));
        await PassAsync(channel, TimeSpan.FromSeconds(5));

        OutlierDetectionConfig over = Failures(new RoundRobinConfig());
        over.Interval = TimeSpan.FromSeconds(5);
        over.BaseEjectionTime = TimeSpan.FromSeconds(1);
        await UseAsync(channel, over);
        await PassAsync(channel, TimeSpan.FromMilliseconds(1)); // it was over already
        Assert.Equal(2, await CountFailuresAsync(channel, 6));
    }

    /// <summary>It has nowhere else to send its calls to (gRFC A61: ejections reach pick_first only below a policy that looks at health).</summary>
    [Fact]
    public async Task Pick_first_stays_with_its_server()
    {
        await using MiniChannel channel = await ConnectAsync(Failures(new PickFirstConfig()), ready: 1);
        FailAt(0);
        Assert.Equal(6, await CountFailuresAsync(channel, 6));
        await PassAsync(channel, s_interval);
        Assert.Equal(ConnectivityState.Ready, channel.State);
        Assert.Equal(6, await CountFailuresAsync(channel, 6));
        Assert.Single(channel.Core.Connections);
    }

    /// <summary>A subchannel that is made for an address that is ejected begins so.</summary>
    [Fact]
    public async Task Another_child_policy_finds_out_who_is_ejected()
    {
        await using MiniChannel channel = await ConnectAsync(
            Failures(new RoundRobinConfig()), configure: options => options.LoadBalancerFactories.Add(new OtherRoundRobin()));
        FailAt(1);
        Assert.Equal(2, await CountFailuresAsync(channel, 6));
        await PassAsync(channel, s_interval);
        Assert.Equal(0, await CountFailuresAsync(channel, 6));
        await UseAsync(channel, Failures(new LoadBalancingConfig("nobody_knows"), new LoadBalancingConfig("other")));
        await Eventually.IsTrueAsync(() => channel.Core.Connections.Count(connection => connection.WasReady && connection.CallsStarted == 0) == 3, "the other policy to connect");
        await Settling.OfAsync(channel);
        Assert.Equal(0, await CountFailuresAsync(channel, 6));
        await PassAsync(channel, TimeSpan.FromSeconds(31));
        await PassAsync(channel, s_interval);
        Assert.Equal(2, await CountFailuresAsync(channel, 6));
    }

    /// <summary>While it is ejected it loses its connection, and makes another when it is taken back.</summary>
    [Fact]
    public async Task What_happens_while_one_is_ejected_shows_when_it_is_taken_back()
    {
        await using MiniChannel channel = await ConnectAsync(Failures(new RoundRobinConfig()));
        FailAt(1);
        Assert.Equal(2, await CountFailuresAsync(channel, 6));
        await PassAsync(channel, s_interval);
        await _backends.StopAsync(1);
        await Eventually.IsTrueAsync(() => channel.Core.Connections.Count == 2, "the connection to end");
        await Settling.OfAsync(channel);
        await _backends.StartAsync(1);
        Assert.Equal(0, await CountFailuresAsync(channel, 6));
        Assert.Equal(2, channel.Core.Connections.Count);
        await PassAsync(channel, TimeSpan.FromSeconds(31));
        await Eventually.IsTrueAsync(() => channel.Core.Connections.Count(connection => connection.WasReady) == 3, "it to be connected again");
        await Settling.OfAsync(channel);
        Assert.Equal(2, await CountFailuresAsync(channel, 6));
    }

    [Fact]
    public async Task A_child_policy_that_nobody_knows_fails_calls_with_its_name()
    {
        await using MiniChannel channel = _backends.Channel(Failures(new LoadBalancingConfig("nobody_knows")));
        Task failed = Backends.FailAsync(channel, StatusCode.Unavailable, "no load-balancing policy that there is: nobody_knows");
        await _backends.Resolver.FindAsync(_backends.Addresses);
        await failed;
    }

    [Fact]
    public async Task A_look_up_that_fails_is_passed_on()
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = _backends.Channel(Failures(new RoundRobinConfig()));
        Task failed = Backends.FailAsync(channel, StatusCode.Unavailable, "nobody knows");
        await _backends.Resolver.FindAsync(ResolverResult.ForFailure(new Status(StatusCode.Unavailable, "nobody knows")));
        await failed;
        await _backends.Resolver.FindAsync(_backends.Addresses[..1]);
        await RawPeer.Within(channel.ConnectAsync(TestContext.Current.CancellationToken), "the channel to connect");
        await _backends.Resolver.FindAsync(ResolverResult.ForFailure(new Status(StatusCode.Unavailable, "nobody knows")));
        Assert.Equal(0, await Backends.AskAsync(channel)); // what is known is kept
    }

    /// <summary>What a channel was given stays as it was, though the object is changed.</summary>
    [Fact]
    public async Task Later_changes_of_the_config_have_no_effect()
    {
        OutlierDetectionConfig config = Failures(new RoundRobinConfig());
        await using MiniChannel channel = await ConnectAsync(config);
        config.FailurePercentageEjection!.Threshold = 100;
        config.FailurePercentageEjection = null;
        config.ChildPolicies.Clear();
        FailAt(1);
        await _backends.Resolver.FindAsync(_backends.Addresses);
        Assert.Equal(2, await CountFailuresAsync(channel, 6));
        await PassAsync(channel, s_interval);
        Assert.Equal(0, await CountFailuresAsync(channel, 6));
    }

    private static OutlierDetectionConfig Failures(LoadBalancingConfig child, LoadBalancingConfig? second = null, int threshold = 50, int volume = 2)
    {
        var config = new OutlierDetectionConfig
        {
            MaxEjectionPercent = 100,
            FailurePercentageEjection = new FailurePercentageEjection { MinimumHosts = 1, RequestVolume = volume, Threshold = threshold },
            ChildPolicies = { child },
        };
        if (second is not null)
        {
            config.ChildPolicies.Add(second);
        }

        return config;
    }

    private async Task<MiniChannel> ConnectAsync(
        LoadBalancingConfig policy, int addresses = 3, int? ready = null, bool wait = true, Action<MiniChannelOptions>? configure = null)
    {
        await _backends.StartAsync([.. Enumerable.Range(0, addresses)]);
        MiniChannel channel = _backends.Channel(policy, options =>
        {
            options.TimeProvider = _time;
            configure?.Invoke(options);
        });
        channel.Core.RequestConnection();
        await _backends.Resolver.FindAsync(_backends.Addresses[..addresses]);
        if (wait)
        {
            await Eventually.IsTrueAsync(() => channel.Core.Connections.Count(connection => connection.WasReady) == (ready ?? addresses), "all to be connected");
            await Settling.OfAsync(channel);
        }

        return channel;
    }

    private async Task UseAsync(MiniChannel channel, LoadBalancingConfig policy)
    {
        await _backends.Resolver.FindAsync(ResolverResult.ForResult(_backends.Addresses, new ServiceConfig { LoadBalancingConfigs = { policy } }));
        await Settling.OfAsync(channel);
    }

    private async Task PassAsync(MiniChannel channel, TimeSpan time)
    {
        _time.Advance(time);
        await Settling.OfAsync(channel);
        await Settling.OfAsync(channel); // what that has brought about
    }

    private void FailAt(params int[] servers)
    {
        foreach (int server in servers)
        {
            _backends.Services[server].Unary = (_, _) => throw new RpcException(new Status(StatusCode.Internal, "broken"));
        }
    }

    private static async Task<int> CountFailuresAsync(MiniChannel channel, int calls)
    {
        int failures = 0;
        for (int i = 0; i < calls; i++)
        {
            try
            {
                await Backends.AskAsync(channel);
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.Internal)
            {
                failures++;
            }
        }

        return failures;
    }

    private sealed class OtherRoundRobin : LoadBalancerFactory
    {
        public override string Name => "other";

        public override LoadBalancer Create(LoadBalancerOptions options) => new RoundRobin(options);
    }
}
