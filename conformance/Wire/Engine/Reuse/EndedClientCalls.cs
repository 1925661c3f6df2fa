using Grpc.Core;
using MiniGrpc.Client;

namespace MiniGrpc.Conformance.Wire.Engine.Reuse;

/// <summary>The object of a call that has ended, while the call's stream serves the next one: it still answers, and does the other no harm.</summary>
public class EndedClientCalls
{
    [Fact]
    public async Task It_answers_for_its_own_call()
    {
        await using var client = new TestChannel();
        RawServer server = await client.ConnectAsync();
        using AsyncUnaryCall<byte[]> ended = await EndAsync(client, server, CancellationToken.None);
        using AsyncUnaryCall<byte[]> next = client.Unary([2]);
        await server.RequestAsync(3);
        await server.HeadersAsync(3, endStream: false, [.. RawServer.Headers200, "name=second"]);
        await server.RoundTripAsync();
        Assert.Equal("first", (await RawPeer.Within(ended.ResponseHeadersAsync, "the headers")).GetValue("name"));
        Assert.Equal(StatusCode.OK, ended.GetStatus().StatusCode);
        Assert.Equal("first", ended.GetTrailers().GetValue("end"));
        Assert.Equal([1], await ended.ResponseAsync);
        Assert.Throws<InvalidOperationException>(() => next.GetStatus());
        await server.DataAsync(3, RawClient.Message(2));
        await server.HeadersAsync(3, endStream: true, "grpc-status=0", "end=second");
        Assert.Equal([2], await RawPeer.Within(next.ResponseAsync, "the response"));
        Assert.Equal("first", ended.GetTrailers().GetValue("end"));
        Assert.Equal("second", next.GetTrailers().GetValue("end"));
    }

    [Theory]
    [InlineData("dispose")]
    [InlineData("token")]
    public async Task Ending_it_once_more_does_not_end_the_next_call(string how)
    {
        await using var client = new TestChannel();
        RawServer server = await client.ConnectAsync();
        using var source = new CancellationTokenSource();
        AsyncUnaryCall<byte[]> ended = await EndAsync(client, server, source.Token);
        using AsyncUnaryCall<byte[]> next = client.Unary([2]);
        await server.RequestAsync(3);
        await server.HeadersAsync(3, endStream: false, RawServer.Headers200);
        await server.DataAsync(3, RawClient.Message(2));
        await server.RoundTripAsync();
        if (how == "token")
        {
            await source.CancelAsync();
        }

        ended.Dispose();
        await server.AssertNothingOnAsync(3);
        Assert.Equal(StatusCode.OK, ended.GetStatus().StatusCode);
        await server.HeadersAsync(3, endStream: true, "grpc-status=0");
        Assert.Equal([2], await RawPeer.Within(next.ResponseAsync, "the response"));
        await client.AssertQuietAsync(server);
    }

    /// <summary>A caller goes on where its response is set: its next call may be on the stream before the one that ended has done with it.</summary>
    [Fact]
    public async Task A_call_that_is_started_by_the_end_of_the_one_before_gets_its_response()
    {
        await using var client = new TestChannel();
        RawServer server = await client.ConnectAsync();
        using AsyncUnaryCall<byte[]> first = client.Unary([1]);
        ClientStream stream = await client.StreamAsync(server, 1);
        var answered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        AsyncUnaryCall<byte[]>? next = null;
        Task continuation = first.ResponseAsync.ContinueWith(
            _ =>
            {
                Assert.True(SpinWait.SpinUntil(() => client.Pooled().Contains(stream), RawPeer.Patience));
                next = client.Unary([2]);
                answered.SetResult();
                Assert.True(SpinWait.SpinUntil(() => Internals.HoldsMemory(stream.Inbox), RawPeer.Patience)); // its response is there
            },
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
        await server.ReplyAsync(1, 1);
        await RawPeer.Within(answered.Task, "the next call to start");
        await server.RequestAsync(3);
        await server.HeadersAsync(3, endStream: false, RawServer.Headers200);
        await server.DataAsync(3, RawClient.Message(2));
        await RawPeer.Within(continuation, "the first call's end");
        await server.RoundTripAsync();
        await server.HeadersAsync(3, endStream: true, "grpc-status=0");
        Assert.Equal([2], await RawPeer.Within(next!.ResponseAsync, "the response"));
        await client.AssertQuietAsync(server);
    }

    private static async Task<AsyncUnaryCall<byte[]>> EndAsync(TestChannel client, RawServer server, CancellationToken token)
    {
        AsyncUnaryCall<byte[]> call = client.Unary([1], new CallOptions(cancellationToken: token));
        ClientStream stream = await client.StreamAsync(server, 1);
        await server.HeadersAsync(1, endStream: false, [.. RawServer.Headers200, "name=first"]);
        await server.DataAsync(1, RawClient.Message(1));
        await server.HeadersAsync(1, endStream: true, "grpc-status=0", "end=first");
        await RawPeer.Within(call.ResponseAsync, "the response");
        await client.PooledAsync(server, stream);
        return call;
    }
}
