using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Client.Balancing;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Conformance.Wire.Engine.Client;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Conformance.Wire.Balancing;

/// <summary>What was on its way when something else was decided: it comes too late, and must not undo that.</summary>
public sealed class CrossingEventsTests : IAsyncDisposable
{
    private readonly Backends _backends = new(3);
    private readonly BackoffClock _time = new();

    public ValueTask DisposeAsync() => _backends.DisposeAsync();

    /// <summary>Two find the channel idle and ask it to connect; the second request comes when the first has been fulfilled.</summary>
    [Fact]
    public async Task A_connected_channel_that_is_asked_to_connect_stays_so()
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = Channel();
        await _backends.ServeAsync(channel);
        channel.Core.RequestConnection();
        await Settling.OfAsync(channel);
        Assert.Equal(ConnectivityState.Ready, channel.State);
        Assert.Equal(0, await Backends.AskAsync(channel));
    }

    [Fact]
    public async Task A_moment_that_was_for_the_next_address_hurries_no_other_one()
    {
        await using SilentServers silent = new(_backends, 0, 1, 2);
        await using MiniChannel channel = Channel();
        channel.Core.RequestConnection();
        await _backends.Resolver.FindAsync(_backends.Addresses[..2]);
        await silent.ConnectionAsync(0);
        await Eventually.IsTrueAsync(() => channel.Core.Connections.Count == 1, "HTTP/2 to start");
        await Settling.OfAsync(channel);
        Task<ITransport?> third = silent.AcceptAsync(2);
        using (await Hold.OnAsync(channel))
        {
            await _backends.Resolver.FindAsync(_backends.Addresses[1..]);
            _time.Advance(PickFirst.AttemptDelay);
        }

        await silent.ConnectionAsync(1);
        for (int i = 0; i < 3; i++)
        {
            await Settling.OfAsync(channel);
        }

        Assert.False(third.IsCompleted);
    }

    [Fact]
    public async Task An_answer_of_an_address_that_is_gone_selects_nothing()
    {
        await using SilentServers silent = new(_backends, 0);
        await _backends.StartAsync(1);
        await using MiniChannel channel = Channel();
        Task<int> call = Backends.AskAsync(channel);
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        await using RawServer server = new(await silent.ConnectionAsync(0));
        await Eventually.IsTrueAsync(() => channel.Core.Connections.Count == 1, "HTTP/2 to start");
        using (await Hold.OnAsync(channel))
        {
            await _backends.Resolver.FindAsync(_backends.Addresses[1]);
            await AnswerAsync(server);
        }

        Assert.Equal(1, await call);
    }

    [Fact]
    public async Task The_loss_of_an_address_that_is_gone_has_nothing_looked_up()
    {
        await _backends.StartAsync(0, 1);
        await using MiniChannel channel = Channel(new RoundRobinConfig());
        Task connected = channel.ConnectAsync(TestContext.Current.CancellationToken);
        await _backends.Resolver.FindAsync(_backends.Addresses[..2]);
        await RawPeer.Within(connected, "the channel to connect");
        await Settling.ConnectedAsync(channel, 2);
        using (await Hold.OnAsync(channel))
        {
            await _backends.Resolver.FindAsync(_backends.Addresses[1]);
            await _backends.StopAsync(0);
            await Eventually.IsTrueAsync(() => channel.Core.Connections.Count == 1, "the connection to be lost");
        }

        Assert.Equal(1, await Backends.AskAsync(channel));
        await Settling.OfAsync(channel);
        Assert.Equal(0, _backends.Resolver.Refreshes);
    }

    /// <summary>Asking for the health of a service is a call, which asks the user's credentials. It would be one for nobody.</summary>
    [Fact]
    public async Task A_server_that_answers_after_its_subchannel_was_shut_down_is_not_asked_for_its_health()
    {
        ConcurrentQueue<string> asked = new();
        await using SilentServers silent = new(_backends, 0);
        await using MiniChannel channel = Channel(new RoundRobinConfig(), options =>
        {
            options.ServiceConfig!.HealthCheckServiceName = "a.B";
            options.UnsafeUseInsecureChannelCallCredentials = true;
            options.CallCredentials = CallCredentials.FromInterceptor((context, _) =>
            {
                asked.Enqueue(context.MethodName);
                return Task.CompletedTask;
            });
        });
        channel.Core.RequestConnection();
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        await using RawServer server = new(await silent.ConnectionAsync(0));
        await Eventually.IsTrueAsync(() => channel.Core.Connections.Count == 1, "HTTP/2 to start");
        Hold first = await Hold.OnAsync(channel);
        await _backends.Resolver.FindAsync(_backends.Addresses[1]); // where nobody listens
        using (Hold second = Hold.Behind(channel))
        {
            first.Dispose();
            await second.HasBegunAsync(); // what comes next is that the subchannel is shut down
            await AnswerAsync(server);
        }

        await server.DisposeAsync();
        await Eventually.IsTrueAsync(() => channel.Core.Connections.Count == 0, "the connection to be closed");
        await Settling.OfAsync(channel);
        Assert.Empty(asked);
    }

    /// <summary>The connection is lost a moment before nobody wants one any more: that is no reason to try the next address.</summary>
    [Fact]
    public async Task A_loss_that_a_policy_hears_of_when_it_is_over_connects_to_nobody()
    {
        await using SilentServers silent = new(_backends, 0, 1);
        await using MiniChannel channel = Channel();
        channel.Core.RequestConnection();
        await _backends.Resolver.FindAsync(_backends.Addresses[..2]);
        await using RawServer server = new(await silent.ConnectionAsync(0));
        await AnswerAsync(server);
        await Eventually.IsTrueAsync(() => channel.State == ConnectivityState.Ready, "the channel to be connected");
        Task<ITransport?> second = silent.AcceptAsync(1);
        using (await Hold.OnAsync(channel))
        {
            channel.Core.Post(() => EnterIdle(channel.Core));
            await server.DisposeAsync();
            await Eventually.IsTrueAsync(() => channel.Core.Connections.Count == 0, "the connection to be lost");
        }

        for (int i = 0; i < 3; i++)
        {
            await Settling.OfAsync(channel);
        }

        Assert.Equal(ConnectivityState.Idle, channel.State);
        Assert.False(second.IsCompleted);
    }

    /// <summary>Starts HTTP/2, and waits until the channel has taken note.</summary>
    private static async Task AnswerAsync(RawServer server)
    {
        await server.StartAsync();
        await server.RoundTripAsync();
    }

    private MiniChannel Channel(LoadBalancingConfig? policy = null, Action<MiniChannelOptions>? configure = null) => _backends.Channel(policy, options =>
    {
        options.TimeProvider = _time;
        configure?.Invoke(options);
    });

    [UnsafeAccessor(UnsafeAccessorKind.Method)]
    private static extern void EnterIdle(ChannelCore core);
}
