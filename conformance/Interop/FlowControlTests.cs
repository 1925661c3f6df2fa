using Grpc.Core;
using MiniGrpc.Conformance.Interop.Calls;
using MiniGrpc.Conformance.Interop.Peers;
using MiniGrpc.Conformance.Interop.Service;
using MiniGrpc.Conformance.Protos;

namespace MiniGrpc.Conformance.Interop;

/// <summary>
/// A reader that stops reading stops the writer, and nobody else (RFC 9113 section 5.2). Whether the writer has stopped is measured
/// in calls on the same connection rather than in time: it has, when a number of them come and go and it has not moved.
/// </summary>
[Collection(nameof(HeavyCollection))]
public sealed class FlowControlTests
{
    private const int MessageSize = 16 << 10;

    /// <summary>64 MiB: more than any window, any socket buffer and any queue on the way holds together.</summary>
    private const int Messages = (64 << 20) / MessageSize;

    private const int CallsWithoutProgress = 50;

    [Theory, Matrix]
    public async Task A_client_that_stops_reading_stops_the_server_until_it_reads_on(Pair pair)
    {
        await using Session session = await pair.ConnectAsync();
        CallWatch watch = session.Watch();
        Request request = new() { Answer = new Answer { Count = Messages, Size = MessageSize } };
        using AnyCall call = await AnyCall.StartAsync(session.Client, Kind.ServerStreaming, watch.Options, request);
        Assert.NotNull(await call.ReadAsync());

        await UntilStalledAsync(session, watch.Writes).WithinLimit("the server stops writing");

        Assert.InRange(watch.Writes.Completed, 1, Messages - 1);
        Outcome outcome = await call.ReadToEndAsync();
        outcome.AssertEndedWith(StatusCode.OK);
        Assert.Equal(Messages, outcome.Responses.Count);
        for (int n = 0; n < Messages; n++)
        {
            Pattern.AssertIs(MessageSize, n, outcome.Responses[n].Payload);
        }
    }

    [Theory, Matrix]
    public async Task A_server_that_stops_reading_stops_the_client_until_it_reads_on(Pair pair)
    {
        await using Session session = await pair.ConnectAsync();
        CallWatch watch = session.Watch();
        using AsyncClientStreamingCall<Request, Response> call = session.Client.ClientStreaming(watch.Options);
        await call.RequestStream.WriteAsync(new Request { Then = Then.AwaitRelease }).WithinLimit();
        await watch.Waiting.WithinLimit("the handler stops reading");
        WriteProgress writes = new();

        async Task WriteAllAsync()
        {
            for (int n = 0; n < Messages; n++)
            {
                await writes.TrackAsync(call.RequestStream.WriteAsync(new Request { Payload = Pattern.Bytes(MessageSize, n) }));
            }

            await call.RequestStream.CompleteAsync();
        }

        Task writing = WriteAllAsync();
        await UntilStalledAsync(session, writes).WithinLimit("the client stops writing");

        Assert.InRange(writes.Completed, 1, Messages - 1);
        Assert.Equal(1, watch.Received);
        watch.Release();
        await writing.WithinLimit("the client writes on");
        Response response = await call.ResponseAsync.WithinLimit();
        Assert.Equal(Messages + 1, response.Received);
    }

    [Theory, Matrix]
    public async Task A_stalled_call_can_be_cancelled(Pair pair)
    {
        await using Session session = await pair.ConnectAsync();
        CallWatch watch = session.Watch();
        Request request = new() { Answer = new Answer { Count = Messages, Size = MessageSize } };
        using AnyCall call = await AnyCall.StartAsync(session.Client, Kind.ServerStreaming, watch.Options, request);
        Assert.NotNull(await call.ReadAsync());
        await UntilStalledAsync(session, watch.Writes).WithinLimit("the server stops writing");

        call.Dispose();

        await watch.Ended.WithinLimit("the handler ends");
        Assert.InRange(watch.Writes.Completed, 1, Messages - 1);
        await session.Client.UnaryAsync(new Request()).ResponseAsync.WithinLimit();
    }

    private static async Task UntilStalledAsync(Session session, WriteProgress writes)
    {
        int before = -1;
        while (before != writes.Completed || !writes.Pending)
        {
            before = writes.Completed;
            for (int n = 0; n < CallsWithoutProgress; n++)
            {
                await session.Client.UnaryAsync(new Request()).ResponseAsync.WithinLimit("a call beside the stalled one");
            }
        }
    }
}
