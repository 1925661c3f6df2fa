using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Client.Balancing;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Client.Resolving;
using MiniGrpc.Conformance.Wire.Balancing;
using MiniGrpc.Conformance.Wire.Engine;

namespace MiniGrpc.Conformance.Wire.Resolving;

/// <summary>Resolvers of the user's that throw, are silent, or say too much: calls end clearly, and the channel recovers.</summary>
public sealed class CustomResolverTests : IAsyncDisposable
{
    private readonly Backends _backends = new(1);
    private readonly TimerCensus _time = new();
    private readonly UsersResolver _users = new();

    public ValueTask DisposeAsync() => _backends.DisposeAsync();

    [Theory]
    [InlineData("create")]
    [InlineData("none")]
    [InlineData("start")]
    public async Task One_that_throws_fails_calls_until_another_one_does_not(string where)
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = Channel();
        _users.ThrowsIn = where;
        string why = where == "none" ? "its factory has made none" : "no idea";
        Task waiting = Backends.AskAsync(channel, new CallOptions().WithWaitForReady());
        await Backends.FailAsync(channel, StatusCode.Unavailable, $"The resolver of users:///backends failed: {why}");
        await _time.IsArmedAsync();
        _time.Advance(TimeSpan.FromSeconds(1.3));
        await _time.IsArmedAsync(); // once more
        await Backends.FailAsync(channel, StatusCode.Unavailable, why);
        _users.ThrowsIn = null;
        _time.Advance(TimeSpan.FromSeconds(1.2)); // the wait is 1.6 s now, or up to 20 % less
        Assert.False(waiting.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(1));
        await waiting;
        Assert.Equal(0, await Backends.AskAsync(channel));
        Assert.Equal(where == "start" ? 2 : 0, _users.Disposed); // those that had been made
    }

    /// <summary>gRFC A54, as of everything that this end decides.</summary>
    [Fact]
    public async Task One_that_throws_a_status_may_choose_among_those_that_are_not_the_servers()
    {
        await using MiniChannel channel = Channel();
        _users.Exception = new RpcException(new Status(StatusCode.PermissionDenied, "not for you"));
        _users.ThrowsIn = "start";
        await Backends.FailAsync(channel, StatusCode.PermissionDenied, "not for you");
        await using MiniChannel other = Channel();
        _users.Exception = new RpcException(new Status(StatusCode.NotFound, "nowhere"));
        await Backends.FailAsync(other, StatusCode.Internal, "nowhere");
    }

    [Fact]
    public async Task One_that_throws_when_it_is_asked_again_takes_no_connection_away()
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = Channel();
        Assert.Equal(0, await Backends.AskAsync(channel));
        _users.ThrowsIn = "refresh";
        await _backends.StopAsync(0);
        await _time.IsArmedAsync(); // the lost connection has it asked
        await _backends.StartAsync(0);
        Assert.Equal(0, await Backends.AskAsync(channel));
        _users.ThrowsIn = null;
        int made = _users.Created;
        _time.Advance(TimeSpan.FromSeconds(1.3));
        await Eventually.IsTrueAsync(() => _users.Created == made + 1, "another resolver");
        Assert.Equal(0, await Backends.AskAsync(channel));
    }

    [Fact]
    public async Task The_waits_begin_anew_once_one_has_started()
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = Channel();
        _users.ThrowsIn = "start";
        Task<int> waiting = Backends.AskAsync(channel, new CallOptions().WithWaitForReady());
        await _time.IsArmedAsync();
        _time.Advance(TimeSpan.FromSeconds(1.3));
        await _time.IsArmedAsync();
        _users.ThrowsIn = null;
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(0, await waiting);
        _users.ThrowsIn = "refresh";
        await _backends.StopAsync(0);
        await _time.IsArmedAsync();
        int made = _users.Created;
        _time.Advance(TimeSpan.FromSeconds(1.3));
        await Eventually.IsTrueAsync(() => _users.Created == made + 1, "another resolver");
    }

    [Fact]
    public async Task One_that_throws_as_it_is_disposed_of_does_not_keep_the_channel_open()
    {
        await _backends.StartAsync(0);
        MiniChannel channel = Channel();
        Assert.Equal(0, await Backends.AskAsync(channel));
        _users.ThrowsIn = "dispose";
        await RawPeer.Within(channel.DisposeAsync().AsTask(), "the channel to close");
        Assert.Equal(ConnectivityState.Shutdown, channel.State);
    }

    [Fact]
    public async Task A_closed_channel_makes_no_other_one()
    {
        MiniChannel channel = Channel();
        _users.ThrowsIn = "start";
        await Backends.FailAsync(channel, StatusCode.Unavailable, "no idea");
        await _time.IsArmedAsync();
        Assert.Equal(1, _time.LeftBy<GuardedResolver>());
        await RawPeer.Within(channel.DisposeAsync().AsTask(), "the channel to close");
        Assert.Equal(0, _time.LeftBy<GuardedResolver>());
        _time.Advance(TimeSpan.FromHours(1));
        await Settling.OfAsync(channel);
        Assert.Equal(1, _users.Created);
    }

    [Fact]
    public async Task A_wait_that_is_over_just_when_the_channel_is_closed_makes_no_other_one()
    {
        MiniChannel channel = Channel();
        _users.ThrowsIn = "start";
        await Backends.FailAsync(channel, StatusCode.Unavailable, "no idea");
        await _time.IsArmedAsync();
        Task closed;
        using (await Hold.OnAsync(channel))
        {
            closed = channel.DisposeAsync().AsTask();
            _time.Advance(TimeSpan.FromSeconds(1.3));
        }

        await RawPeer.Within(closed, "the channel to close");
        await Settling.OfAsync(channel);
        Assert.Equal(1, _users.Created);
    }

    [Fact]
    public async Task One_that_never_answers_holds_calls_no_longer_than_they_allow()
    {
        MiniChannel channel = Channel();
        _users.IsSilent = true;
        Task<int> late = Backends.AskAsync(channel, new CallOptions(deadline: _time.GetUtcNow().UtcDateTime.AddSeconds(1)));
        using CancellationTokenSource cancellation = new();
        Task<int> cancelled = Backends.AskAsync(channel, new CallOptions(cancellationToken: cancellation.Token));
        Task<int> left = Backends.AskAsync(channel);
        _time.Advance(TimeSpan.FromSeconds(1));
        await TestChannel.AssertFailsAsync(late, StatusCode.DeadlineExceeded, "");
        await cancellation.CancelAsync();
        await TestChannel.AssertFailsAsync(cancelled, StatusCode.Cancelled, "");
        await RawPeer.Within(channel.DisposeAsync().AsTask(), "the channel to close");
        await TestChannel.AssertFailsAsync(left, StatusCode.Cancelled, "the channel was closed");
    }

    /// <summary>The most natural resolver of all: asked again, it says what it knows. That must not become a loop while no server answers.</summary>
    [Theory]
    [InlineData("pick_first")]
    [InlineData("round_robin")]
    public async Task One_that_answers_at_once_is_not_asked_without_end(string policy)
    {
        await using MiniChannel channel = Channel(new LoadBalancingConfig(policy));
        _users.AnswersRefresh = true;
        await Backends.FailAsync(channel, StatusCode.Unavailable, "no server listens there");
        await _time.IsArmedAsync();
        for (int i = 0; i < 10; i++)
        {
            await Settling.OfAsync(channel);
        }

        Assert.Equal(1, _users.Refreshes);
        _time.Advance(TimeSpan.FromSeconds(1.3)); // the next attempt
        await _time.IsArmedAsync();
        for (int i = 0; i < 10; i++)
        {
            await Settling.OfAsync(channel);
        }

        Assert.Equal(2, _users.Refreshes);
    }

    [Fact]
    public async Task Nothing_is_no_answer_and_success_is_no_failure()
    {
        Assert.Throws<ArgumentException>(() => ResolverResult.ForFailure(Status.DefaultSuccess));
        await _backends.StartAsync(0);
        await using MiniChannel channel = Channel();
        Assert.Equal(0, await Backends.AskAsync(channel));
        Assert.Throws<ArgumentNullException>(() => _users.Listener!(null!));
        Assert.Equal(0, await Backends.AskAsync(channel));
    }

    /// <summary>What a resolver that has failed says later on isn't heard: another one has its place.</summary>
    [Fact]
    public async Task One_that_has_failed_has_no_say_any_more()
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = Channel();
        _users.ThrowsIn = "start";
        await Backends.FailAsync(channel, StatusCode.Unavailable, "no idea");
        _users.Listener!(ResolverResult.ForResult([]));
        await Settling.OfAsync(channel);
        await Backends.FailAsync(channel, StatusCode.Unavailable, "no idea");
    }

    private MiniChannel Channel(LoadBalancingConfig? policy = null)
    {
        _users.Addresses = _backends.Addresses;
        var options = new MiniChannelOptions { TimeProvider = _time, ServiceConfig = new ServiceConfig() };
        if (policy is not null)
        {
            options.ServiceConfig.LoadBalancingConfigs.Add(policy);
        }

        options.ResolverFactories.Add(_users);
        return MiniChannel.ForAddress("users:///backends", options);
    }

    private sealed class UsersResolver : ResolverFactory
    {
        private int _refreshes;
        private int _created;
        private int _disposed;

        public override string Scheme => "users";

        public BalancerAddress[] Addresses { get; set; } = [];

        /// <summary>Which member throws.</summary>
        public string? ThrowsIn { get; set; }

        public Exception Exception { get; set; } = new InvalidOperationException("no idea");

        public bool IsSilent { get; set; }

        public bool AnswersRefresh { get; set; }

        public int Refreshes => Volatile.Read(ref _refreshes);

        public int Created => Volatile.Read(ref _created);

        public int Disposed => Volatile.Read(ref _disposed);

        /// <summary>Whom the latest one reports to.</summary>
        public Action<ResolverResult>? Listener { get; private set; }

        public override Resolver Create(ResolverOptions options)
        {
            Throw("create");
            Interlocked.Increment(ref _created);
            return ThrowsIn == "none" ? null! : new One(this);
        }

        private void Throw(string where)
        {
            if (ThrowsIn == where)
            {
                throw Exception;
            }
        }

        private sealed class One(UsersResolver owner) : Resolver
        {
            private Action<ResolverResult> _listener = _ => { };

            public override void Start(Action<ResolverResult> listener)
            {
                owner.Listener = _listener = listener;
                owner.Throw("start");
                if (!owner.IsSilent)
                {
                    listener(ResolverResult.ForResult(owner.Addresses));
                }
            }

            public override void Refresh()
            {
                Interlocked.Increment(ref owner._refreshes);
                owner.Throw("refresh");
                if (owner.AnswersRefresh)
                {
                    _listener(ResolverResult.ForResult(owner.Addresses));
                }
            }

            protected override void Dispose(bool disposing)
            {
                Interlocked.Increment(ref owner._disposed);
                owner.Throw("dispose");
                base.Dispose(disposing);
            }
        }
    }
}
