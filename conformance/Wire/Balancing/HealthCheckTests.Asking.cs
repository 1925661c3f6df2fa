using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Text;
using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Client.Balancing.HealthChecking;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Client.Resolving;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Conformance.Wire.Engine.Client;

namespace MiniGrpc.Conformance.Wire.Balancing;

/// <content>Whether a channel asks, for which service, and what goes with the question.</content>
public sealed partial class HealthCheckTests
{
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

    [Fact]
    public async Task The_same_service_in_another_config_is_not_asked_for_anew()
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = await StartAsync(addresses: 1);
        HandWatch watch = await First.NextAsync(HandHealth.Serving);
        await ReachesAsync(channel, ConnectivityState.Ready);
        await FindAsync(channel, Service);
        Assert.Equal(ConnectivityState.Ready, channel.State);
        Assert.Equal((int[])[0, 0], await Backends.AskAsync(channel, 2));
        Assert.Equal(0, First.Unseen);
        await watch.SayAsync(HandHealth.NotServing);
        await ReachesAsync(channel, ConnectivityState.TransientFailure);
    }

    /// <summary>Nobody is connected who could be asked, so it is the first question of the next connection.</summary>
    [Fact]
    public async Task Another_service_while_there_is_no_connection_is_asked_for_by_the_next()
    {
        var time = new BackoffClock();
        var log = new LogLines();
        await using MiniChannel channel = await StartAsync(addresses: 1, configure: options =>
        {
            options.TimeProvider = time;
            options.LoggerFactory = log.Factory;
        });
        await time.IsArmedAsync();
        await ReachesAsync(channel, ConnectivityState.TransientFailure);
        await FindAsync(channel, "c.D");
        await _backends.StartAsync(0);
        time.Advance(TimeSpan.FromSeconds(1.3));
        HandWatch watch = await First.NextAsync(HandHealth.Serving);
        Assert.Equal("\n\u0003c.D", Encoding.UTF8.GetString(watch.Request));
        await ReachesAsync(channel, ConnectivityState.Ready);
        Assert.Equal(0, await Backends.AskAsync(channel));
        Assert.Equal(0, First.Unseen);
        Assert.DoesNotContain(log.Lines, line => line.StartsWith("Error", StringComparison.Ordinal));
    }

    /// <summary>A timer that runs late, when its watch has been replaced, starts it no more.</summary>
    [Fact]
    public async Task A_wait_that_is_over_when_another_service_is_asked_for_starts_nothing()
    {
        var time = new HandTimers();
        await _backends.StartAsync(0);
        await using MiniChannel channel = await StartAsync(addresses: 1, configure: options => options.TimeProvider = time);
        (await First.NextAsync()).End(s_down);
        await ReachesAsync(channel, ConnectivityState.TransientFailure);
        await Settling.OfAsync(channel);
        HandTimer late = time.TimerOf<HealthWatch>();
        await FindAsync(channel, "c.D");
        await First.NextAsync(HandHealth.Serving);
        await ReachesAsync(channel, ConnectivityState.Ready);
        Assert.True(late.IsDisposed);
        late.Fire();
        await Settling.OfAsync(channel);
        Assert.Equal((int[])[0, 0, 0, 0], await Backends.AskAsync(channel, 4));
        Assert.Equal(0, First.Unseen);
    }

    /// <summary>It ends, and nobody wants to know: no other is started in its place, nor waited for.</summary>
    [Fact]
    public async Task A_watch_that_was_cancelled_is_not_repeated()
    {
        var time = new TimerCensus();
        await _backends.StartAsync(0);
        await using MiniChannel channel = await StartAsync(addresses: 1, configure: options => options.TimeProvider = time);
        HandWatch old = await First.NextAsync();
        await FindAsync(channel, "c.D");
        await old.CancelledAsync();
        await First.NextAsync(HandHealth.Serving);
        await ReachesAsync(channel, ConnectivityState.Ready);
        Assert.Equal((int[])[0, 0, 0, 0], await Backends.AskAsync(channel, 4));
        await Settling.OfAsync(channel);
        Assert.Equal(0, First.Unseen);
        Assert.Equal(0, time.MadeBy<HealthWatch>());
    }

    /// <summary>Metrics are of the calls that a program makes.</summary>
    [Fact]
    public async Task Who_listens_to_metrics_hears_nothing_of_it()
    {
        var told = new ConcurrentQueue<string>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument.Meter.Name == "MiniGrpc" && instrument.Name.StartsWith("grpc.client.", StringComparison.Ordinal))
                {
                    self.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((_, _, tags, _) => told.Enqueue(string.Join(' ', tags.ToArray())));
        listener.SetMeasurementEventCallback<double>((_, _, tags, _) => told.Enqueue(string.Join(' ', tags.ToArray())));
        listener.Start();
        await _backends.StartAsync(0);
        await using MiniChannel channel = await StartAsync(addresses: 1);
        (await First.NextAsync(HandHealth.Serving)).End();
        await First.NextAsync(HandHealth.Serving);
        await ReachesAsync(channel, ConnectivityState.Ready);
        Assert.Equal(0, await Backends.AskAsync(channel));
        Assert.Contains(told, tags => tags.Contains("test/Unary", StringComparison.Ordinal));
        Assert.DoesNotContain(told, tags => tags.Contains("Watch", StringComparison.Ordinal));
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

    /// <summary>Credentials are a user's code, which may take its time: the channel goes on meanwhile.</summary>
    [Fact]
    public async Task Credentials_that_block_hold_up_nothing_but_the_watch()
    {
        using var entered = new ManualResetEventSlim();
        using var go = new ManualResetEventSlim();
        await _backends.StartAsync(0);
        await using MiniChannel channel = await StartAsync(addresses: 1, configure: options =>
        {
            options.UnsafeUseInsecureChannelCallCredentials = true;
            options.CallCredentials = CallCredentials.FromInterceptor((context, _) =>
            {
                if (context.MethodName == "Watch")
                {
                    entered.Set();
                    Assert.True(go.Wait(RawPeer.Patience), "the test goes on");
                }

                return Task.CompletedTask;
            });
        });
        Assert.True(entered.Wait(RawPeer.Patience, TestContext.Current.CancellationToken), "the credentials are asked for");
        await Settling.OfAsync(channel);
        go.Set();
        await First.NextAsync(HandHealth.Serving);
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

    /// <summary>The resolver finds the first server again, with a config that names the service.</summary>
    private async Task FindAsync(MiniChannel channel, string service)
    {
        await _backends.Resolver.FindAsync(ResolverResult.ForResult(_backends.Addresses[..1], Config(service, new RoundRobinConfig())));
        await Settling.OfAsync(channel);
    }
}
