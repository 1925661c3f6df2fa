using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Client.Resolving;
using MiniGrpc.Conformance.Wire.Engine;

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
        await _backends.StartAsync(0);
        await using MiniChannel channel = _backends.Channel(new LoadBalancingConfig("unheard_of"));
        Task failed = Backends.FailAsync(channel, StatusCode.Unavailable, "no load-balancing policy that there is: unheard_of");
        await _backends.Resolver.FindAsync(_backends.Addresses);
        await failed;
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
}
