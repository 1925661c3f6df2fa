using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Client.Balancing;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Client.Resolving;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Conformance.Wire.Engine.Client;

namespace MiniGrpc.Conformance.Wire.Balancing;

/// <summary>Load-balancing policies and pickers of the user's that throw: calls end clearly, the channel recovers, and nothing hangs.</summary>
public sealed class CustomPolicyTests : IAsyncDisposable
{
    private readonly Backends _backends = new(2);
    private readonly BackoffClock _time = new();
    private readonly UsersPolicy _policy = new();

    public ValueTask DisposeAsync() => _backends.DisposeAsync();

    [Theory]
    [InlineData("create")]
    [InlineData("none")]
    [InlineData("update")]
    [InlineData("subchannel")]
    [InlineData("post")]
    public async Task One_that_throws_fails_calls_until_another_one_does_not(string where)
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = Channel();
        _policy.ThrowsIn = where;
        string why = where == "none" ? "its factory has made none" : "no idea";
        Task<int> waiting = Backends.AskAsync(channel, new CallOptions().WithWaitForReady());
        Task failing = Backends.FailAsync(channel, StatusCode.Internal, $"The load-balancing policy users failed: {why}");
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        await failing;
        Assert.Equal(ConnectivityState.TransientFailure, channel.State);
        await _time.IsArmedAsync();
        _time.Advance(TimeSpan.FromSeconds(1.3));
        await _time.IsArmedAsync(); // once more
        await Backends.FailAsync(channel, StatusCode.Internal, why);
        _policy.ThrowsIn = null;
        _time.Advance(TimeSpan.FromSeconds(1.2)); // the wait is 1.6 s now, or up to 20 % less
        Assert.False(waiting.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(0, await waiting);
        Assert.Equal(0, await Backends.AskAsync(channel));
        await Eventually.IsTrueAsync(() => channel.Core.Connections.Count == 1, "the connections of those that have failed to be closed");
    }

    [Fact]
    public async Task The_waits_begin_anew_once_one_has_served()
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = Channel();
        _policy.ThrowsIn = "update";
        Task<int> waiting = Backends.AskAsync(channel, new CallOptions().WithWaitForReady());
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        await _time.IsArmedAsync();
        _time.Advance(TimeSpan.FromSeconds(1.3));
        await _time.IsArmedAsync();
        _policy.ThrowsIn = null;
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(0, await waiting);
        _policy.ThrowsIn = "update";
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        await _time.IsArmedAsync();
        _policy.ThrowsIn = null;
        await Settling.OfAsync(channel);
        waiting = Backends.AskAsync(channel, new CallOptions().WithWaitForReady());
        _time.Advance(TimeSpan.FromSeconds(1.3));
        Assert.Equal(0, await waiting);
    }

    [Fact]
    public async Task One_that_has_failed_is_replaced_when_other_addresses_come()
    {
        await _backends.StartAsync(0, 1);
        await using MiniChannel channel = Channel();
        _policy.ThrowsIn = "update";
        Task failing = Backends.FailAsync(channel, StatusCode.Internal, "no idea");
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        await failing;
        _policy.ThrowsIn = null;
        Task<int> answer = Backends.AskAsync(channel, new CallOptions().WithWaitForReady());
        await _backends.Resolver.FindAsync(_backends.Addresses[1]);
        Assert.Equal(1, await answer);
        int made = _policy.Created;
        _time.Advance(TimeSpan.FromHours(1)); // the wait is off
        await Settling.OfAsync(channel);
        Assert.Equal(made, _policy.Created);
    }

    /// <summary>A failed look-up takes no addresses away, from a policy that is made anew neither.</summary>
    [Fact]
    public async Task One_that_is_made_anew_gets_the_addresses_that_there_are()
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = Channel();
        _policy.ThrowsIn = "update";
        Task failing = Backends.FailAsync(channel, StatusCode.Internal, "no idea");
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        await failing;
        _policy.ThrowsIn = null;
        await _backends.Resolver.FindAsync(ResolverResult.ForFailure(new Status(StatusCode.Unavailable, "nobody knows")));
        Assert.Equal(0, await Backends.AskAsync(channel, new CallOptions().WithWaitForReady()));
    }

    [Fact]
    public async Task One_that_serves_and_then_throws_is_replaced_and_the_calls_under_way_go_on()
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = Channel();
        Task<int> first = Backends.AskAsync(channel);
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        Assert.Equal(0, await first);
        using AsyncDuplexStreamingCall<byte[], byte[]> call = channel.CreateCallInvoker().AsyncDuplexStreamingCall(TestService.DuplexMethod, null, default);
        await AssertEchoesAsync(call, 1);
        _policy.ThrowsIn = "update";
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        await Settling.OfAsync(channel);
        await Backends.FailAsync(channel, StatusCode.Internal, "no idea");
        await AssertEchoesAsync(call, 2);
        _policy.ThrowsIn = null;
        await _time.IsArmedAsync();
        _time.Advance(TimeSpan.FromSeconds(1.3));
        Assert.Equal(0, await Backends.AskAsync(channel, new CallOptions().WithWaitForReady()));
        await AssertEchoesAsync(call, 3);
        _policy.Latest!.OfThePast!.UpdateState(ConnectivityState.TransientFailure, new Picker(_ => throw new InvalidOperationException("a dead policy has no say")));
        Assert.Equal(0, await Backends.AskAsync(channel));
    }

    [Fact]
    public async Task One_that_throws_when_somebody_wants_to_connect_has_failed()
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = Channel();
        _policy.ReportsIdle = true;
        _policy.ThrowsIn = "request";
        Task connected = channel.ConnectAsync(TestContext.Current.CancellationToken);
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        await _time.IsArmedAsync();
        await Backends.FailAsync(channel, StatusCode.Internal, "The load-balancing policy users failed: no idea");
        _policy.ReportsIdle = false;
        _time.Advance(TimeSpan.FromSeconds(1.3));
        await RawPeer.Within(connected, "the channel to connect");
        Assert.Equal(0, await Backends.AskAsync(channel));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task One_that_throws_as_it_is_disposed_of_keeps_nothing_open(bool hasFailed)
    {
        await _backends.StartAsync(0);
        MiniChannel channel = Channel();
        Task<int> first = Backends.AskAsync(channel);
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        Assert.Equal(0, await first);
        _policy.ThrowsIn = "dispose";
        if (hasFailed)
        {
            _policy.AlsoThrowsIn = "update";
            await _backends.Resolver.FindAsync(_backends.Addresses[0]);
            await Eventually.IsTrueAsync(() => channel.Core.Connections.Count == 0, "the connection to be closed");
        }

        await RawPeer.Within(channel.DisposeAsync().AsTask(), "the channel to close");
        Assert.Equal(ConnectivityState.Shutdown, channel.State);
        _time.Advance(TimeSpan.FromHours(1));
        await Settling.OfAsync(channel);
        Assert.Equal(1, _policy.Created);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_picker_that_throws_fails_its_call_alone(bool waitForReady)
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = Channel();
        CallOptions options = new CallOptions().WithWaitForReady(waitForReady);
        Task<int> first = Backends.AskAsync(channel, options);
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        Assert.Equal(0, await first);
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

    private static async Task AssertEchoesAsync(AsyncDuplexStreamingCall<byte[], byte[]> call, byte octet)
    {
        await call.RequestStream.WriteAsync([octet], TestContext.Current.CancellationToken);
        Assert.True(await RawPeer.Within(call.ResponseStream.MoveNext(CancellationToken.None), "the echo"));
        Assert.Equal([octet], call.ResponseStream.Current);
    }

    private MiniChannel Channel() => _backends.Channel(new LoadBalancingConfig("users"), options =>
    {
        options.TimeProvider = _time;
        options.LoadBalancerFactories.Add(_policy);
    });

    private sealed class Picker(Func<PickContext, PickResult> pick) : SubchannelPicker
    {
        public override PickResult Pick(in PickContext context) => pick(context);
    }

    /// <summary>Connects to the first address, and throws where a test says.</summary>
    private sealed class UsersPolicy : LoadBalancerFactory
    {
        private int _created;

        public override string Name => "users";

        public string? ThrowsIn { get; set; }

        public string? AlsoThrowsIn { get; set; }

        /// <summary>Whether it connects when somebody wants it to.</summary>
        public bool ReportsIdle { get; set; }

        /// <summary>What its picker says; null for its subchannel.</summary>
        public Func<PickContext, PickResult>? Picks { get; set; }

        public int Created => Volatile.Read(ref _created);

        public One? Latest { get; private set; }

        public override LoadBalancer Create(LoadBalancerOptions options)
        {
            Throw("create");
            if (ThrowsIn == "none")
            {
                return null!;
            }

            Interlocked.Increment(ref _created);
            return Latest = new One(this, options.Controller, Latest?.Controller);
        }

        private void Throw(string where)
        {
            if (ThrowsIn == where || AlsoThrowsIn == where)
            {
                throw new InvalidOperationException("no idea");
            }
        }

        public sealed class One(UsersPolicy owner, IChannelControlHelper controller, IChannelControlHelper? ofThePast) : LoadBalancer
        {
            public IChannelControlHelper Controller => controller;

            public IChannelControlHelper? OfThePast => ofThePast;

            public override void UpdateChannelState(ChannelState state)
            {
                owner.Throw("update");
                Subchannel subchannel = controller.CreateSubchannel(state.Addresses[0]);
                subchannel.OnStateChanged(_ =>
                {
                    owner.Throw("subchannel");
                    if (subchannel.State == ConnectivityState.Ready)
                    {
                        controller.UpdateState(ConnectivityState.Ready, new Picker(context =>
                        {
                            owner.Throw("pick");
                            return owner.Picks is { } pick ? pick(context) : PickResult.ForSubchannel(subchannel);
                        }));
                    }
                });
                controller.Post(() => owner.Throw("post"));
                if (owner.ReportsIdle)
                {
                    controller.UpdateState(ConnectivityState.Idle, new Picker(_ => PickResult.ForQueue()));
                }
                else
                {
                    subchannel.RequestConnection();
                }
            }

            public override void RequestConnection() => owner.Throw("request");

            protected override void Dispose(bool disposing) => owner.Throw("dispose");
        }
    }
}
