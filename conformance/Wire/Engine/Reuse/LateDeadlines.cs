using MiniGrpc.Server;
using MiniGrpc.Wire.Calls;

namespace MiniGrpc.Conformance.Wire.Engine.Reuse;

/// <summary>A deadline's timer belongs to the stream and serves every call on it. A run that comes late by a whole call ends nothing.</summary>
public class LateDeadlines
{
    private readonly HandTimers _time = new();

    [Theory]
    [InlineData(null)]
    [InlineData("grpc-timeout=1H")]
    public async Task A_timer_that_runs_when_its_call_is_over_does_not_end_the_next(string? timeout)
    {
        await using var server = new TestServer(options => options.TimeProvider = _time);
        RawClient client = await server.StartAsync();
        TaskCompletionSource first = await server.HoldAsync(client, 1, "grpc-timeout=1S");
        ServerStream stream = await EndAsync(server, client, first, 1);
        TaskCompletionSource next = await server.HoldAsync(client, 3, timeout is null ? [] : [timeout]);
        Assert.Same(stream, Internals.StreamOf((ServerCall)server.Service.Calls.Last()));
        _time.Elapsed = TimeSpan.FromSeconds(2);
        _time.TimerOf<Deadline>().Fire();
        await AssertGoesOnAsync(server, client, next);
    }

    /// <summary>The timer has run and has found the moment there; before it comes to end the call, that has ended, and the next has begun.</summary>
    [Theory]
    [InlineData(null)]
    [InlineData("grpc-timeout=1H")]
    public async Task A_run_that_has_begun_does_not_end_the_next_call(string? timeout)
    {
        await using var server = new TestServer(options => options.TimeProvider = _time);
        RawClient client = await server.StartAsync();
        TaskCompletionSource first = await server.HoldAsync(client, 1, "grpc-timeout=1S");
        using var go = new ManualResetEventSlim();
        var began = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Task run = Task.Run(() =>
        {
            _time.BeforeNextReading = () =>
            {
                began.SetResult();
                Assert.True(go.Wait(RawPeer.Patience));
            };
            _time.TimerOf<Deadline>().Fire();
        });
        await RawPeer.Within(began.Task, "the timer's run to begin");
        ServerStream stream = await EndAsync(server, client, first, 1);
        TaskCompletionSource next = await server.HoldAsync(client, 3, timeout is null ? [] : [timeout]);
        Assert.Same(stream, Internals.StreamOf((ServerCall)server.Service.Calls.Last()));
        _time.Elapsed = TimeSpan.FromSeconds(2);
        go.Set();
        await RawPeer.Within(run, "the timer's run to end");
        await AssertGoesOnAsync(server, client, next);
    }

    [Fact]
    public async Task The_timer_ends_the_call_that_it_was_started_for_last()
    {
        await using var server = new TestServer(options => options.TimeProvider = _time);
        RawClient client = await server.StartAsync();
        ServerStream stream = await EndAsync(server, client, await server.HoldAsync(client, 1, "grpc-timeout=1S"), 1);
        TaskCompletionSource next = await server.HoldAsync(client, 3, "grpc-timeout=5S");
        Assert.Same(stream, Internals.StreamOf((ServerCall)server.Service.Calls.Last()));
        HandTimer timer = _time.TimerOf<Deadline>();
        Assert.Equal(TimeSpan.FromSeconds(5), timer.Due);
        _time.Elapsed = TimeSpan.FromSeconds(5);
        timer.Fire();
        Assert.Equal("4", (await client.ResponseAsync(3)).Status);
        Assert.True(server.Service.Calls.Last().CancellationToken.IsCancellationRequested);
        next.SetResult();
        await server.AssertQuietAsync(client);
    }

    private static async Task<ServerStream> EndAsync(TestServer server, RawClient client, TaskCompletionSource call, int id)
    {
        call.SetResult();
        Assert.Equal("0", (await client.ResponseAsync(id)).Status);
        return await server.PooledAsync(client);
    }

    private static async Task AssertGoesOnAsync(TestServer server, RawClient client, TaskCompletionSource call)
    {
        await client.AssertNothingOnAsync(3);
        Assert.False(server.Service.Calls.Last().CancellationToken.IsCancellationRequested);
        call.SetResult();
        Assert.Equal("0", (await client.ResponseAsync(3)).Status);
        await server.AssertQuietAsync(client);
    }
}
