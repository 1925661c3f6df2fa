using System.Text;
using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Client.Resolving;
using MiniGrpc.Conformance.Wire.Engine;

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
}
