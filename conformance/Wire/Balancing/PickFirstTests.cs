using System.Net;
using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using MiniGrpc.Client;
using MiniGrpc.Client.Balancing;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Client.Resolving;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Conformance.Wire.Engine.Client;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Conformance.Wire.Balancing;

/// <summary>The policy pick_first (gRFCs A61 and A62): one address serves all calls.</summary>
public sealed class PickFirstTests : IAsyncDisposable
{
    private readonly Backends _backends = new(3);

    public ValueTask DisposeAsync() => _backends.DisposeAsync();

    [Fact]
    public async Task The_first_that_can_be_connected_to_gets_all_calls()
    {
        await _backends.StartAsync(1, 2);
        await using MiniChannel channel = _backends.Channel();
        Task<int[]> answers = Backends.AskAsync(channel, 3);
        await _backends.Resolver.FindAsync(_backends.Addresses);
        Assert.Equal((int[])[1, 1, 1], await answers);
        Assert.Single(channel.Core.Connections);
    }

    [Fact]
    public async Task When_the_connection_is_lost_the_addresses_are_looked_up_and_tried_again()
    {
        await _backends.StartAsync(0, 1);
        await using MiniChannel channel = _backends.Channel();
        Task<int> first = Backends.AskAsync(channel);
        await _backends.Resolver.FindAsync(_backends.Addresses);
        Assert.Equal(0, await first);
        await _backends.StopAsync(0);
        await RawPeer.Within(channel.WaitForStateChangedAsync(ConnectivityState.Ready, TestContext.Current.CancellationToken), "the loss to be noticed");
        await Settling.OfAsync(channel);
        Assert.Equal(ConnectivityState.Idle, channel.State);
        Assert.Equal(1, _backends.Resolver.Refreshes);
        Assert.Equal((int[])[1, 1], await Backends.AskAsync(channel, 2));
    }

    [Fact]
    public async Task When_all_have_failed_calls_fail_at_once_until_one_has_answered()
    {
        var time = new BackoffClock();
        await using MiniChannel channel = _backends.Channel(configure: options => options.TimeProvider = time);
        Task failed = Backends.FailAsync(channel, StatusCode.Unavailable, "can't connect to memory:backend 1");
        await _backends.Resolver.FindAsync(_backends.Addresses[..2]);
        await failed;
        Assert.Equal(ConnectivityState.TransientFailure, channel.State);
        await time.IsArmedAsync();
        await time.IsArmedAsync();
        await Settling.OfAsync(channel);
        Assert.Equal(1, _backends.Resolver.Refreshes);

        await _backends.StartAsync(0);
        await Backends.FailAsync(channel, StatusCode.Unavailable, "no server listens there");
        time.Advance(TimeSpan.FromSeconds(1.3));
        await RawPeer.Within(channel.ConnectAsync(TestContext.Current.CancellationToken), "the channel to connect");
        Assert.Equal(0, await Backends.AskAsync(channel));
    }

    /// <summary>A61: an address that swallows everything costs 250 ms.</summary>
    [Fact]
    public async Task An_address_that_does_not_answer_holds_the_next_one_up_for_a_moment_only()
    {
        var time = new FakeTimeProvider();
        await using ITransportListener silent = _backends.EndPoint(0).Listen();
        await _backends.StartAsync(1);
        await using MiniChannel channel = _backends.Channel(configure: options => options.TimeProvider = time);
        Task<int> answer = Backends.AskAsync(channel);
        await _backends.Resolver.FindAsync(_backends.Addresses[..2]);
        ITransport? swallowed = await RawPeer.Within(silent.AcceptAsync().AsTask(), "the first address to be tried");
        time.Advance(PickFirst.AttemptDelay - TimeSpan.FromMilliseconds(1));
        Assert.False(answer.IsCompleted);
        time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(1, await answer);
        await Eventually.IsTrueAsync(() => channel.Core.Connections.Count == 1, "the other attempt to be given up");
        swallowed!.Abort();
    }

    [Fact]
    public async Task What_works_is_kept_when_other_addresses_come()
    {
        await _backends.StartAsync(0, 1);
        await using MiniChannel channel = _backends.Channel();
        await _backends.ServeAsync(channel);
        await _backends.Resolver.FindAsync(_backends.Addresses[1], _backends.Addresses[0]);
        Assert.Equal((int[])[0, 0], await Backends.AskAsync(channel, 2));
    }

    [Fact]
    public async Task An_address_that_is_gone_serves_the_calls_under_way_and_no_more()
    {
        await _backends.StartAsync(0, 1);
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var release = new TaskCompletionSource<byte[]>(TaskCreationOptions.RunContinuationsAsynchronously);
        _backends.Services[0].Unary = (_, _) =>
        {
            started.SetResult();
            return release.Task;
        };
        await using MiniChannel channel = _backends.Channel();
        Task<int> underWay = Backends.AskAsync(channel);
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        await RawPeer.Within(started.Task, "the call to arrive");
        await _backends.Resolver.FindAsync(_backends.Addresses[1]);
        await Eventually.IsTrueAsync(() => channel.Core.Connections.Count == 2, "the new address to be connected to");
        Assert.Equal(1, await Backends.AskAsync(channel));
        release.SetResult([9]);
        Assert.Equal(9, await underWay);
        await Eventually.IsTrueAsync(() => channel.Core.Connections.Count == 1, "the old connection to end with its last call");
    }

    [Fact]
    public async Task No_addresses_are_a_failure_and_so_is_a_look_up_that_fails()
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = _backends.Channel();
        Task failed = Backends.FailAsync(channel, StatusCode.Unavailable, "nobody knows");
        await _backends.Resolver.FindAsync(ResolverResult.ForFailure(new Status(StatusCode.Unavailable, "nobody knows")));
        await failed;
        await _backends.Resolver.FindAsync();
        await Eventually.IsTrueAsync(() => channel.State == ConnectivityState.TransientFailure, "the channel to fail");
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        await RawPeer.Within(channel.ConnectAsync(TestContext.Current.CancellationToken), "the channel to connect");
        await _backends.Resolver.FindAsync(ResolverResult.ForFailure(new Status(StatusCode.Unavailable, "nobody knows")));
        Assert.Equal(0, await Backends.AskAsync(channel)); // what is known is kept
    }

    /// <summary>gRFC A62: many clients that know the same addresses don't all go to the first one.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_config_that_says_so_has_the_addresses_shuffled(bool shuffles)
    {
        await _backends.StartAsync(0, 1);
        var answers = new HashSet<int>();
        for (int seed = 0; seed < 10; seed++)
        {
            var backends = new HandResolver();
            await using MiniChannel channel = MiniChannel.ForAddress("hand:///backends", new MiniChannelOptions
            {
                ResolverFactories = { backends },
                ServiceConfig = new ServiceConfig { LoadBalancingConfigs = { new PickFirstConfig { ShuffleAddressList = shuffles } } },
                Random = new Random(seed),
            });
            Task<int> call = Backends.AskAsync(channel);
            await backends.FindAsync(_backends.Addresses[..2]);
            answers.Add(await call);
        }

        Assert.Equal(shuffles ? 2 : 1, answers.Count);
    }

    [Fact]
    public void Families_take_turns_and_repetitions_are_left_out()
    {
        BalancerAddress[] addresses = [.. new[] { "[::1]:1", "[::2]:1", "[::1]:1", "[::3]:1", "1.0.0.1:1", "1.0.0.2:1" }.Select(text => new BalancerAddress(IPEndPoint.Parse(text)))];
        Assert.Equal(
            ["ipv6:[::1]:1", "ipv4:1.0.0.1:1", "ipv6:[::2]:1", "ipv4:1.0.0.2:1", "ipv6:[::3]:1"],
            AddressOrder.Of(addresses, shuffle: null).Select(address => address.ToString()));
    }

    [Fact]
    public void Shuffling_puts_any_address_first_and_loses_none()
    {
        BalancerAddress[] addresses = [.. Enumerable.Range(1, 4).Select(i => new BalancerAddress(new IPEndPoint(i, 1)))];
        var random = new Random(1);
        var first = new HashSet<BalancerAddress>();
        for (int i = 0; i < 100; i++)
        {
            List<BalancerAddress> shuffled = AddressOrder.Of(addresses, random);
            Assert.Equal(addresses.ToHashSet(), shuffled.ToHashSet());
            first.Add(shuffled[0]);
        }

        Assert.Equal(4, first.Count);
    }
}
