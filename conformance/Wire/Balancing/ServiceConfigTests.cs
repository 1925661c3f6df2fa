using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Client.Resolving;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Conformance.Wire.Engine.Client;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Conformance.Wire.Balancing;

/// <summary>Which policy balances the calls: the service config says, that of the resolver before that of the channel.</summary>
public sealed class ServiceConfigTests : IAsyncDisposable
{
    private readonly Backends _backends = new(2);

    public ValueTask DisposeAsync() => _backends.DisposeAsync();

    [Fact]
    public async Task A_resolvers_config_comes_first_and_goes_again()
    {
        await _backends.StartAsync(0, 1);
        await using MiniChannel channel = _backends.Channel();
        var roundRobin = new ServiceConfig { LoadBalancingConfigs = { new LoadBalancingConfig("unheard_of"), new RoundRobinConfig() } };
        Task connected = channel.ConnectAsync(TestContext.Current.CancellationToken);
        await _backends.Resolver.FindAsync(ResolverResult.ForResult(_backends.Addresses, roundRobin));
        await RawPeer.Within(connected, "the channel to connect");
        await Settling.ConnectedAsync(channel, 2);
        await Settling.OfAsync(channel);
        Assert.Equal((int[])[0, 1], (await Backends.AskAsync(channel, 2)).Order());

        await _backends.Resolver.FindAsync(_backends.Addresses); // pick_first, as the channel has it
        await Eventually.IsTrueAsync(() => channel.Core.Connections.Count == 1, "the other policy to take over");
        Assert.Single((await Backends.AskAsync(channel, 4)).Distinct());
    }

    [Fact]
    public async Task A_config_that_names_no_policy_there_is_fails_calls_with_the_names()
    {
        var log = new LogLines();
        await _backends.StartAsync(0);
        await using MiniChannel channel = _backends.Channel(configure: options => options.LoggerFactory = log.Factory);
        Task failed = Backends.FailAsync(channel, StatusCode.Unavailable, "no load-balancing policy that there is: unheard_of; there are pick_first, round_robin, outlier_detection_experimental");
        await _backends.Resolver.FindAsync(ResolverResult.ForResult(_backends.Addresses, new ServiceConfig { LoadBalancingConfigs = { new LoadBalancingConfig("unheard_of") } }));
        await failed;
        Assert.Contains(log.Lines, line => line.StartsWith("Error: The service config names no load-balancing policy", StringComparison.Ordinal)); // calls that wait for ready hear of nothing
    }

    /// <summary>The channel's own config is there to be looked at before any call is made.</summary>
    [Fact]
    public async Task A_channels_own_config_that_names_no_policy_there_is_is_refused()
    {
        InvalidOperationException refused = Assert.Throws<InvalidOperationException>(() => _backends.Channel(new LoadBalancingConfig("round_robbin")));
        Assert.Equal(
            "The service config is wrong: loadBalancingConfig: names no load-balancing policy that there is: round_robbin; there are pick_first, round_robin, outlier_detection_experimental.",
            refused.Message);
        await using MiniChannel newer = _backends.Channel(configure: options => options.ServiceConfig = new ServiceConfig
        {
            LoadBalancingConfigs = { new LoadBalancingConfig("newer_than_this"), new RoundRobinConfig() },
        });
    }

    [Fact]
    public async Task Timeouts_and_limits_of_a_method_hold()
    {
        await _backends.StartAsync(0);
        var config = ServiceConfig.Parse("""{"methodConfig": [{"name": [{}], "maxRequestMessageBytes": 10, "maxResponseMessageBytes": 10, "timeout": "0.000000001s"}, {"name": [{"service": "test", "method": "Spread"}], "maxResponseMessageBytes": 0}]}""");
        await using MiniChannel channel = _backends.Channel(configure: options => options.ServiceConfig = config);
        await Backends.FailAsync(channel, StatusCode.DeadlineExceeded, "");
        CallInvoker invoker = channel.CreateCallInvoker();
        using AsyncServerStreamingCall<byte[]> call = invoker.AsyncServerStreamingCall(TestService.ServerStreamingMethod, null, default, [1]);
        Task read = call.ResponseStream.MoveNext(CancellationToken.None);
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        await TestChannel.AssertFailsAsync(read, StatusCode.ResourceExhausted, "");
    }

    /// <summary>A resolver that says the same again, as after each look-up, doesn't make an overloaded server's clients forget that it is.</summary>
    [Theory]
    [InlineData(2, true)]
    [InlineData(3, false)]
    public async Task Throttling_goes_on_when_the_same_rules_come_again(int maxTokens, bool goesOn)
    {
        int calls = 0;
        _backends.Services[0].Unary = (_, _) =>
        {
            Interlocked.Increment(ref calls);
            throw new RpcException(new Status(StatusCode.Unavailable, "busy"));
        };
        await _backends.StartAsync(0);
        var time = new BackoffClock();
        await using MiniChannel channel = _backends.Channel(configure: options => options.TimeProvider = time);
        Task failed = Backends.FailAsync(channel, StatusCode.Unavailable, "busy");
        await FindAsync(2);
        await failed;
        Assert.Equal(1, calls); // the first failure leaves one token of two, which is no more than half

        await FindAsync(maxTokens);
        await Settling.OfAsync(channel);
        Task again = Backends.FailAsync(channel, StatusCode.Unavailable, "busy");
        if (!goesOn)
        {
            await time.IsArmedAsync(); // until the second attempt: two tokens of three are left
            time.Advance(TimeSpan.FromSeconds(2));
        }

        await again;
        Assert.Equal(goesOn ? 2 : 3, calls);

        Task FindAsync(int tokens) => _backends.Resolver.FindAsync(ResolverResult.ForResult([_backends.Addresses[0]], ServiceConfig.Parse(
            $$$"""{"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 5, "initialBackoff": "1s", "maxBackoff": "1s", "backoffMultiplier": 1, "retryableStatusCodes": ["UNAVAILABLE"]}}], "retryThrottling": {"maxTokens": {{{tokens}}}, "tokenRatio": 0.1}}""")));
    }

    /// <summary>What a resolver finds when nobody wants to know any more connects to nobody.</summary>
    [Fact]
    public async Task A_result_for_a_channel_that_was_closed_has_no_consequences()
    {
        await using ITransportListener listener = _backends.EndPoint(0).Listen();
        MiniChannel channel = _backends.Channel();
        Task<int> call = Backends.AskAsync(channel);
        await Eventually.IsTrueAsync(() => channel.State == ConnectivityState.Connecting, "the channel to look for addresses");
        Task<ITransport?> connection = listener.AcceptAsync().AsTask();
        await Settling.OfAsync(channel);
        Task closed = channel.DisposeAsync().AsTask();
        await TestChannel.AssertFailsAsync(call, StatusCode.Cancelled, "the channel was closed");
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        await RawPeer.Within(closed, "the channel to close");
        channel.Core.RequestConnection();
        await Settling.OfAsync(channel);
        Assert.Equal(ConnectivityState.Shutdown, channel.State);
        Assert.False(connection.IsCompleted);
    }
}
