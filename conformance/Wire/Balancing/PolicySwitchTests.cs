using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Client.Balancing;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Client.Resolving;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Conformance.Wire.Balancing;

/// <summary>From one policy to another: the old one serves until the new one can, has failed, or the old one can't any more.</summary>
public sealed class PolicySwitchTests : IAsyncDisposable
{
    private static readonly ServiceConfig s_roundRobin = new() { LoadBalancingConfigs = { new RoundRobinConfig() } };
    private readonly Backends _backends = new(3);
    private readonly TimerCensus _time = new();

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
    public async Task The_new_one_takes_over_at_once_when_the_old_one_is_not_connected()
    {
        await using SilentServers silent = new(_backends, 0, 1);
        await using MiniChannel channel = Channel();
        using CancellationTokenSource cancellation = new();
        Task<int> call = Backends.AskAsync(channel, new CallOptions(cancellationToken: cancellation.Token));
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        ITransport old = await silent.ConnectionAsync(0);
        await SwitchAsync(silent, 1);
        await SilentServers.AssertClosedAsync(old);
        Assert.False(call.IsCompleted);
        await cancellation.CancelAsync();
        await TestChannel.AssertFailsAsync(call, StatusCode.Cancelled, "");
    }

    /// <summary>A call wakes the old one, which is idle, and is not there any more when it comes to that.</summary>
    [Fact]
    public async Task The_old_one_is_not_woken_any_more()
    {
        await using SilentServers silent = new(_backends, 2);
        await _backends.StartAsync(0, 1);
        await using MiniChannel channel = Channel();
        Task<int> first = Backends.AskAsync(channel);
        await _backends.Resolver.FindAsync(_backends.Addresses[0], _backends.Addresses[2]);
        Assert.Equal(0, await first);
        await _backends.StopAsync(0);
        await Eventually.IsTrueAsync(() => channel.State == ConnectivityState.Idle, "the loss to be noticed");
        Task<ITransport?> woken = silent.AcceptAsync(0);
        Task<int> call;
        using (await Hold.OnAsync(channel))
        {
            await _backends.Resolver.FindAsync(ResolverResult.ForResult([_backends.Addresses[1]], s_roundRobin));
            call = Backends.AskAsync(channel);
        }

        Assert.Equal(1, await call);
        _time.Advance(PickFirst.AttemptDelay);
        for (int i = 0; i < 3; i++)
        {
            await Settling.OfAsync(channel);
        }

        Assert.False(woken.IsCompleted);
        Assert.Equal(1, _time.MadeBy<PickFirst>()); // when there was a second address to try, at first
    }

    [Fact]
    public async Task A_channel_that_becomes_idle_lets_go_of_both()
    {
        await using SilentServers silent = new(_backends, 1);
        await using MiniChannel channel = await ConnectAsync(configure: options => options.IdleTimeout = TimeSpan.FromSeconds(1));
        ITransport connection = await SwitchAsync(silent);
        for (int i = 0; i < 2; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            await Settling.OfAsync(channel);
        }

        Assert.Equal(ConnectivityState.Idle, channel.State);
        await SilentServers.AssertClosedAsync(connection);
        await Eventually.IsTrueAsync(() => channel.Core.Connections.Count == 0, "the old one's connection to be closed");
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

    /// <summary>The built-in ones go on with the addresses that they have; one of the user's may want to know.</summary>
    [Fact]
    public async Task A_look_up_that_fails_is_told_to_the_new_one()
    {
        var users = new UsersPolicy { IsSilent = true };
        await using MiniChannel channel = await ConnectAsync(configure: options => options.LoadBalancerFactories.Add(users));
        await _backends.Resolver.FindAsync(ResolverResult.ForResult([_backends.Addresses[1]], new ServiceConfig { LoadBalancingConfigs = { new LoadBalancingConfig(users.Name) } }));
        await _backends.Resolver.FindAsync(ResolverResult.ForFailure(new Status(StatusCode.Unavailable, "nobody knows")));
        await Settling.OfAsync(channel);
        Assert.Equal([null, "nobody knows"], users.Updates.Select(update => update.Failure?.Detail));
        Assert.Equal((int[])[0, 0], await Backends.AskAsync(channel, 2)); // for as long as the new one says nothing
    }

    /// <summary>A config that names no policy there is is a failure of the look-up: it takes nothing away.</summary>
    [Theory]
    [InlineData("pick_first")]
    [InlineData("round_robin")]
    public async Task A_config_without_a_policy_that_there_is_changes_nothing(string policy)
    {
        await using MiniChannel channel = await ConnectAsync(new LoadBalancingConfig(policy));
        await _backends.Resolver.FindAsync(ResolverResult.ForResult([_backends.Addresses[1]], new ServiceConfig { LoadBalancingConfigs = { new LoadBalancingConfig("unheard_of") } }));
        await Settling.OfAsync(channel);
        Assert.Equal((int[])[0, 0], await Backends.AskAsync(channel, 2));
    }

    private MiniChannel Channel(LoadBalancingConfig? policy = null, Action<MiniChannelOptions>? configure = null) => _backends.Channel(policy, options =>
    {
        options.TimeProvider = _time;
        configure?.Invoke(options);
    });

    /// <summary>A channel whose policy, pick_first by default, is connected to the first server.</summary>
    private async Task<MiniChannel> ConnectAsync(LoadBalancingConfig? policy = null, Action<MiniChannelOptions>? configure = null)
    {
        await _backends.StartAsync(0);
        MiniChannel channel = Channel(policy, configure);
        await _backends.ServeAsync(channel);
        return channel;
    }

    /// <summary>Has round_robin connect to a silent server.</summary>
    private async Task<ITransport> SwitchAsync(SilentServers silent, int index = 0)
    {
        await _backends.Resolver.FindAsync(ResolverResult.ForResult([_backends.Addresses[1]], s_roundRobin));
        return await silent.ConnectionAsync(index);
    }
}
