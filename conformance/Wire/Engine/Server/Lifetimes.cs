using Grpc.Core;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.Server;

/// <summary>How calls end on a server: by the handler, the deadline, the client or the connection, and once.</summary>
public partial class Lifetimes
{
    [Fact]
    [Requirement("grpc-connections-9")]
    public async Task A_connection_that_is_lost_cancels_every_call_on_it()
    {
        await using var server = new TestServer();
        var started = new CountdownEvent(4);
        async Task HoldAsync(ServerCallContext context)
        {
            var cancelled = new TaskCompletionSource();
            using (context.CancellationToken.Register(cancelled.SetResult))
            {
                started.Signal();
                await RawPeer.Within(cancelled.Task, "the call's token to be cancelled");
            }
        }

        server.Service.Unary = async (request, context) =>
        {
            await HoldAsync(context);
            return request;
        };
        server.Service.Spread = async (_, responses, context) =>
        {
            await HoldAsync(context);
            await Assert.ThrowsAsync<OperationCanceledException>(() => responses.WriteAsync([1]));
        };
        server.Service.Collect = async (requests, context) =>
        {
            Task<bool> read = requests.MoveNext(CancellationToken.None);
            await HoldAsync(context);
            await Assert.ThrowsAsync<OperationCanceledException>(() => RawPeer.Within(read, "the read to end"));
            return [];
        };
        server.Service.Duplex = async (_, responses, context) =>
        {
            Task write = WriteUntilFullAsync(responses);
            await HoldAsync(context);
            await Assert.ThrowsAsync<OperationCanceledException>(() => RawPeer.Within(write, "the write to end"));
        };
        RawClient client = await server.StartAsync();
        int id = 1;
        foreach (string method in new[] { "Unary", "Spread", "Collect", "Duplex" })
        {
            await client.RequestAsync(id, method);
            await client.DataAsync(id, RawClient.Message(1), endStream: method is "Unary" or "Spread");
            id += 2;
        }

        await RawPeer.Within(Task.Run(started.Wait, TestContext.Current.CancellationToken), "the handlers to start");
        client.Cut();
        await server.AssertEndedAsync();
    }

    [Fact]
    public async Task A_connection_that_ends_within_a_frame_is_told_apart_in_the_log()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.SendAsync(new byte[] { 0, 0, 8, 6, 0 });
        await client.CloseOutputAsync();
        await client.ExpectEndAsync();
        await server.AssertEndedAsync();
        Assert.Contains(server.Log.Lines, line => line.Contains("in the middle of a frame", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_connection_that_breaks_a_rule_cancels_its_other_calls()
    {
        await using var server = new TestServer();
        Task started = server.Service.HoldUnary();
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Unary");
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        await RawPeer.Within(started, "the handler to start");
        await client.DataAsync(9, [1]);
        await client.ExpectGoAwayAndEndAsync(ErrorCode.ProtocolError, 1, "5.1");
        await server.AssertEndedAsync();
    }

    /// <summary>A handler's exception is for the log: its text tells a stranger nothing.</summary>
    [Theory]
    [InlineData("Unary")]
    [InlineData("Collect")]
    [InlineData("Spread")]
    [InlineData("Duplex")]
    [Requirement("grpc-errors-1")]
    public async Task A_handler_that_throws_is_unknown_and_keeps_its_secret(string method)
    {
        await using var server = new TestServer();
        server.Service.Unary = (_, _) => throw new InvalidOperationException("secret");
        server.Service.Collect = (_, _) => throw new InvalidOperationException("secret");
        server.Service.Spread = (_, _, _) => throw new InvalidOperationException("secret");
        server.Service.Duplex = (_, _, _) => throw new InvalidOperationException("secret");
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, method);
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        RawResponse response = await client.ResponseAsync(1);
        Assert.Equal("2", response.Status);
        Assert.DoesNotContain("secret", response.Message, StringComparison.Ordinal);
        await server.AssertQuietAsync(client);
    }

    [Fact]
    [Requirement("grpc-errors-1")]
    [Requirement("grpc-responses-1")]
    public async Task A_handler_that_throws_after_responses_ends_with_trailers()
    {
        await using var server = new TestServer();
        server.Service.Spread = async (_, responses, _) =>
        {
            await responses.WriteAsync([1]);
            throw new RpcException(new Status(StatusCode.Aborted, "enough"));
        };
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Spread");
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        RawResponse response = await client.ResponseAsync(1);
        Assert.Equal(RawClient.Message(1), response.Data);
        Assert.Equal(("10", "enough"), (response.Trailers?["grpc-status"], response.Trailers?["grpc-message"]));
        Assert.Null(response.Trailers?[":status"]);
        await server.AssertQuietAsync(client);
    }

    [Fact]
    public async Task A_handler_that_writes_and_reads_after_its_end_is_told_so_and_sends_nothing()
    {
        await using var server = new TestServer();
        IServerStreamWriter<byte[]>? writer = null;
        IAsyncStreamReader<byte[]>? reader = null;
        ServerCallContext? context = null;
        server.Service.Duplex = (requests, responses, c) =>
        {
            (reader, writer, context) = (requests, responses, c);
            return Task.CompletedTask;
        };
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Duplex");
        Assert.Equal("0", (await client.ResponseAsync(1)).Status);
        await client.ExpectResetAsync(1, ErrorCode.NoError);
        await Eventually.IsTrueAsync(() => server.Core.RunningCalls == 0, "the handler to return");
        await Assert.ThrowsAnyAsync<InvalidOperationException>(() => writer!.WriteAsync([1]));
        await Assert.ThrowsAnyAsync<InvalidOperationException>(() => reader!.MoveNext(CancellationToken.None));
        await Assert.ThrowsAnyAsync<InvalidOperationException>(() => context!.WriteResponseHeadersAsync([]));
        await client.AssertNothingOnAsync(1);
        await server.AssertQuietAsync(client);
    }

    /// <summary>A reset that comes before the request was complete leaves nothing behind: no handler ever starts.</summary>
    [Fact]
    public async Task A_call_that_is_reset_before_its_request_is_complete_never_reaches_a_handler()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        for (int id = 1; id < 200; id += 2)
        {
            await client.RequestAsync(id, "Unary");
            await client.DataAsync(id, RawClient.Message(1));
            await client.SendAsync(o => RstStreamFrame.Write(o, id, ErrorCode.Cancel));
        }

        await server.AssertQuietAsync(client);
        Assert.Empty(server.Service.Calls);
    }

    /// <summary>The race of a call's end and its handler's start: whoever wins, the handler hears of it and nothing is left.</summary>
    [Fact]
    public async Task A_call_that_is_reset_while_its_handler_starts_is_cancelled()
    {
        await using var server = new TestServer();
        server.Service.Unary = async (request, context) =>
        {
            await TestService.UntilCancelledAsync(context);
            return request;
        };
        RawClient client = await server.StartAsync();
        for (int id = 1; id < 1000; id += 2)
        {
            await client.SendAsync(o =>
            {
                client.Headers(o, id, endStream: false, RawClient.RequestFields("Unary"));
                DataFrame.Write(o, id, RawClient.Message(1), endStream: true);
                RstStreamFrame.Write(o, id, ErrorCode.Cancel);
            });
        }

        await server.AssertQuietAsync(client);
    }

    private static async Task WriteUntilFullAsync(IServerStreamWriter<byte[]> responses)
    {
        for (int i = 0; i < 1000; i++)
        {
            await responses.WriteAsync(new byte[10_000]);
        }
    }
}
