using Grpc.Core;
using Grpc.Core.Interceptors;
using MiniGrpc.Client;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Server;

namespace MiniGrpc.Conformance.Wire.Surface;

/// <content>Calls of services that are told to end (<see cref="GrpcServer.CancelOnShutdown"/>).</content>
public partial class StoppingTests
{
    [Fact]
    public async Task Calls_of_services_that_are_told_to_end_have_their_say_after_the_program()
    {
        string state = "serving";
        var waiting = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using GrpcServer server = Create(EchoService.Bind(bidi: async (_, responses, context) =>
        {
            var told = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
            using CancellationTokenRegistration registration = context.CancellationToken.Register(() => told.SetResult(state));
            waiting.SetResult();
            await responses.WriteAsync(System.Text.Encoding.UTF8.GetBytes(await told.Task));
        }));
        server.CancelOnShutdown.Add("echo.Echo");
        server.Stopping.Register(() => state = "not serving");
        await server.StartAsync();
        await using MiniChannel channel = MiniChannel.ForEndPoint(_endPoint);
        using AsyncDuplexStreamingCall<byte[], byte[]> call = channel.CreateCallInvoker().AsyncDuplexStreamingCall(EchoService.Bidi, null, default);
        await RawPeer.Within(waiting.Task, "the handler to wait");

        Task shutdown = server.ShutdownAsync();

        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None).WithinLimit("what the handler says"));
        Assert.Equal("not serving", System.Text.Encoding.UTF8.GetString(call.ResponseStream.Current));
        Assert.False(await call.ResponseStream.MoveNext(CancellationToken.None).WithinLimit("the end of the call"));
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
        await RawPeer.Within(shutdown, "the shutdown");
    }

    /// <summary>Their tokens still tell what all tokens do: that the client has gone.</summary>
    [Fact]
    public async Task Such_a_call_is_cancelled_by_its_client_as_ever()
    {
        var waiting = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using GrpcServer server = Create(EchoService.Bind(bidi: async (_, _, context) =>
        {
            await TestService.UntilCancelledAsync(context, waiting);
            cancelled.SetResult();
        }));
        server.CancelOnShutdown.Add("echo.Echo");
        await server.StartAsync();
        await using MiniChannel channel = MiniChannel.ForEndPoint(_endPoint);
        using (channel.CreateCallInvoker().AsyncDuplexStreamingCall(EchoService.Bidi, null, default))
        {
            await RawPeer.Within(waiting.Task, "the handler to wait");
        }

        await RawPeer.Within(cancelled.Task, "the handler's token to be cancelled");
    }

    [Fact]
    public async Task Calls_of_other_services_are_not_told_of_a_shutdown()
    {
        CancellationToken token = default;
        await using GrpcServer server = Create(EchoService.Bind((request, context) =>
        {
            token = context.CancellationToken;
            return Task.FromResult(request);
        }));
        var release = new TaskCompletionSource<byte[]>(TaskCreationOptions.RunContinuationsAsynchronously);
        var waiting = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var other = new TestService
        {
            Unary = async (_, context) =>
            {
                token = context.CancellationToken;
                waiting.SetResult();
                return await release.Task;
            },
        };
        server.Services.Add(other.Bind());
        server.CancelOnShutdown.Add("echo.Echo");
        await server.StartAsync();
        await using MiniChannel channel = MiniChannel.ForEndPoint(_endPoint);
        AsyncUnaryCall<byte[]> call = channel.CreateCallInvoker().AsyncUnaryCall(TestService.UnaryMethod, null, default, []);
        await RawPeer.Within(waiting.Task, "the handler to wait");

        Task shutdown = server.ShutdownAsync();
        await Eventually.IsTrueAsync(() => !CanConnect(), "the server to close its listener");
        Assert.False(token.IsCancellationRequested);
        release.SetResult([3]);
        Assert.Equal([3], await call.ResponseAsync.WithinLimit("the response"));
        await RawPeer.Within(shutdown, "the shutdown");
    }

    /// <summary>A server that runs for a year must not hold every call that it was to tell.</summary>
    [Fact]
    public async Task Calls_that_have_ended_are_not_held_for_the_sake_of_a_shutdown()
    {
        List<WeakReference> registered = [];
        await using GrpcServer server = Create(EchoService.Bind((request, context) =>
        {
            object state = new();
            context.CancellationToken.Register(static _ => { }, state);
            registered.Add(new WeakReference(state));
            return Task.FromResult(request);
        }));
        server.CancelOnShutdown.Add("echo.Echo");
        await server.StartAsync();
        await using MiniChannel channel = MiniChannel.ForEndPoint(_endPoint);
        for (int i = 0; i < 20; i++)
        {
            await channel.CreateCallInvoker().AsyncUnaryCall(EchoService.Unary, null, default, [1]).ResponseAsync.WithinLimit("a response");
        }

        GC.Collect();
        Assert.True(registered.Count(state => state.IsAlive) < 5, "the server holds calls that have ended");
    }

    /// <summary>
    /// How a handler comes to be cancelled doesn't matter: by the call's token, by one of its own that follows it, or by an exception without any;
    /// nor does what stands between it and the server.
    /// </summary>
    [Theory]
    [InlineData("the call's token", false)]
    [InlineData("the call's token", true)]
    [InlineData("a linked token", false)]
    [InlineData("no token", true)]
    public async Task A_handler_that_is_cancelled_by_the_shutdown_ends_its_call_with_UNAVAILABLE(string what, bool isIntercepted)
    {
        var waiting = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using GrpcServer server = Create(EchoService.Bind(async (_, context) =>
        {
            using var linked = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken);
            CancellationToken token = what == "a linked token" ? linked.Token : context.CancellationToken;
            await TestService.UntilCancelledAsync(context, waiting);
            throw what == "no token" ? new OperationCanceledException() : new TaskCanceledException("given up", null, token);
        }));
        if (isIntercepted)
        {
            server.Interceptors.Add(new Rethrowing());
        }

        Status status = await FailAsync(server, waiting);
        Assert.Equal(new Status(StatusCode.Unavailable, "The server is shutting down."), status);
        Assert.Contains("Debug: The handler of /echo.Echo/Unary was cancelled by the shutdown of the server", _log.Lines);
        Assert.DoesNotContain(_log.Lines, line => line.StartsWith("Error:", StringComparison.Ordinal));
    }

    /// <summary>Responses that were written before it have arrived.</summary>
    [Fact]
    public async Task A_stream_that_is_cancelled_by_the_shutdown_ends_with_UNAVAILABLE()
    {
        await using GrpcServer server = Create(EchoService.Bind(bidi: async (requests, responses, context) =>
        {
            await responses.WriteAsync([1]);
            await requests.MoveNext(context.CancellationToken);
        }));
        server.CancelOnShutdown.Add("echo.Echo");
        await server.StartAsync();
        await using MiniChannel channel = MiniChannel.ForEndPoint(_endPoint);
        using AsyncDuplexStreamingCall<byte[], byte[]> call = channel.CreateCallInvoker().AsyncDuplexStreamingCall(EchoService.Bidi, null, default);
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None).WithinLimit("the first response"));
        Task shutdown = server.ShutdownAsync();
        await TestChannel.AssertFailsAsync(call.ResponseStream.MoveNext(CancellationToken.None), StatusCode.Unavailable, "The server is shutting down.");
        await RawPeer.Within(shutdown, "the shutdown");
    }

    /// <summary>A mistake is one during a shutdown, too; and one of its own cancelling is a handler's that was not told of any.</summary>
    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public async Task What_else_a_handler_throws_during_a_shutdown_is_UNKNOWN(bool isTold, bool isCancellation)
    {
        var stopping = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var waiting = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using GrpcServer server = Create(EchoService.Bind(async (_, context) =>
        {
            waiting.SetResult();
            await (isTold ? TestService.UntilCancelledAsync(context) : stopping.Task);
            throw isCancellation ? new OperationCanceledException() : new InvalidOperationException("a mistake");
        }));
        server.Stopping.Register(stopping.SetResult);
        Status status = await FailAsync(server, waiting, isTold);
        Assert.Equal(StatusCode.Unknown, status.StatusCode);
        Assert.Contains("Error: The handler of /echo.Echo/Unary threw an exception", _log.Lines);
    }

    [Fact]
    public async Task A_handler_that_cancels_itself_while_the_server_goes_on_ends_its_call_with_UNKNOWN()
    {
        await using GrpcServer server = Create(EchoService.Bind((_, _) => throw new OperationCanceledException()));
        server.CancelOnShutdown.Add("echo.Echo");
        await server.StartAsync();
        await using MiniChannel channel = MiniChannel.ForEndPoint(_endPoint);
        Task call = channel.CreateCallInvoker().AsyncUnaryCall(EchoService.Unary, null, default, []).ResponseAsync;
        await TestChannel.AssertFailsAsync(call, StatusCode.Unknown, "The handler threw an exception.");
    }

    [Fact]
    public async Task A_service_that_is_to_be_told_and_isn_t_there_is_named_at_the_start()
    {
        await using GrpcServer server = Create(EchoService.Bind());
        server.CancelOnShutdown.Add("echo.echo");
        InvalidOperationException e = await Assert.ThrowsAsync<InvalidOperationException>(server.StartAsync);
        Assert.StartsWith("CancelOnShutdown has 'echo.echo', but no service of that name is registered", e.Message, StringComparison.Ordinal);
    }

    /// <summary>A call that is under way when the server is shut down, and fails.</summary>
    private async Task<Status> FailAsync(GrpcServer server, TaskCompletionSource waiting, bool isTold = true)
    {
        if (isTold)
        {
            server.CancelOnShutdown.Add("echo.Echo");
        }

        await server.StartAsync();
        await using MiniChannel channel = MiniChannel.ForEndPoint(_endPoint);
        AsyncUnaryCall<byte[]> call = channel.CreateCallInvoker().AsyncUnaryCall(EchoService.Unary, null, default, []);
        await RawPeer.Within(waiting.Task, "the handler to wait");
        Task shutdown = server.ShutdownAsync();
        Status status = await TestChannel.FailureAsync(call.ResponseAsync);
        await RawPeer.Within(shutdown, "the shutdown");
        return status;
    }

    private bool CanConnect()
    {
        try
        {
            _endPoint.Connect().Abort();
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>Looks at what passes, as a logging interceptor does.</summary>
    private sealed class Rethrowing : Interceptor
    {
        public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
            TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
        {
            try
            {
                return await continuation(request, context);
            }
            catch (OperationCanceledException)
            {
                throw;
            }
        }
    }
}
