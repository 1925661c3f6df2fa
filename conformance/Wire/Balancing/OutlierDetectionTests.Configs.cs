using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Client.Balancing;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Client.Resolving;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Wire.Calls;

namespace MiniGrpc.Conformance.Wire.Balancing;

/// <content>Its config, which may change, and the policy below it.</content>
public sealed partial class OutlierDetectionTests
{
    /// <summary>"If both the success_rate_ejection and failure_percentage_ejection fields are unset, the picker should not do that counting."</summary>
    [Fact]
    public async Task Without_an_algorithm_nothing_is_counted()
    {
        await using MiniChannel channel = await ConnectAsync(new OutlierDetectionConfig { ChildPolicies = { new RoundRobinConfig() } });
        Assert.Equal(3, channel.Core.Connections.Count);
        AssertNothingIsCounted(channel);
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
        AssertNothingIsCounted(channel);
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

    /// <summary>The timer has rung, but a config that came before it says otherwise.</summary>
    [Fact]
    public async Task An_interval_that_has_just_become_longer_is_not_over()
    {
        await using MiniChannel channel = await ConnectAsync(Failures(new RoundRobinConfig()));
        FailAt(1);
        Assert.Equal(2, await CountFailuresAsync(channel, 6));
        using var go = new ManualResetEventSlim();
        channel.Core.Post(() => Assert.True(go.Wait(RawPeer.Patience), "the test goes on"));
        OutlierDetectionConfig longer = Failures(new RoundRobinConfig());
        longer.Interval = TimeSpan.FromSeconds(15);
        await _backends.Resolver.FindAsync(ResolverResult.ForResult(_backends.Addresses, new ServiceConfig { LoadBalancingConfigs = { longer } }));
        _time.Advance(s_interval);
        go.Set();
        await PassAsync(channel, TimeSpan.Zero);
        Assert.Equal(2, await CountFailuresAsync(channel, 6));
        await PassAsync(channel, TimeSpan.FromSeconds(5));
        Assert.Equal(0, await CountFailuresAsync(channel, 6));
    }

    /// <summary>Each interval begins when the one before it is over.</summary>
    [Fact]
    public async Task A_later_interval_goes_on_like_the_first()
    {
        await using MiniChannel channel = await ConnectAsync(Failures(new RoundRobinConfig()));
        await PassAsync(channel, s_interval);
        FailAt(1);
        Assert.Equal(2, await CountFailuresAsync(channel, 6));
        await PassAsync(channel, TimeSpan.FromSeconds(4));
        await UseAsync(channel, Failures(new RoundRobinConfig()));
        await PassAsync(channel, TimeSpan.FromSeconds(5));
        Assert.Equal(2, await CountFailuresAsync(channel, 6));
        await PassAsync(channel, TimeSpan.FromSeconds(1));
        Assert.Equal(0, await CountFailuresAsync(channel, 6));
    }

    /// <summary>An interval of nothing is allowed, and would be nothing but load.</summary>
    [Fact]
    public async Task No_interval_is_shorter_than_a_millisecond()
    {
        OutlierDetectionConfig config = Failures(new RoundRobinConfig());
        config.Interval = TimeSpan.Zero;
        await using MiniChannel channel = await ConnectAsync(config);
        FailAt(1);
        Assert.Equal(2, await CountFailuresAsync(channel, 6));
        await PassAsync(channel, TimeSpan.Zero);
        Assert.Equal(2, await CountFailuresAsync(channel, 6));
        await PassAsync(channel, TimeSpan.FromMilliseconds(1));
        Assert.Equal(0, await CountFailuresAsync(channel, 6));
    }

    /// <summary>What is not shown of it is not in its way either.</summary>
    [Fact]
    public async Task Pick_first_notices_that_its_server_is_gone_though_that_was_ejected()
    {
        await using MiniChannel channel = await ConnectAsync(Failures(new PickFirstConfig()), ready: 1);
        FailAt(0);
        Assert.Equal(6, await CountFailuresAsync(channel, 6));
        await PassAsync(channel, s_interval);
        int refreshes = _backends.Resolver.Refreshes;
        await _backends.StopAsync(0);
        await Eventually.IsTrueAsync(() => channel.State == ConnectivityState.Idle, "the policy to notice");
        await Settling.OfAsync(channel);
        Assert.Equal(refreshes + 1, _backends.Resolver.Refreshes);
        await RawPeer.Within(channel.ConnectAsync(TestContext.Current.CancellationToken), "the channel to connect to another");
        Assert.Equal(1, await Backends.AskAsync(channel));
    }

    [Fact]
    public async Task Another_policy_in_its_place_leaves_nothing_of_it()
    {
        var time = new HandTimers();
        await using MiniChannel channel = await ConnectAsync(Failures(new RoundRobinConfig()), configure: options => options.TimeProvider = time);
        HandTimer interval = time.TimerOf<Deadline>();
        Assert.False(interval.IsDisposed);
        Assert.Equal(0, await CountFailuresAsync(channel, 6));
        await UseAsync(channel, new RoundRobinConfig());
        await Eventually.IsTrueAsync(
            () => channel.Core.Connections.Count == 3 && channel.Core.Connections.All(connection => connection.WasReady && connection.CallsStarted == 0),
            "the new policy's connections to be all that there are");
        Assert.True(interval.IsDisposed);
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
        await Eventually.IsTrueAsync(
            () => channel.Core.Connections.Count(connection =>
                connection is { CallsStarted: 0, Owner: Subchannel { State: ConnectivityState.Ready or ConnectivityState.TransientFailure } }) == 3,
            "the other policy to connect");
        await Settling.OfAsync(channel);
        Assert.Equal(0, await CountFailuresAsync(channel, 6));
        await PassAsync(channel, TimeSpan.FromSeconds(31));
        await PassAsync(channel, s_interval);
        Assert.Equal(2, await CountFailuresAsync(channel, 6));
    }

    [Fact]
    public async Task Another_child_policy_finds_out_that_all_are_ejected()
    {
        await using MiniChannel channel = await ConnectAsync(
            Failures(new RoundRobinConfig()), configure: options => options.LoadBalancerFactories.Add(new OtherRoundRobin()));
        FailAt(0, 1, 2);
        Assert.Equal(6, await CountFailuresAsync(channel, 6));
        await PassAsync(channel, s_interval);
        await UseAsync(channel, Failures(new LoadBalancingConfig("other")));
        await Settling.OfAsync(channel);
        await Backends.FailAsync(channel, StatusCode.Unavailable, "was ejected (outlier detection)");
        Assert.Equal(ConnectivityState.TransientFailure, channel.State);
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

    private static void AssertNothingIsCounted(MiniChannel channel) =>
        Assert.All(channel.Core.Connections, connection => Assert.Null(Assert.IsType<Subchannel>(connection.Owner).CallCounter));

    private sealed class OtherRoundRobin : LoadBalancerFactory
    {
        public override string Name => "other";

        public override LoadBalancer Create(LoadBalancerOptions options) => new RoundRobin(options);
    }
}
