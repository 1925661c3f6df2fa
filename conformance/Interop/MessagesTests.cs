using System.Security.Cryptography;
using MiniGrpc.Conformance.Interop.Calls;
using MiniGrpc.Conformance.Interop.Peers;
using MiniGrpc.Conformance.Interop.Service;
using MiniGrpc.Conformance.Protos;

namespace MiniGrpc.Conformance.Interop;

/// <summary>Messages of every size arrive as they left, in order, in calls of every kind.</summary>
public sealed class MessagesTests
{
    public enum Size
    {
        Empty = 0,
        Small = 100,
        OneMebibyte = 1 << 20,
    }

    [Theory, Matrix(AcrossProcesses = true)]
    public async Task A_message_comes_back_as_it_was_sent(Pair pair, Kind kind, Size size)
    {
        pair.SkipIfItLosesUploads((int)size);
        await using Session session = await pair.ConnectAsync();
        Request request = new() { Payload = Pattern.Bytes((int)size, start: 7) };

        Outcome outcome = await AnyCall.RunAsync(session.Client, kind, default, request);

        Pattern.AssertIs((int)size, 7, outcome.SingleResponse.Payload);
    }

    [Theory, Matrix(AcrossProcesses = true)]
    public async Task Request_and_response_may_differ_in_size(Pair pair, Kind kind, Size up, Size down)
    {
        pair.SkipIfItLosesUploads((int)up);
        await using Session session = await pair.ConnectAsync();
        Request request = new() { Payload = Pattern.Bytes((int)up), Answer = new Answer { Count = 1, Size = (int)down } };

        Outcome outcome = await AnyCall.RunAsync(session.Client, kind, default, request);

        Pattern.AssertIs((int)down, 0, outcome.SingleResponse.Payload);
    }

    [Theory, Matrix(AcrossProcesses = true)]
    public async Task A_server_stream_keeps_its_order(Pair pair, Size size)
    {
        await using Session session = await pair.ConnectAsync();
        Request request = new() { Answer = new Answer { Count = 10, Size = (int)size } };

        Outcome outcome = await AnyCall.RunAsync(session.Client, Kind.ServerStreaming, default, request);

        Assert.Equal(10, outcome.Responses.Count);
        for (int n = 0; n < 10; n++)
        {
            Pattern.AssertIs((int)size, n, outcome.Responses[n].Payload);
        }
    }

    [Theory, Matrix(AcrossProcesses = true)]
    public async Task A_client_stream_keeps_its_order(Pair pair, Size size)
    {
        pair.SkipIfItLosesUploads((int)size);
        await using Session session = await pair.ConnectAsync();
        Request[] requests = [.. Enumerable.Range(0, 10).Select(n => new Request { Payload = Pattern.Bytes((int)size, n) })];

        Outcome outcome = await AnyCall.RunAsync(session.Client, Kind.ClientStreaming, default, requests);

        Response response = outcome.SingleResponse;
        Assert.Equal(10, response.Received);
        Assert.Equal(SHA256.HashData(requests.SelectMany(request => request.Payload).ToArray()), response.ReceivedSha256.ToByteArray());
    }

    [Theory, Matrix(AcrossProcesses = true)]
    public async Task A_bidirectional_stream_is_a_conversation(Pair pair, Size size)
    {
        pair.SkipIfItLosesUploads((int)size);
        await using Session session = await pair.ConnectAsync();
        using AnyCall call = await AnyCall.StartAsync(session.Client, Kind.Bidi, default);

        for (int n = 0; n < 10; n++)
        {
            Assert.True(await call.TrySendAsync(new Request { Payload = Pattern.Bytes((int)size, n) }));
            Response? response = await call.ReadAsync();
            Assert.NotNull(response);
            Pattern.AssertIs((int)size, n, response.Payload);
        }

        Outcome outcome = await call.FinishAsync();
        outcome.AssertEndedWith(Grpc.Core.StatusCode.OK);
        Assert.Equal(10, outcome.Responses.Count);
    }

    [Theory, Matrix(AcrossProcesses = true)]
    public async Task A_stream_may_carry_no_message(Pair pair)
    {
        await using Session session = await pair.ConnectAsync();

        Outcome up = await AnyCall.RunAsync(session.Client, Kind.ClientStreaming, default);
        Outcome both = await AnyCall.RunAsync(session.Client, Kind.Bidi, default);
        Outcome down = await AnyCall.RunAsync(session.Client, Kind.ServerStreaming, default, new Request { Answer = new Answer() });

        Assert.Equal(0, up.SingleResponse.Received);
        both.AssertEndedWith(Grpc.Core.StatusCode.OK);
        Assert.Empty(both.Responses);
        down.AssertEndedWith(Grpc.Core.StatusCode.OK);
        Assert.Empty(down.Responses);
    }

    [Theory, Matrix(AcrossProcesses = true)]
    public async Task A_blocking_unary_call_returns_the_response(Pair pair)
    {
        await using Session session = await pair.ConnectAsync();

        Response response = await Task.Run(() => session.Client.Unary(new Request { Payload = Pattern.Bytes(100) })).WithinLimit();

        Pattern.AssertIs(100, 0, response.Payload);
    }
}
