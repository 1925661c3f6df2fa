using MiniGrpc.Conformance.Interop.Calls;
using MiniGrpc.Conformance.Interop.Peers;
using MiniGrpc.Conformance.Interop.Service;
using MiniGrpc.Conformance.Protos;

namespace MiniGrpc.Conformance.Interop;

/// <summary>1,000 calls at once on one connection.</summary>
[Collection(nameof(HeavyCollection))]
public sealed class ConcurrencyTests
{
    private const int Calls = 1000;

    [Theory, Matrix]
    public async Task A_thousand_calls_run_at_once_if_the_server_lets_them(Pair pair)
    {
        await using Session session = await pair.StartAndConnectAsync(setup => setup with { MaxConcurrentStreams = Calls });
        CallWatch watch = session.Watch(Calls);

        Task<Response>[] calls = Start(session, watch, Then.AwaitRelease);
        await watch.Waiting.WithinLimit("all handlers run at the same time");
        watch.Release();

        await AssertAllAnsweredOnOneConnectionAsync(calls, watch);
    }

    // RFC 9113 section 5.1.2: a client must not exceed the server's SETTINGS_MAX_CONCURRENT_STREAMS; what is over it waits.
    [Theory, Matrix]
    public async Task A_thousand_calls_share_the_streams_that_the_server_allows(Pair pair)
    {
        await using Session session = await pair.StartAndConnectAsync(setup => setup with { MaxConcurrentStreams = 10 });

        // After a first call the client knows the limit. Before, it may open more streams (HttpClient: 100), be refused, and meanwhile
        // send DATA on streams that the server has closed, which Kestrel takes for a connection error.
        await session.Client.UnaryAsync(new Request()).ResponseAsync.WithinLimit();
        CallWatch watch = session.Watch(Calls);

        Task<Response>[] calls = Start(session, watch, Then.Continue);

        await AssertAllAnsweredOnOneConnectionAsync(calls, watch);
    }

    [Theory, Matrix(AcrossProcesses = true)]
    public async Task Calls_of_all_kinds_share_a_connection(Pair pair)
    {
        await using Session session = await pair.ConnectAsync();

        async Task CallAsync(int n)
        {
            Request request = new() { Payload = Pattern.Bytes(n * 100, start: n) };
            Outcome outcome = await AnyCall.RunAsync(session.Client, (Kind)(n % 4), default, request);
            Pattern.AssertIs(n * 100, n, outcome.SingleResponse.Payload);
        }

        await Task.WhenAll(Enumerable.Range(0, 200).Select(CallAsync)).WithinLimit();
    }

    private static Task<Response>[] Start(Session session, CallWatch watch, Then then) =>
    [
        .. Enumerable.Range(0, Calls).Select(n =>
        {
            Request request = new() { Payload = Pattern.Bytes(n, start: n), Then = then };
            return session.Client.UnaryAsync(request, watch.Options).ResponseAsync;
        }),
    ];

    private static async Task AssertAllAnsweredOnOneConnectionAsync(Task<Response>[] calls, CallWatch watch)
    {
        Response[] responses = await Task.WhenAll(calls).WithinLimit("all calls end");
        for (int n = 0; n < Calls; n++)
        {
            Pattern.AssertIs(n, n, responses[n].Payload);
        }

        Assert.Single(watch.Peers);
    }
}
