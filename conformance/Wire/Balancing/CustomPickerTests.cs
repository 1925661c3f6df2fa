using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Client.Balancing;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Conformance.Wire.Engine.Client;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Wire.Balancing;

/// <summary>Pickers of the user's: what they are told of a call, and what becomes of it when they throw or say what this end may not say.</summary>
public sealed class CustomPickerTests : IAsyncDisposable
{
    private const string Retry = """
        "retryPolicy": {"maxAttempts": 4, "initialBackoff": "1s", "maxBackoff": "1s", "backoffMultiplier": 1, "retryableStatusCodes": ["UNAVAILABLE"]}
        """;

    private const string Hedge = """
        "hedgingPolicy": {"maxAttempts": 4, "hedgingDelay": "1000s", "nonFatalStatusCodes": ["UNAVAILABLE"]}
        """;

    private readonly Backends _backends = new(1);
    private readonly BackoffClock _time = new();
    private readonly UsersPolicy _policy = new();

    public ValueTask DisposeAsync() => _backends.DisposeAsync();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_picker_that_throws_fails_its_call_alone(bool waitForReady)
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = Channel();
        CallOptions options = new CallOptions().WithWaitForReady(waitForReady);
        await _backends.ServeAsync(channel);
        _policy.ThrowsIn = "pick";
        await TestChannel.AssertFailsAsync(Backends.AskAsync(channel, options), StatusCode.Internal, "The load-balancing policy's picker failed: no idea");
        Assert.Equal(ConnectivityState.Ready, channel.State);
        _policy.ThrowsIn = null;
        Assert.Equal(0, await Backends.AskAsync(channel, options));
    }

    /// <summary>Calls that wait are asked about again, on the pool: a picker that throws there harms no other call either.</summary>
    [Fact]
    public async Task A_picker_that_throws_at_calls_that_wait_fails_each_of_them()
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = Channel();
        _policy.ThrowsIn = "pick";
        Task[] calls = [.. Enumerable.Range(0, 3).Select(_ => Backends.FailAsync(channel, StatusCode.Internal, "picker failed: no idea"))];
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        await Task.WhenAll(calls);
        _policy.ThrowsIn = null;
        Assert.Equal(0, await Backends.AskAsync(channel));
    }

    /// <summary>gRFC A54: what this end decides doesn't look like a server's judgement of the request.</summary>
    [Theory]
    [InlineData(StatusCode.NotFound, StatusCode.Internal)]
    [InlineData(StatusCode.FailedPrecondition, StatusCode.Internal)]
    [InlineData(StatusCode.ResourceExhausted, StatusCode.ResourceExhausted)]
    public async Task A_status_that_only_servers_give_becomes_INTERNAL(StatusCode code, StatusCode expected)
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = Channel();
        var status = new Status(code, "full");
        PickResult result = PickResult.ForFailure(status);
        _policy.Picks = _ => result;
        Task failing = Backends.FailAsync(channel, expected, "full");
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        await failing;
        result = PickResult.ForDrop(status);
        await TestChannel.AssertFailsAsync(Backends.AskAsync(channel, new CallOptions().WithWaitForReady()), expected, "full");
        _policy.Picks = _ => throw new RpcException(status);
        await Backends.FailAsync(channel, expected, "full");
        Assert.Throws<ArgumentException>(() => PickResult.ForFailure(Status.DefaultSuccess));
        Assert.Throws<ArgumentException>(() => PickResult.ForDrop(Status.DefaultSuccess));
    }

    /// <summary>As the C core has it: what a policy drops was decided for the call, which the retry policy (gRFC A6) isn't asked about.</summary>
    [Theory]
    [InlineData(Retry, false)]
    [InlineData(Retry, true)]
    [InlineData(Hedge, false)]
    [InlineData(Hedge, true)]
    public async Task A_call_that_is_dropped_is_not_tried_again(string policy, bool waitForReady)
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = Channel(policy);
        await _backends.ServeAsync(channel);
        int asked = 0;
        _policy.Picks = _ =>
        {
            asked++;
            return PickResult.ForDrop(new Status(StatusCode.Unavailable, "too much"));
        };
        await TestChannel.AssertFailsAsync(Backends.AskAsync(channel, new CallOptions().WithWaitForReady(waitForReady)), StatusCode.Unavailable, "too much");
        Assert.Equal(1, asked);
        Assert.True(channel.RetryThrottle!.RecordFailure()); // this is the first one: a second would be one too many
        _policy.Picks = null;
        Assert.Equal(0, await Backends.AskAsync(channel));
    }

    /// <summary>It may have waited for the picker that drops it.</summary>
    [Theory]
    [InlineData(Retry)]
    [InlineData(Hedge)]
    public async Task A_call_that_has_waited_and_is_dropped_is_not_tried_again(string policy)
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = Channel(policy);
        int asked = 0;
        _policy.Picks = _ =>
        {
            asked++;
            return PickResult.ForDrop(new Status(StatusCode.Unavailable, "too much"));
        };
        Task failing = Backends.FailAsync(channel, StatusCode.Unavailable, "too much");
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        await failing;
        Assert.Equal(1, asked);
        Assert.True(channel.RetryThrottle!.RecordFailure());
    }

    /// <summary>What a picker is told of a call.</summary>
    [Fact]
    public async Task A_picker_may_go_by_method_metadata_and_wait_for_ready()
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = Channel();
        string? seen = null;
        _policy.Picks = context =>
        {
            seen = $"{context.Method} {context.Headers?.GetValue("key")} {context.IsWaitForReady}";
            return PickResult.ForFailure(new Status(StatusCode.Unavailable, "seen"));
        };
        Task failing = TestChannel.AssertFailsAsync(Backends.AskAsync(channel, new CallOptions(new Metadata { { "key", "value" } })), StatusCode.Unavailable, "seen");
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        await failing;
        Assert.Equal("/test/Unary value False", seen);
        using CancellationTokenSource cancellation = new();
        Task<int> waiting = Backends.AskAsync(channel, new CallOptions(cancellationToken: cancellation.Token).WithWaitForReady());
        Assert.Equal("/test/Unary  True", seen);
        await cancellation.CancelAsync();
        await TestChannel.AssertFailsAsync(waiting, StatusCode.Cancelled, "");
    }

    /// <summary>What can't go yet says nothing of the next one: only the built-in pickers treat all calls alike.</summary>
    [Fact]
    public async Task A_call_that_has_no_place_holds_no_other_one_up()
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = Channel();
        await _backends.ServeAsync(channel);
        _policy.Picks = _ => PickResult.ForQueue();
        using CancellationTokenSource cancellation = new();
        Task<int> first = Backends.AskAsync(channel, new CallOptions(cancellationToken: cancellation.Token));
        Task<int> second = Backends.AskAsync(channel, new CallOptions(new Metadata { { "key", "value" } }));
        await Eventually.CallsWaitAsync(channel, 2);
        _policy.Picks = context => context.Headers is null ? PickResult.ForQueue() : PickResult.ForSubchannel(_policy.Latest!.Subchannel!);
        channel.Core.Router.OnStreamsAvailable();
        Assert.Equal(0, await second);
        Assert.False(first.IsCompleted);
        await cancellation.CancelAsync();
        await TestChannel.AssertFailsAsync(first, StatusCode.Cancelled, "");
    }

    [Fact]
    public async Task A_call_that_ends_while_the_picker_is_asked_does_not_wait()
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = Channel();
        await _backends.ServeAsync(channel);
        using CancellationTokenSource cancellation = new();
        _policy.Picks = _ =>
        {
            cancellation.Cancel();
            return PickResult.ForQueue();
        };
        await TestChannel.AssertFailsAsync(Backends.AskAsync(channel, new CallOptions(cancellationToken: cancellation.Token)), StatusCode.Cancelled, "");
        Assert.Equal(0, channel.Core.Router.WaitingCalls);
    }

    /// <summary>Whether it is the first to be asked about the call, or is asked when the call has waited.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_picker_that_comes_while_the_one_before_is_asked_is_asked_as_well(bool waited)
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = Channel();
        await _backends.ServeAsync(channel);
        var next = new HandPicker(_ => PickResult.ForSubchannel(_policy.Latest!.Subchannel!));
        PickResult Change(PickContext context)
        {
            channel.Core.Router.SetPicker(next);
            return PickResult.ForQueue();
        }

        _policy.Picks = waited ? _ => PickResult.ForQueue() : Change;
        Task<int> call = Backends.AskAsync(channel);
        if (waited)
        {
            _policy.Picks = Change;
            channel.Core.Router.OnStreamsAvailable();
        }

        Assert.Equal(0, await call);
    }

    /// <summary>Just when calls have been tried and don't wait again yet: nobody is there who could be told.</summary>
    [Fact]
    public async Task A_stream_that_becomes_free_while_calls_are_tried_is_used()
    {
        await using TestChannel client = new(options =>
        {
            options.LoadBalancerFactories.Add(_policy);
            options.ServiceConfig = new ServiceConfig { LoadBalancingConfigs = { new LoadBalancingConfig(_policy.Name) } };
        });
        List<Task<byte[]>> calls = [client.Unary([1]).ResponseAsync];
        RawServer server = await client.StartAsync((SettingId.MaxConcurrentStreams, 1));
        await server.RequestAsync(1);
        Subchannel subchannel = _policy.Latest!.Subchannel!;
        int asked = 0;
        _policy.Picks = context =>
        {
            if (context.Headers is null || ++asked != 2)
            {
                return PickResult.ForSubchannel(subchannel);
            }

            AnswerFirst(server, subchannel); // the second call has been tried
            return PickResult.ForQueue();
        };
        calls.Add(client.Unary([2]).ResponseAsync);
        calls.Add(client.Unary([3], new CallOptions(new Metadata { { "key", "value" } })).ResponseAsync);
        Assert.Equal([1], await RawPeer.Within(calls[0], "the response"));
        for (int i = 1; i < 3; i++)
        {
            await server.RequestAsync((2 * i) + 1);
            await server.ReplyAsync((2 * i) + 1, (byte)(i + 1));
            Assert.Equal([(byte)(i + 1)], await RawPeer.Within(calls[i], "the response"));
        }
    }

    private static void AnswerFirst(RawServer server, Subchannel subchannel)
    {
        server.ReplyAsync(1, 1).Wait(RawPeer.Patience);
        SpinWait.SpinUntil(() => subchannel.HasFreeStream, RawPeer.Patience);
    }

    private MiniChannel Channel() => _policy.Channel(_backends, _time);

    /// <summary>One whose calls may be tried again, and once more after a first failure: two of three tokens are enough, and one is not.</summary>
    private MiniChannel Channel(string policy) => _backends.Channel(configure: options =>
    {
        options.TimeProvider = _time;
        options.LoadBalancerFactories.Add(_policy);
        options.ServiceConfig = ServiceConfig.Parse($$$"""
            {"loadBalancingConfig": [{"{{{_policy.Name}}}": {}}], "methodConfig": [{"name": [{}], {{{policy}}}}],
              "retryThrottling": {"maxTokens": 3, "tokenRatio": 0.001}}
            """);
    });
}
