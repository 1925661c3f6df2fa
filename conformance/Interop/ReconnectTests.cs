using Grpc.Core;
using MiniGrpc.Conformance.Interop.Calls;
using MiniGrpc.Conformance.Interop.Peers;
using MiniGrpc.Conformance.Interop.Service;
using MiniGrpc.Conformance.Protos;

namespace MiniGrpc.Conformance.Interop;

/// <summary>A channel outlives the server's process.</summary>
public sealed class ReconnectTests
{
    [Theory, Matrix(OverTcp = true)]
    public async Task A_channel_finds_a_server_that_was_started_again(Pair pair, Kind kind)
    {
        using HeldPort port = new(); // the server's, also while it is away
        HostedServer first = await HostedServer.StartAsync(pair.Server, pair.Transport, setup => setup with { Port = port.Number });
        await using Session session = new(pair, first, first.Address, setup: null, ownsServer: false);
        (await CallAsync(session, kind)).AssertEndedWith(StatusCode.OK);

        await first.DisposeAsync();
        (await CallAsync(session, kind)).AssertEndedWith(StatusCode.Unavailable);

        await using HostedServer second = await HostedServer.StartAsync(
            pair.Server, pair.Transport, setup => setup with { Port = port.Number });
        await UntilCallSucceedsAsync(session, kind).WithinLimit("the channel reconnects");
        (await CallAsync(session, kind)).AssertEndedWith(StatusCode.OK);
    }

    [Theory, Matrix]
    public async Task A_call_that_the_server_takes_down_with_it_ends_with_an_error(Pair pair, Kind kind)
    {
        HostedServer server = await HostedServer.StartAsync(pair.Server, pair.Transport, setup => setup);
        await using Session session = new(pair, server, server.Address, setup: null, ownsServer: false);
        CallWatch watch = session.Watch();
        Request request = new() { Then = Then.AwaitCancellation, Answer = new Answer() };
        using AnyCall call = await AnyCall.StartAsync(session.Client, kind, watch.Options, request);
        await watch.Waiting.WithinLimit("the handler waits");

        await server.DisposeAsync().AsTask().WithinLimit("the server stops");

        Outcome outcome = await call.ReadToEndAsync();
        Assert.NotEqual(StatusCode.OK, outcome.Code);
        await watch.Ended.WithinLimit("the handler ends");
    }

    /// <summary>
    /// Calls until one gets through. Until then the client may say that the server is unavailable, as often as its back-off wants:
    /// the next call may wait for the connection or fail at once.
    /// </summary>
    private static async Task UntilCallSucceedsAsync(Session session, Kind kind)
    {
        Outcome outcome;
        while ((outcome = await CallAsync(session, kind)).Code != StatusCode.OK)
        {
            outcome.AssertEndedWith(StatusCode.Unavailable);
            await Task.Yield();
        }
    }

    private static Task<Outcome> CallAsync(Session session, Kind kind) =>
        AnyCall.RunAsync(session.Client, kind, default, new Request { Answer = new Answer { Count = 1 } });
}
