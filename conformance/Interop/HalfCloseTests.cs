using Grpc.Core;
using MiniGrpc.Conformance.Interop.Calls;
using MiniGrpc.Conformance.Interop.Peers;
using MiniGrpc.Conformance.Interop.Service;
using MiniGrpc.Conformance.Protos;
using Status = MiniGrpc.Conformance.Protos.Status;

namespace MiniGrpc.Conformance.Interop;

/// <summary>Each side closes its half of the stream when it has said all, whether or not the other has.</summary>
public sealed class HalfCloseTests
{
    [Theory, Matrix]
    public async Task The_server_goes_on_after_the_client_has_finished(Pair pair)
    {
        await using Session session = await pair.ConnectAsync();
        CallWatch watch = session.Watch();
        Request wait = new() { Answer = new Answer { Count = 1, Size = 100 }, Then = Then.AwaitRelease };
        Request many = new() { Answer = new Answer { Count = 20, Size = 10_000 } };
        using AnyCall call = await AnyCall.StartAsync(session.Client, Kind.Bidi, watch.Options, wait, many);
        Assert.True(await call.TryCompleteAsync());
        Assert.NotNull(await call.ReadAsync());

        watch.Release();

        Outcome outcome = await call.ReadToEndAsync();
        outcome.AssertEndedWith(StatusCode.OK);
        Assert.Equal(21, outcome.Responses.Count);
    }

    [Theory, Matrix]
    public async Task The_client_may_finish_long_after_its_last_message(Pair pair)
    {
        await using Session session = await pair.ConnectAsync();
        CallWatch watch = session.Watch();
        using AnyCall call = await AnyCall.StartAsync(session.Client, Kind.Bidi, watch.Options, new Request());
        Assert.NotNull(await call.ReadAsync());
        Assert.False(watch.Ended.IsCompleted);

        Outcome outcome = await call.FinishAsync();

        outcome.AssertEndedWith(StatusCode.OK);
        await watch.Ended.WithinLimit("the handler ends");
    }

    // gRPC over HTTP/2, Errors: a server may end a call before the client has half-closed; the client then stops sending.
    [Theory, Matrix(AcrossProcesses = true)]
    public async Task The_server_may_finish_while_the_client_is_sending(Pair pair, bool well)
    {
        foreach (Kind kind in new[] { Kind.ClientStreaming, Kind.Bidi })
        {
            await using Session session = await pair.ConnectAsync();
            StatusCode code = well ? StatusCode.OK : StatusCode.OutOfRange;
            Request end = new()
            {
                Payload = Pattern.Bytes(100),
                Then = Then.End,
                Status = new Status { Code = (int)code, Message = "enough" },
            };
            using AnyCall call = await AnyCall.StartAsync(session.Client, kind, default, end);

            await SendUntilOverAsync(call);

            Outcome outcome = await call.ReadToEndAsync();
            outcome.AssertEndedWith(code);
            Assert.Equal(well || kind == Kind.Bidi ? 1 : 0, outcome.Responses.Count);
        }
    }

    [Theory, Matrix(AcrossProcesses = true)]
    public async Task The_server_may_finish_before_it_has_read_anything_of_a_large_request(Pair pair)
    {
        await using Session session = await pair.ConnectAsync();
        Method<Request, Response> method = Unknown.Method(MethodType.ClientStreaming);
        using AsyncClientStreamingCall<Request, Response> call = session.Invoker.AsyncClientStreamingCall(method, null, default);

        async Task SendAsync()
        {
            while (true)
            {
                await call.RequestStream.WriteAsync(new Request { Payload = Pattern.Bytes(64 << 10) });
            }
        }

        // How the write fails is up to the client; that it does, and what the call ends with, is not.
        Exception? failure = await Record.ExceptionAsync(() => SendAsync().WithinLimit("the client learns that the call is over"));

        Assert.True(
            failure is RpcException or InvalidOperationException || (failure is TimeoutException && AnyCall.WritesMayOutlastTheirCall(call.RequestStream)), $"{failure}");
        RpcException e = await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync.WithinLimit());
        Assert.Equal(StatusCode.Unimplemented, e.StatusCode);
    }

    private static async Task SendUntilOverAsync(AnyCall call)
    {
        async Task SendAsync()
        {
            while (await call.TrySendAsync(new Request { Payload = Pattern.Bytes(64 << 10) }))
            {
            }
        }

        await SendAsync().WaitAsync(2 * Bounded.Limit); // each write has its own limit
    }
}
