using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Client.Resolving;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Conformance.Wire.Engine.Client;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Conformance.Wire.Balancing;

/// <summary>From one policy to another: the old one serves until the new one can, has failed, or the old one can't any more.</summary>
public sealed class PolicySwitchTests : IAsyncDisposable
{
    private static readonly ServiceConfig s_roundRobin = new() { LoadBalancingConfigs = { new RoundRobinConfig() } };
    private readonly Backends _backends = new(3);
    private readonly BackoffClock _time = new();

    public ValueTask DisposeAsync() => _backends.DisposeAsync();

    [Fact]
    public async Task The_old_one_serves_while_the_new_one_connects_and_until_that_has_failed()
    {
        await using SilentServers silent = new(_backends, 1);
        await using MiniChannel channel = await ConnectAsync();
        ITransport connection = await SwitchAsync(silent);
        Assert.Equal((int[])[0, 0], await Backends.AskAsync(channel, 2));
        Assert.Equal(ConnectivityState.Ready, channel.State);
        connection.Abort();
        await _time.IsArmedAsync();
        await Settling.OfAsync(channel);
        Assert.Equal(ConnectivityState.TransientFailure, channel.State);
        await Eventually.IsTrueAsync(() => channel.Core.Connections.Count == 0, "the old one's connection to be closed");
        await Assert.ThrowsAsync<RpcException>(() => Backends.AskAsync(channel));
    }

    [Fact]
    public async Task The_new_one_takes_over_when_it_has_connected()
    {
        await _backends.StartAsync(1);
        await using MiniChannel channel = await ConnectAsync();
        await _backends.Resolver.FindAsync(ResolverResult.ForResult([_backends.Addresses[1]], s_roundRobin));
        await RawPeer.Within(AnswersAsync(1), "the new one to serve");

        async Task AnswersAsync(int expected)
        {
            while (await Backends.AskAsync(channel) != expected)
            {
                await Settling.OfAsync(channel);
            }
        }

        Assert.Equal((int[])[1, 1], await Backends.AskAsync(channel, 2));
    }

    [Fact]
    public async Task The_new_one_takes_over_when_the_old_one_has_nothing_to_lose()
    {
        await using SilentServers silent = new(_backends, 1);
        await using MiniChannel channel = await ConnectAsync();
        await SwitchAsync(silent);
        await _backends.StopAsync(0);
        await Eventually.IsTrueAsync(() => channel.State != ConnectivityState.Ready, "the loss to be noticed");
        Assert.Equal(ConnectivityState.Connecting, channel.State); // the old one would be idle
        using CancellationTokenSource cancellation = new();
        Task<int> call = Backends.AskAsync(channel, new CallOptions(cancellationToken: cancellation.Token));
        await Settling.OfAsync(channel);
        Assert.False(call.IsCompleted);
        await cancellation.CancelAsync();
        await TestChannel.AssertFailsAsync(call, StatusCode.Cancelled, "");
    }

    [Fact]
    public async Task One_that_is_not_wanted_any_more_before_it_could_serve_leaves_nothing()
    {
        await using SilentServers silent = new(_backends, 1);
        await using MiniChannel channel = await ConnectAsync();
        ITransport connection = await SwitchAsync(silent);
        await _backends.Resolver.FindAsync(_backends.Addresses[0]); // pick_first again, as the channel has it
        await SilentServers.AssertClosedAsync(connection);
        await Eventually.IsTrueAsync(() => channel.Core.Connections.Count == 1, "one connection to be left");
        Assert.Equal((int[])[0, 0], await Backends.AskAsync(channel, 2));
    }

    [Fact]
    public async Task Addresses_and_failures_go_to_the_new_one()
    {
        await using SilentServers silent = new(_backends, 1, 2);
        await using MiniChannel channel = await ConnectAsync();
        ITransport first = await SwitchAsync(silent);
        Task<ITransport?> again = silent.AcceptAsync(0);
        await _backends.Resolver.FindAsync(ResolverResult.ForResult([_backends.Addresses[1], _backends.Addresses[2]], s_roundRobin));
        ITransport second = await silent.ConnectionAsync(1);
        Assert.False(again.IsCompleted); // the same policy, the same connection
        await _backends.Resolver.FindAsync(ResolverResult.ForFailure(new Status(StatusCode.Unavailable, "nobody knows")));
        await Settling.OfAsync(channel);
        Assert.Equal((int[])[0, 0], await Backends.AskAsync(channel, 2));
        first.Abort();
        await _time.IsArmedAsync();
        await Settling.OfAsync(channel);
        Assert.Equal(0, await Backends.AskAsync(channel));
        second.Abort();
        await _time.IsArmedAsync();
        await Settling.OfAsync(channel);
        await Assert.ThrowsAsync<RpcException>(() => Backends.AskAsync(channel));
    }

    /// <summary>A config that names no policy there is is a failure of the look-up: it takes nothing away.</summary>
    [Fact]
    public async Task A_config_without_a_policy_that_there_is_changes_nothing()
    {
        await using MiniChannel channel = await ConnectAsync();
        await _backends.Resolver.FindAsync(ResolverResult.ForResult([_backends.Addresses[1]], new ServiceConfig { LoadBalancingConfigs = { new LoadBalancingConfig("unheard_of") } }));
        await Settling.OfAsync(channel);
        Assert.Equal((int[])[0, 0], await Backends.AskAsync(channel, 2));
    }

    /// <summary>A channel whose pick_first is connected to the first server.</summary>
    private async Task<MiniChannel> ConnectAsync()
    {
        await _backends.StartAsync(0);
        MiniChannel channel = _backends.Channel(configure: options => options.TimeProvider = _time);
        Task<int> first = Backends.AskAsync(channel);
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        Assert.Equal(0, await first);
        return channel;
    }

    /// <summary>Has round_robin connect to a silent server.</summary>
    private async Task<ITransport> SwitchAsync(SilentServers silent)
    {
        await _backends.Resolver.FindAsync(ResolverResult.ForResult([_backends.Addresses[1]], s_roundRobin));
        return await silent.ConnectionAsync(0);
    }
}
