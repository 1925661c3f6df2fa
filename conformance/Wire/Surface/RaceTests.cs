using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using MiniGrpc.Client;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Server;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Conformance.Wire.Surface;

/// <summary>Ends that come from two sides at once, and what is left over when a caller loses interest.</summary>
public class RaceTests
{
    private static readonly Marshaller<byte[]> s_bytes = Marshallers.Create(static bytes => bytes, static bytes => bytes);
    private static readonly Method<byte[], byte[]> s_download = new(MethodType.ServerStreaming, "echo.Echo", "Download", s_bytes, s_bytes);

    [Fact]
    public async Task Responses_that_nobody_reads_do_not_use_up_the_connection()
    {
        // Each response fits the stream's window and is there whole when its reader loses interest; together they are
        // several times what may wait unread on a connection.
        const int Calls = 400;
        MemoryEndPoint endPoint = new();
        await using GrpcServer server = new();
        server.Services.Add(ServerServiceDefinition.CreateBuilder().AddMethod(s_download, SendAsync).Build());
        server.Listen(endPoint);
        await server.StartAsync();
        await using MiniChannel channel = MiniChannel.ForEndPoint(endPoint);
        CallInvoker invoker = channel.CreateCallInvoker();

        for (int i = 0; i < Calls; i++)
        {
            using AsyncServerStreamingCall<byte[]> call = invoker.AsyncServerStreamingCall(s_download, null, default, []);
            Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None).WithinLimit($"the first message of call {i}"));
            await WaitForTrailersAsync(call);
        }

        static async Task SendAsync(byte[] request, IServerStreamWriter<byte[]> responses, ServerCallContext context)
        {
            for (int i = 0; i < 4; i++)
            {
                await responses.WriteAsync(new byte[12_000]);
            }
        }

        // The status comes behind the last message: when it is there, so is everything else.
        static async Task WaitForTrailersAsync(AsyncServerStreamingCall<byte[]> call)
        {
            using CancellationTokenSource limit = new(TimeSpan.FromSeconds(30));
            while (true)
            {
                try
                {
                    call.GetStatus();
                    return;
                }
                catch (InvalidOperationException)
                {
                    limit.Token.ThrowIfCancellationRequested();
                    await Task.Yield();
                }
            }
        }
    }

    [Fact]
    public async Task A_read_that_was_cancelled_on_the_server_loses_no_message()
    {
        TaskCompletionSource waiting = new();
        List<byte[]> received = [];
        await using Setup setup = await Setup.StartAsync(EchoService.Bind(bidi: async (requests, responses, _) =>
        {
            using CancellationTokenSource impatience = new();
            Task<bool> read = requests.MoveNext(impatience.Token);
            await impatience.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => read);
            waiting.SetResult();
            while (await requests.MoveNext(CancellationToken.None))
            {
                received.Add(requests.Current);
            }

            await responses.WriteAsync([(byte)received.Count]);
        }));
        using AsyncDuplexStreamingCall<byte[], byte[]> call = setup.Invoker.AsyncDuplexStreamingCall(EchoService.Bidi, null, default);
        await waiting.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

        await call.RequestStream.WriteAsync([1]);
        await call.RequestStream.WriteAsync([2]);
        await call.RequestStream.CompleteAsync();

        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None).WithinLimit("the response"));
        Assert.Equal([2], call.ResponseStream.Current);
        Assert.Equal([[1], [2]], received);
    }

    [Fact]
    public async Task A_token_cancelled_while_its_read_takes_a_message_comes_too_late()
    {
        // The marshaller runs in the middle of the read that was woken: the worst moment to cancel it.
        using CancellationTokenSource impatience = new();
        TaskCompletionSource waiting = new();
        Marshaller<byte[]> cancelling = Marshallers.Create(static bytes => bytes, bytes =>
        {
            impatience.Cancel();
            return bytes;
        });
        Method<byte[], byte[]> method = new(MethodType.DuplexStreaming, "echo.Echo", "Bidi", cancelling, s_bytes);
        await using Setup setup = await Setup.StartAsync(ServerServiceDefinition.CreateBuilder().AddMethod(method, async (requests, responses, _) =>
        {
            Task<bool> read = requests.MoveNext(impatience.Token);
            waiting.SetResult();
            Assert.True(await read);
            await responses.WriteAsync(requests.Current);
        }).Build());
        using AsyncDuplexStreamingCall<byte[], byte[]> call = setup.Invoker.AsyncDuplexStreamingCall(EchoService.Bidi, null, default);
        await waiting.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

        await call.RequestStream.WriteAsync([4]);

        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None).WithinLimit("the response"));
        Assert.Equal([4], call.ResponseStream.Current);
    }

    [Fact]
    public async Task Reads_that_are_cancelled_while_messages_come_in_lose_and_repeat_none()
    {
        const int Messages = 2_000;
        await using Setup setup = await Setup.StartAsync(EchoService.Bind(bidi: async (requests, responses, context) =>
        {
            int expected = 0;
            while (expected < Messages)
            {
                // Cancelled from another thread, at whatever moment that is.
                using CancellationTokenSource impatience = new();
                Task<bool> read = requests.MoveNext(impatience.Token);
                _ = Task.Run(impatience.Cancel, context.CancellationToken);
                try
                {
                    Assert.True(await read);
                    Assert.Equal(expected++, BitConverter.ToInt32(requests.Current));
                }
                catch (OperationCanceledException)
                {
                    // Cancelled before a message was taken: the next read gets it.
                }
            }

            await responses.WriteAsync(BitConverter.GetBytes(expected));
        }));
        using AsyncDuplexStreamingCall<byte[], byte[]> call = setup.Invoker.AsyncDuplexStreamingCall(EchoService.Bidi, null, default);
        for (int i = 0; i < Messages; i++)
        {
            await call.RequestStream.WriteAsync(BitConverter.GetBytes(i));
        }

        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None).WithinLimit("the count"));
        Assert.Equal(Messages, BitConverter.ToInt32(call.ResponseStream.Current));
    }

    [Fact]
    public async Task A_shutdown_does_not_wait_for_a_client_that_answers_nothing()
    {
        FakeTimeProvider time = new();
        MemoryEndPoint endPoint = new();
        await using GrpcServer server = new(new GrpcServerOptions { TimeProvider = time });
        server.Listen(endPoint);
        await server.StartAsync();
        ITransport silent = endPoint.Connect();
        await new RawClient(silent).StartAsync();

        Task shutdown = server.ShutdownAsync();
        while (!shutdown.IsCompleted)
        {
            // Whatever the server waits for, a timer of its own ends it.
            time.Advance(TimeSpan.FromSeconds(1));
            await Task.WhenAny(shutdown, Task.Delay(1, TestContext.Current.CancellationToken));
            Assert.True(time.GetUtcNow() - time.Start < TimeSpan.FromMinutes(1), "the shutdown still waits after a minute");
        }

        await shutdown;
        await silent.DisposeAsync();
    }

    [Fact]
    public async Task Calls_whose_deadline_passes_while_they_wait_for_a_connection_are_forgotten()
    {
        FakeTimeProvider time = new(DateTimeOffset.UtcNow);
        await using MiniChannel channel = MiniChannel.ForEndPoint(new MemoryEndPoint(), new MiniChannelOptions { TimeProvider = time });
        CallOptions options = new CallOptions(deadline: time.GetUtcNow().UtcDateTime.AddMilliseconds(500)).WithWaitForReady();
        Task<byte[]> call = channel.CreateCallInvoker().AsyncUnaryCall(EchoService.Unary, null, options, []).ResponseAsync;

        time.Advance(TimeSpan.FromMilliseconds(500));

        RpcException error = await Assert.ThrowsAsync<RpcException>(() => call.WithinLimit("the deadline"));
        Assert.Equal(StatusCode.DeadlineExceeded, error.StatusCode);
        Assert.Equal(0, channel.Core.Router.WaitingCalls);
    }

    [Fact]
    public async Task Closing_a_server_twice_leaves_its_successor_on_the_same_path_alone()
    {
        string path = Path.Combine(Path.GetTempPath(), $"minigrpc-{Guid.NewGuid():N}.sock");
        GrpcServer first = EchoService.CreateServer("unix:" + path);
        await first.StartAsync();
        await first.ShutdownAsync();
        await using GrpcServer second = EchoService.CreateServer("unix:" + path);
        await second.StartAsync();

        await first.DisposeAsync();

        await using MiniChannel channel = MiniChannel.ForAddress("unix:" + path);
        Assert.Equal([5], await channel.CreateCallInvoker().AsyncUnaryCall(EchoService.Unary, null, default, [5]).ResponseAsync.WithinLimit("the response"));
    }

    [Fact]
    public async Task A_trace_that_throws_ends_its_connection_and_tells_the_calls()
    {
        MemoryEndPoint endPoint = new();
        await using GrpcServer server = new();
        server.Services.Add(EchoService.Bind());
        server.Listen(endPoint);
        await server.StartAsync();
        await using MiniChannel channel = MiniChannel.ForEndPoint(endPoint, new MiniChannelOptions
        {
            WireTrace = frame =>
            {
                if (!frame.IsSent && frame.Type == "HEADERS")
                {
                    throw new FormatException("the trace is broken");
                }
            },
        });

        RpcException error = await Assert.ThrowsAsync<RpcException>(
            () => channel.CreateCallInvoker().AsyncUnaryCall(EchoService.Unary, null, default, [1]).ResponseAsync.WithinLimit("the end"));

        Assert.Equal(StatusCode.Unavailable, error.StatusCode);
        Assert.Contains("the trace is broken", error.Status.Detail, StringComparison.Ordinal);
    }
}
