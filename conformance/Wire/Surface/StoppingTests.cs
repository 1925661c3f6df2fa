using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using MiniGrpc.Client;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Server;
using MiniGrpc.Wire;

namespace MiniGrpc.Conformance.Wire.Surface;

/// <summary>Who is told, and in which order, when a server begins to stop.</summary>
public partial class StoppingTests
{
    private readonly MemoryEndPoint _endPoint = new();
    private readonly LogLines _log = new();
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public async Task Stopping_comes_before_anything_is_closed()
    {
        await using GrpcServer server = Create(EchoService.Bind());
        List<byte[]> answers = [];
        server.Stopping.Register(() =>
        {
            // A new connection and a call, while the shutdown waits for this to return.
            MiniChannel channel = MiniChannel.ForEndPoint(_endPoint);
            answers.Add(channel.CreateCallInvoker().BlockingUnaryCall(EchoService.Unary, null, default, [7]));
            Assert.True(channel.DisposeAsync().AsTask().Wait(RawPeer.Patience));
        });
        await server.StartAsync();
        Assert.False(server.Stopping.IsCancellationRequested);
        await RawPeer.Within(server.ShutdownAsync(TimeSpan.FromSeconds(30)), "the shutdown");
        Assert.Equal([7], Assert.Single(answers));
        Assert.Throws<IOException>(_endPoint.Connect);
    }

    [Fact]
    public async Task A_kill_is_a_stop_too_and_waits_for_nobody()
    {
        await using GrpcServer server = Create(EchoService.Bind());
        using ManualResetEventSlim release = new();
        var told = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        server.Stopping.Register(() =>
        {
            told.SetResult();
            release.Wait(RawPeer.Patience);
        });
        await server.StartAsync();
        await RawPeer.Within(server.KillAsync(), "the server to end");
        await RawPeer.Within(told.Task, "the program to be told");
        release.Set();
    }

    [Fact]
    public async Task What_throws_there_is_logged_and_keeps_no_server_from_stopping()
    {
        await using GrpcServer server = Create(EchoService.Bind());
        bool other = false;
        server.Stopping.Register(() => other = true);
        server.Stopping.Register(() => throw new FormatException("a mistake of the program's"));
        await server.StartAsync();
        await RawPeer.Within(server.ShutdownAsync(), "the shutdown");
        Assert.True(other);
        Assert.Contains("Error: What was to run when the server begins to stop threw an exception", _log.Lines);
    }

    [Fact]
    public async Task A_shutdown_s_time_limit_holds_for_what_blocks_there()
    {
        await using GrpcServer server = Create(EchoService.Bind());
        using ManualResetEventSlim release = new();
        var blocked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        server.Stopping.Register(() =>
        {
            blocked.SetResult();
            release.Wait(2 * RawPeer.Patience); // longer than the test waits
        });
        await server.StartAsync();
        Task shutdown = server.ShutdownAsync(TimeSpan.FromSeconds(5));
        await RawPeer.Within(blocked.Task, "the program to be told");
        Assert.False(shutdown.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(5));
        await RawPeer.Within(shutdown, "the shutdown");
        release.Set();
    }

    private GrpcServer Create(ServerServiceDefinition service)
    {
        GrpcServer server = new(new GrpcServerOptions { TimeProvider = _time, LoggerFactory = _log.Factory });
        server.Services.Add(service);
        server.Listen(_endPoint);
        return server;
    }
}
