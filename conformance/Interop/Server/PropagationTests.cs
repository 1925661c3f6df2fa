using Grpc.Core;
using Grpc.Core.Interceptors;
using MiniGrpc.Conformance.Interop.Calls;
using MiniGrpc.Conformance.Interop.Peers;
using MiniGrpc.Conformance.Interop.Service;
using MiniGrpc.Conformance.Protos;
using MiniGrpc.Server;
using Status = Grpc.Core.Status;

namespace MiniGrpc.Conformance.Interop.Server;

/// <summary>
/// A handler of our server calls another server, by either client: its deadline and its cancellation go along. The kind is that of the
/// child; the parent is called by the official client.
/// </summary>
public sealed class PropagationTests
{
    private static readonly TimeSpan s_about = TimeSpan.FromMinutes(10);

    private readonly DateTime _soon = DateTime.UtcNow.AddHours(1);
    private readonly DateTime _late = DateTime.UtcNow.AddHours(5);

    [Theory, Matrix]
    public async Task The_child_s_deadline_is_its_parent_s_if_that_is_sooner(IClientPeer peer, Kind kind, bool contextIsGiven)
    {
        await using Chain chain = await Chain.StartAsync(peer, kind, contextIsGiven);
        Assert.Equal(_soon, await chain.ChildsDeadlineAsync(parent: _soon, own: null), s_about);
        Assert.Equal(_soon, await chain.ChildsDeadlineAsync(parent: _soon, own: _late), s_about);
    }

    [Theory, Matrix]
    public async Task The_child_s_own_deadline_counts_if_it_is_sooner_or_the_only_one(IClientPeer peer, Kind kind)
    {
        await using Chain chain = await Chain.StartAsync(peer, kind);
        Assert.Equal(_soon, await chain.ChildsDeadlineAsync(parent: _late, own: _soon), s_about);
        Assert.Equal(_soon, await chain.ChildsDeadlineAsync(parent: null, own: _soon), s_about);
        Assert.Equal(DateTime.MaxValue, await chain.ChildsDeadlineAsync(parent: null, own: null));
    }

    [Theory, Matrix]
    public async Task Cancelling_the_parent_cancels_the_child(IClientPeer peer, Kind kind, bool hasOwnToken)
    {
        await using Chain chain = await Chain.StartAsync(peer, kind);
        using CancellationTokenSource own = new();
        chain.OwnToken = hasOwnToken ? own.Token : default;
        CallWatch watch = chain.WatchChild();
        using CancellationTokenSource cancel = new();
        Task parent = chain.CallAsync(watch.Options.WithCancellationToken(cancel.Token), Then.AwaitCancellation);
        await watch.Waiting.WithinLimit("the child's handler waits");

        await cancel.CancelAsync();

        await watch.Cancelled.WithinLimit("the child's handler is cancelled");
        Assert.Equal(StatusCode.Cancelled, (await chain.ChildsEnd.WithinLimit("the child's end")).StatusCode);
        RpcException e = await Assert.ThrowsAsync<RpcException>(() => parent.WithinLimit("the parent's end"));
        Assert.Equal(StatusCode.Cancelled, e.StatusCode);
    }

    [Theory, Matrix]
    public async Task The_child_s_own_token_cancels_it_alone(IClientPeer peer, Kind kind)
    {
        await using Chain chain = await Chain.StartAsync(peer, kind);
        using CancellationTokenSource own = new();
        chain.OwnToken = own.Token;
        CallWatch watch = chain.WatchChild();
        Task parent = chain.CallAsync(watch.Options, Then.AwaitCancellation);
        await watch.Waiting.WithinLimit("the child's handler waits");

        await own.CancelAsync();

        Assert.Equal(StatusCode.Cancelled, (await chain.ChildsEnd.WithinLimit("the child's end")).StatusCode);
        await parent.WithinLimit("the parent's end");
    }

    [Theory, Matrix]
    public async Task Without_a_call_being_served_the_mistake_is_named_unless_it_is_none(IClientPeer peer, Kind kind)
    {
        await using GrpcServer server = await OurServer.StartAsync(
            server => server.Services.Add(TestService.BindService(new ConformanceService(new Metadata.Entry("unused", "")))));
        await using IClientChannel channel = server.ConnectBy(peer);
        TestService.TestServiceClient strict = new(channel.Channel.Intercept(new CallContextPropagationInterceptor()));
        InvalidOperationException e = await Assert.ThrowsAsync<InvalidOperationException>(() => AnyCall.RunAsync(strict, kind, default, new Request()));
        Assert.StartsWith($"No call is being served where /minigrpc.conformance.TestService/{kind} is called", e.Message, StringComparison.Ordinal);

        TestService.TestServiceClient lenient = new(channel.Channel.Intercept(new CallContextPropagationInterceptor { SuppressContextNotFoundErrors = true }));
        (await AnyCall.RunAsync(lenient, kind, default, new Request())).AssertEndedWith(StatusCode.OK);
    }

    [Theory, Matrix]
    public async Task A_parent_of_any_kind_hands_them_on(Kind parents)
    {
        await using Chain chain = await Chain.StartAsync(new GrpcNetClientPeer(), Kind.Unary);
        CallWatch watch = chain.WatchChild();
        await chain.CallByAsync(parents, watch.Options.WithDeadline(_soon));
        Assert.Equal(_soon, watch.Deadline, s_about);
    }

    [Theory, Matrix]
    public async Task A_blocking_call_takes_them_along_too(IClientPeer peer)
    {
        await using Chain chain = await Chain.StartAsync(peer, Kind.Unary);
        chain.IsBlocking = true;
        Assert.Equal(_soon, await chain.ChildsDeadlineAsync(parent: _soon, own: _late), s_about);
    }

    /// <summary>A front server whose handler makes one call of a back server.</summary>
    private sealed class Chain(Kind kind, bool contextIsGiven) : TestService.TestServiceBase, IAsyncDisposable
    {
        private readonly TaskCompletionSource<Status> _childsEnd = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly ConformanceService _backService = new(new Metadata.Entry("unused", ""));
        private GrpcServer? _back;
        private GrpcServer? _front;
        private IClientChannel? _toBack;
        private IClientChannel? _toFront;
        private DateTime? _ownDeadline;

        public CancellationToken OwnToken { get; set; }

        public bool IsBlocking { get; set; }

        public Task<Status> ChildsEnd => _childsEnd.Task;

        public static async Task<Chain> StartAsync(IClientPeer peer, Kind kind, bool contextIsGiven = false)
        {
            Chain chain = new(kind, contextIsGiven);
            chain._back = await OurServer.StartAsync(server => server.Services.Add(TestService.BindService(chain._backService)));
            chain._front = await OurServer.StartAsync(server =>
            {
                server.Services.Add(TestService.BindService(chain));
                if (!contextIsGiven)
                {
                    server.Interceptors.Add(new CallContextPropagationInterceptor());
                }
            });
            chain._toBack = chain._back.ConnectBy(peer);
            chain._toFront = chain._front.ConnectBy(new GrpcNetClientPeer());
            return chain;
        }

        public CallWatch WatchChild() => _backService.Watch(1);

        public Task CallAsync(CallOptions options, Then then) =>
            new TestService.TestServiceClient(_toFront!.Channel).UnaryAsync(new Request { Then = then }, options).ResponseAsync;

        /// <summary>A parent of another kind.</summary>
        public async Task CallByAsync(Kind parents, CallOptions options) =>
            (await AnyCall.RunAsync(new TestService.TestServiceClient(_toFront!.Channel), parents, options, new Request())).AssertEndedWith(StatusCode.OK);

        /// <summary>The deadline that the child's handler sees.</summary>
        public async Task<DateTime> ChildsDeadlineAsync(DateTime? parent, DateTime? own)
        {
            _ownDeadline = own;
            CallWatch watch = WatchChild();
            CallOptions options = parent is { } deadline ? watch.Options.WithDeadline(deadline) : watch.Options;
            await CallAsync(options, Then.Continue).WithinLimit("the parent's end");
            return watch.Deadline;
        }

        public override async Task<Response> Unary(Request request, ServerCallContext context)
        {
            await Task.Yield(); // the call is known wherever its handler goes on
            TestService.TestServiceClient client = new(_toBack!.Channel.Intercept(
                contextIsGiven ? new CallContextPropagationInterceptor(context) : new CallContextPropagationInterceptor()));
            CallOptions options = new([.. context.RequestHeaders.Where(entry => entry.Key == CallWatch.HeaderName)], _ownDeadline, OwnToken);
            Request sent = new() { Then = request.Then };
            if (IsBlocking)
            {
                return client.Unary(sent, options);
            }

            Outcome outcome = await AnyCall.RunAsync(client, kind, options, sent);
            _childsEnd.TrySetResult(outcome.Status);
            return new Response();
        }

        public override Task<Response> ClientStreaming(IAsyncStreamReader<Request> requestStream, ServerCallContext context) =>
            Unary(new Request(), context);

        public override Task ServerStreaming(Request request, IServerStreamWriter<Response> responseStream, ServerCallContext context) =>
            Unary(request, context);

        public override Task Bidi(
            IAsyncStreamReader<Request> requestStream, IServerStreamWriter<Response> responseStream, ServerCallContext context) =>
            Unary(new Request(), context);

        public async ValueTask DisposeAsync()
        {
            await _toFront!.DisposeAsync();
            await _front!.DisposeAsync();
            await _toBack!.DisposeAsync();
            await _back!.DisposeAsync();
        }
    }
}
