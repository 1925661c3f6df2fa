using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using MiniGrpc.Client;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Client.Resolving;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Balancing;

/// <summary>The policy outlier_detection_experimental (gRFC A50) in a channel: what is counted, when it is looked at, and what becomes of those that are ejected.</summary>
public sealed partial class OutlierDetectionTests : IAsyncDisposable
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

    /// <summary>Who sees an ejection may count on its end: the next interval runs from the end of the last, however long looking at it takes.</summary>
    [Fact]
    public async Task The_next_interval_runs_while_the_last_one_is_looked_at()
    {
        var log = new LogLines(line => _time.Advance(line.Contains("was ejected", StringComparison.Ordinal) ? TimeSpan.FromSeconds(31) : TimeSpan.Zero));
        await using MiniChannel channel = await ConnectAsync(Failures(new RoundRobinConfig()), configure: options => options.LoggerFactory = log.Factory);
        FailAt(1);
        Assert.Equal(2, await CountFailuresAsync(channel, 6));
        await PassAsync(channel, s_interval);
        Assert.Single(log.Lines, line => line.Contains("is no longer ejected", StringComparison.Ordinal));
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

    /// <summary>The address has failed it, though the call goes on.</summary>
    [Fact]
    public async Task An_attempt_that_no_server_has_looked_at_counts()
    {
        await using var client = new TestChannel(options =>
        {
            options.TimeProvider = _time;
            options.ServiceConfig = new ServiceConfig { LoadBalancingConfigs = { Failures(new RoundRobinConfig(), threshold: 0, volume: 1) } };
        });
        Task<byte[]> call = client.Unary([1]).ResponseAsync;
        RawServer first = await client.StartAsync();
        await first.RequestAsync(1);
        await first.SendAsync(o => GoAwayFrame.Write(o, 0, ErrorCode.NoError));
        RawServer second = await client.StartAsync();
        await second.RequestAsync(1);
        await second.ReplyAsync(1, 1);
        await RawPeer.Within(call, "the response");
        await PassAsync(client.Channel, s_interval);
        await TestChannel.AssertFailsAsync(client.Unary([1]).ResponseAsync, StatusCode.Unavailable, "1 of its last 2 calls failed");
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
        await Settling.ConnectedAsync(channel, 3);
        Assert.Equal(2, await CountFailuresAsync(channel, 6));
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
            await Settling.ConnectedAsync(channel, ready ?? addresses);
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
}
