using Grpc.Core;
using MiniGrpc.Conformance.Interop.Calls;
using MiniGrpc.Conformance.Interop.Peers;
using MiniGrpc.Conformance.Interop.Service;
using MiniGrpc.Conformance.Protos;

namespace MiniGrpc.Conformance.Interop;

/// <summary>A client may give up a call at any time, in any way; the handler's token tells it.</summary>
public sealed class CancellationTests
{
    /// <summary>How far the call is when it is cancelled.</summary>
    public enum Progress
    {
        RequestReceived,
        HeadersReceived,
        FirstMessageReceived,
    }

    [Theory, Matrix]
    public async Task Cancelling_the_token_ends_the_call_on_both_sides(Pair pair, Kind kind, Progress progress)
    {
        await using Session session = await pair.ConnectAsync();
        CallWatch watch = session.Watch();
        using CancellationTokenSource source = new();
        using AnyCall call = await StartAsync(session, kind, watch.Options.WithCancellationToken(source.Token), watch, progress);

        await source.CancelAsync();

        (await call.ReadToEndAsync()).AssertEndedByClientWith(StatusCode.Cancelled, pair.Client);
        await watch.Cancelled.WithinLimit("the handler's token fires");
        await watch.Ended.WithinLimit("the handler ends");
    }

    [Theory, Matrix]
    public async Task Disposing_of_the_call_ends_it_on_both_sides(Pair pair, Kind kind, Progress progress)
    {
        await using Session session = await pair.ConnectAsync();
        CallWatch watch = session.Watch();
        using AnyCall call = await StartAsync(session, kind, watch.Options, watch, progress);
        Task<Outcome> outcome = call.ReadToEndAsync();

        call.Dispose();

        (await outcome).AssertEndedByClientWith(StatusCode.Cancelled, pair.Client);
        await watch.Cancelled.WithinLimit("the handler's token fires");
        await watch.Ended.WithinLimit("the handler ends");
    }

    [Theory, Matrix]
    public async Task A_token_that_has_fired_before_the_call_sends_nothing(Pair pair, Kind kind)
    {
        await using Session session = await pair.ConnectAsync();
        CallWatch watch = session.Watch();
        CallOptions options = watch.Options.WithCancellationToken(new CancellationToken(canceled: true));

        Outcome outcome = await AnyCall.RunAsync(session.Client, kind, options, new Request());

        outcome.AssertEndedWith(StatusCode.Cancelled);
        Assert.False(watch.Started.IsCompleted);
    }

    [Theory, Matrix]
    public async Task A_token_given_to_MoveNext_cancels_the_call(Pair pair)
    {
        await using Session session = await pair.ConnectAsync();
        CallWatch watch = session.Watch();
        using CancellationTokenSource source = new();
        using AnyCall call = await StartAsync(session, Kind.Bidi, watch.Options, watch, Progress.FirstMessageReceived);
        Task<bool> read = call.Responses!.MoveNext(source.Token);

        await source.CancelAsync();

        RpcException e = await Assert.ThrowsAsync<RpcException>(() => read.WithinLimit());
        Assert.Equal(StatusCode.Cancelled, e.StatusCode);
        await watch.Cancelled.WithinLimit("the handler's token fires");
    }

    [Theory, Matrix]
    public async Task A_blocking_call_can_be_cancelled(Pair pair)
    {
        await using Session session = await pair.ConnectAsync();
        CallWatch watch = session.Watch();
        using CancellationTokenSource source = new();
        Request request = new() { Then = Then.AwaitCancellation };
        Task<Response> call = Task.Run(() => session.Client.Unary(request, watch.Options.WithCancellationToken(source.Token)));
        await watch.Waiting.WithinLimit("the handler waits");

        await source.CancelAsync();

        RpcException e = await Assert.ThrowsAsync<RpcException>(() => call.WithinLimit());
        Assert.Equal(StatusCode.Cancelled, e.StatusCode);
        await watch.Cancelled.WithinLimit("the handler's token fires");
    }

    [Theory, Matrix]
    public async Task A_cancelled_call_leaves_the_connection_as_it_was(Pair pair, Kind kind)
    {
        await using Session session = await pair.ConnectAsync();
        Response before = await session.Client.UnaryAsync(new Request()).ResponseAsync.WithinLimit();

        for (int n = 0; n < 50; n++)
        {
            CallWatch watch = session.Watch();
            using AnyCall call = await StartAsync(session, kind, watch.Options, watch, Progress.RequestReceived);
            call.Dispose();
            await watch.Ended.WithinLimit("the handler ends");
        }

        Response after = await session.Client.UnaryAsync(new Request()).ResponseAsync.WithinLimit();
        Assert.Equal(before.Peer, after.Peer);
    }

    [Theory, Matrix]
    public async Task Closing_the_channel_cancels_its_calls(Pair pair, Kind kind)
    {
        Session session = await pair.ConnectAsync();
        CallWatch watch = session.Watch();
        using AnyCall call = await StartAsync(session, kind, watch.Options, watch, Progress.RequestReceived);
        Task<Response?> read = call.ReadAsync();

        await session.DisposeAsync();

        await Assert.ThrowsAsync<RpcException>(() => read);
        await watch.Cancelled.WithinLimit("the handler's token fires");
    }

    /// <summary>Starts a call that waits to be cancelled, and brings it as far as <paramref name="progress"/>.</summary>
    private static async Task<AnyCall> StartAsync(Session session, Kind kind, CallOptions options, CallWatch watch, Progress progress)
    {
        bool message = progress == Progress.FirstMessageReceived && kind.StreamsResponses;
        Request request = new()
        {
            Headers = progress == Progress.RequestReceived ? Headers.WhenNeeded : Headers.First,
            Answer = new Answer { Count = message ? 1 : 0, Size = 100 },
            Then = Then.AwaitCancellation,
        };
        AnyCall call = await AnyCall.StartAsync(session.Client, kind, options, request);
        await watch.Waiting.WithinLimit("the handler waits");
        if (progress != Progress.RequestReceived)
        {
            await call.HeadersAsync();
        }

        if (message)
        {
            Assert.NotNull(await call.ReadAsync());
        }

        return call;
    }
}
