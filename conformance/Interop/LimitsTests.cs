using Grpc.Core;
using MiniGrpc.Conformance.Interop.Calls;
using MiniGrpc.Conformance.Interop.Peers;
using MiniGrpc.Conformance.Interop.Service;
using MiniGrpc.Conformance.Protos;

namespace MiniGrpc.Conformance.Interop;

/// <summary>A message over a limit ends its call with RESOURCE_EXHAUSTED, and nothing but its call.</summary>
public sealed class LimitsTests
{
    /// <summary>What every gRPC implementation receives unless told otherwise.</summary>
    private const int DefaultLimit = 4 << 20;

    private const int Limit = 100_000;

    [Theory, Matrix(AcrossProcesses = true)]
    public async Task The_server_receives_no_more_than_4_MiB_by_default(Pair pair, Kind kind)
    {
        await using Session session = await pair.ConnectAsync();

        await AssertExhaustedAndAliveAsync(session, kind, ExactlyUp(DefaultLimit + 1));
        await AssertFitsAsync(session, kind, ExactlyUp(DefaultLimit));
    }

    [Theory, Matrix(AcrossProcesses = true)]
    public async Task The_client_receives_no_more_than_4_MiB_by_default(Pair pair, Kind kind)
    {
        await using Session session = await pair.ConnectAsync();

        await AssertExhaustedAndAliveAsync(session, kind, Down(DefaultLimit));
        await AssertFitsAsync(session, kind, Down(DefaultLimit - 100));
    }

    [Theory, Matrix]
    public async Task The_server_receives_no_more_than_it_is_set_to(Pair pair, Kind kind)
    {
        await using Session session = await pair.StartAndConnectAsync(setup => setup with { MaxReceiveMessageSize = Limit });

        await AssertExhaustedAndAliveAsync(session, kind, ExactlyUp(Limit + 1));
        await AssertFitsAsync(session, kind, ExactlyUp(Limit));
    }

    [Theory, Matrix]
    public async Task The_server_sends_no_more_than_it_is_set_to(Pair pair, Kind kind)
    {
        await using Session session = await pair.StartAndConnectAsync(setup => setup with { MaxSendMessageSize = Limit });

        await AssertExhaustedAndAliveAsync(session, kind, Down(Limit));
        await AssertFitsAsync(session, kind, Down(Limit - 100));
    }

    [Theory, Matrix(AcrossProcesses = true)]
    public async Task The_client_receives_no_more_than_it_is_set_to(Pair pair, Kind kind)
    {
        await using Session session = await pair.ConnectAsync(new ClientSetup { MaxReceiveMessageSize = Limit });

        await AssertExhaustedAndAliveAsync(session, kind, Down(Limit));
        await AssertFitsAsync(session, kind, Down(Limit - 100));
    }

    [Theory, Matrix(AcrossProcesses = true)]
    public async Task The_client_sends_no_more_than_it_is_set_to(Pair pair)
    {
        await using Session session = await pair.ConnectAsync(new ClientSetup { MaxSendMessageSize = Limit });
        foreach (Kind kind in new[] { Kind.Unary, Kind.ServerStreaming })
        {
            await AssertExhaustedAndAliveAsync(session, kind, ExactlyUp(Limit + 1));
            await AssertFitsAsync(session, kind, ExactlyUp(Limit));
        }

        // In a stream it is the write that fails.
        using AsyncDuplexStreamingCall<Request, Response> call = session.Client.Bidi();
        RpcException e = await Assert.ThrowsAsync<RpcException>(() => call.RequestStream.WriteAsync(ExactlyUp(Limit + 1)).WithinLimit());
        Assert.Equal(StatusCode.ResourceExhausted, e.StatusCode);
    }

    [Theory, Matrix]
    public async Task A_limit_holds_for_what_a_message_is_after_decompression(Pair pair, Kind kind)
    {
        await using Session session = await pair.StartAndConnectAsync(
            setup => setup with { MaxReceiveMessageSize = Limit }, new ClientSetup { MaxReceiveMessageSize = Limit });
        Request down = Down(Limit);
        down.CompressResponses = true;

        Outcome up = await AnyCall.RunAsync(session.Client, kind, pair.Client.WithGzipRequests(default), ExactlyUp(10 * Limit));

        up.AssertEndedWith(StatusCode.ResourceExhausted);
        await AssertExhaustedAndAliveAsync(session, kind, down);
    }

    /// <summary>Asks for a response of so many bytes, and less than 100 for its other fields.</summary>
    private static Request Down(int payload) => new() { Answer = new Answer { Count = 1, Size = payload } };

    /// <summary>A request of so many bytes on the wire.</summary>
    private static Request ExactlyUp(int size)
    {
        Request request = new() { Payload = Pattern.Bytes(size), Answer = new Answer { Count = 1 } };
        request.Payload = Pattern.Bytes(size - (request.CalculateSize() - size));
        Assert.Equal(size, request.CalculateSize());
        return request;
    }

    private static async Task AssertExhaustedAndAliveAsync(Session session, Kind kind, Request request)
    {
        Outcome outcome = await AnyCall.RunAsync(session.Client, kind, default, request);

        outcome.AssertEndedWith(StatusCode.ResourceExhausted);
        Assert.Empty(outcome.Responses);
        await session.Client.UnaryAsync(new Request()).ResponseAsync.WithinLimit();
    }

    private static async Task AssertFitsAsync(Session session, Kind kind, Request request)
    {
        Outcome outcome = await AnyCall.RunAsync(session.Client, kind, default, request);

        Pattern.AssertIs(request.Answer.Size, 0, outcome.SingleResponse.Payload);
    }
}
