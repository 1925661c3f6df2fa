using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Client.Resolving;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Conformance.Wire.Engine.Client;
using MiniGrpc.Wire.Grpc;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Conformance.Wire.Balancing;

/// <summary>Calls that are made before a resolver of the user's has found anything: they go by the service config that comes with it.</summary>
public sealed class FirstResultTests : IAsyncDisposable
{
    private static readonly ServiceConfig s_retries = ServiceConfig.Parse(
        """{"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 3, "initialBackoff": "1s", "maxBackoff": "1s", "backoffMultiplier": 1, "retryableStatusCodes": ["UNAVAILABLE"]}}]}""");

    private readonly Backends _backends = new(1);

    public ValueTask DisposeAsync() => _backends.DisposeAsync();

    /// <summary>Calls wait for the first addresses anyway: they go by the service config that comes with these, as those after them do.</summary>
    [Fact]
    public async Task The_first_call_goes_by_the_config_that_comes_with_the_first_addresses()
    {
        var time = new BackoffClock();
        int calls = 0;
        _backends.Services[0].Unary = (_, _) => Interlocked.Increment(ref calls) < 3 ? throw new RpcException(new Status(StatusCode.Unavailable, "later")) : Task.FromResult<byte[]>([7]);
        await _backends.StartAsync(0);
        await using MiniChannel channel = _backends.Channel(configure: options => options.TimeProvider = time);
        Task<int> call = Backends.AskAsync(channel);
        using AsyncClientStreamingCall<byte[], byte[]> streaming = channel.CreateCallInvoker().AsyncClientStreamingCall(TestService.ClientStreamingMethod, null, default);
        Task write = streaming.RequestStream.WriteAsync([1]);
        await _backends.Resolver.FindAsync(ResolverResult.ForResult([_backends.Addresses[0]], ServiceConfig.Parse(
            """{"methodConfig": [{"name": [{}], "maxRequestMessageBytes": 0, "retryPolicy": {"maxAttempts": 3, "initialBackoff": "1s", "maxBackoff": "1s", "backoffMultiplier": 1, "retryableStatusCodes": ["UNAVAILABLE"]}}]}""")));
        for (int i = 0; i < 2; i++)
        {
            await time.IsArmedAsync();
            time.Advance(TimeSpan.FromSeconds(1.2));
        }

        Assert.Equal(7, await call);
        await TestChannel.AssertFailsAsync(streaming.ResponseAsync, StatusCode.ResourceExhausted, "larger than the send limit of 0");
        await RawPeer.Within(Task.WhenAny(write), "the write to end");
    }

    /// <summary>Until the resolver has found something, the channel's own config says how long a call may take.</summary>
    [Fact]
    public async Task A_call_that_waits_for_the_first_addresses_ends_in_time()
    {
        var time = new BackoffClock();
        var config = ServiceConfig.Parse("""{"methodConfig": [{"name": [{}], "timeout": "5s"}]}""");
        await using MiniChannel channel = _backends.Channel(configure: options => (options.ServiceConfig, options.TimeProvider) = (config, time));
        Task<int> own = Backends.AskAsync(channel, new CallOptions(deadline: time.GetUtcNow().UtcDateTime.AddSeconds(2)));
        await time.IsArmedAsync();
        Task<int> configured = Backends.AskAsync(channel);
        await time.IsArmedAsync();
        using var cancellation = new CancellationTokenSource();
        Task<int> cancelled = Backends.AskAsync(channel, new CallOptions(cancellationToken: cancellation.Token));
        await cancellation.CancelAsync();
        await TestChannel.AssertFailsAsync(cancelled, StatusCode.Cancelled, "");
        time.Advance(TimeSpan.FromSeconds(2));
        await TestChannel.AssertFailsAsync(own, StatusCode.DeadlineExceeded, "");
        Assert.False(configured.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(3));
        await TestChannel.AssertFailsAsync(configured, StatusCode.DeadlineExceeded, "");
    }

    [Fact]
    public async Task A_call_that_waits_for_the_first_addresses_ends_with_its_channel()
    {
        MiniChannel channel = _backends.Channel();
        Task<int> call = Backends.AskAsync(channel);
        await channel.DisposeAsync();
        await TestChannel.AssertFailsAsync(call, StatusCode.Cancelled, "the channel was closed");
    }

    /// <summary>It is no idle channel that has calls which wait for what the resolver finds first.</summary>
    [Fact]
    public async Task A_channel_whose_calls_wait_for_the_first_addresses_does_not_become_idle()
    {
        var time = new BackoffClock();
        await _backends.StartAsync(0);
        await using MiniChannel channel = _backends.Channel(configure: options => (options.IdleTimeout, options.TimeProvider) = (TimeSpan.FromMinutes(1), time));
        Task<int> call = Backends.AskAsync(channel);
        await Eventually.IsTrueAsync(() => channel.State == ConnectivityState.Connecting, "the channel to look for addresses");
        for (int i = 0; i < 3; i++)
        {
            await Settling.OfAsync(channel);
            time.Advance(TimeSpan.FromMinutes(1));
        }

        await Settling.OfAsync(channel);
        Assert.False(_backends.Resolver.IsDisposed);
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        Assert.Equal(0, await call);
    }

    /// <summary>It comes while the request is being written: the call has begun without it, and goes by it.</summary>
    [Fact]
    public async Task A_result_that_comes_as_the_call_begins_counts_for_it()
    {
        var time = new BackoffClock();
        int calls = 0;
        _backends.Services[0].Unary = (_, _) => Interlocked.Increment(ref calls) == 1 ? throw new RpcException(new Status(StatusCode.Unavailable, "later")) : Task.FromResult<byte[]>([7]);
        await _backends.StartAsync(0);
        await using MiniChannel channel = _backends.Channel(configure: options => options.TimeProvider = time);
        channel.Core.RequestConnection();
        int found = 0;
        var marshaller = Marshallers.Create<byte[]>(
            message =>
            {
                if (Interlocked.Exchange(ref found, 1) == 0)
                {
                    _backends.Resolver.FindAsync(ResolverResult.ForResult([_backends.Addresses[0]], s_retries)).GetAwaiter().GetResult();
                    Settling.OfAsync(channel).GetAwaiter().GetResult();
                }

                return message;
            },
            octets => octets);
        Task<byte[]> call = Task.Run(() => channel.CreateCallInvoker().AsyncUnaryCall(
            new Method<byte[], byte[]>(MethodType.Unary, TestService.UnaryMethod.ServiceName, TestService.UnaryMethod.Name, marshaller, marshaller), null, default, [1]).ResponseAsync);
        await time.IsArmedAsync(); // until the second attempt
        time.Advance(TimeSpan.FromSeconds(1.2));
        Assert.Equal([7], await RawPeer.Within(call, "the response"));
    }

    /// <summary>What a call had to wait for the resolver is part of its time.</summary>
    [Fact]
    public async Task A_timeout_counts_from_when_the_call_was_made()
    {
        var time = new BackoffClock();
        await using ITransportListener listener = _backends.EndPoint(0).Listen();
        var config = ServiceConfig.Parse("""{"methodConfig": [{"name": [{}], "timeout": "5s"}]}""");
        await using MiniChannel channel = _backends.Channel(configure: options => (options.ServiceConfig, options.TimeProvider) = (config, time));
        Task<int> call = Backends.AskAsync(channel);
        await time.IsArmedAsync();
        time.Advance(TimeSpan.FromSeconds(4));
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        await using RawServer server = new((await RawPeer.Within(listener.AcceptAsync().AsTask(), "the channel to connect"))!);
        await server.StartAsync();
        (RawFrame head, _) = await server.RequestAsync(1);
        Assert.Null(GrpcTimeout.Parse(System.Text.Encoding.ASCII.GetBytes(head["grpc-timeout"]!), out TimeSpan left));
        Assert.Equal(TimeSpan.FromSeconds(1), left);
        time.Advance(TimeSpan.FromSeconds(1));
        await TestChannel.AssertFailsAsync(call, StatusCode.DeadlineExceeded, "");
    }

    /// <summary>The channel can make nothing of it: those who have waited for it fail with those who come later.</summary>
    [Fact]
    public async Task A_result_that_the_channel_can_make_nothing_of_is_one_too()
    {
        await using MiniChannel channel = _backends.Channel();
        Task failed = Backends.FailAsync(channel, StatusCode.Internal, "The load-balancing policy or the resolver failed");
        await _backends.Resolver.FindAsync(ResolverResult.ForResult([null!]));
        await failed;
        await Backends.FailAsync(channel, StatusCode.Internal, "The load-balancing policy or the resolver failed");
    }
}
