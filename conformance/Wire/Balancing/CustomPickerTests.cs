using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Client.Balancing;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Conformance.Wire.Engine.Client;

namespace MiniGrpc.Conformance.Wire.Balancing;

/// <summary>Pickers of the user's: what they are told of a call, and what becomes of it when they throw or say what this end may not say.</summary>
public sealed class CustomPickerTests : IAsyncDisposable
{
    private readonly Backends _backends = new(1);
    private readonly BackoffClock _time = new();
    private readonly UsersPolicy _policy = new();

    public ValueTask DisposeAsync() => _backends.DisposeAsync();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_picker_that_throws_fails_its_call_alone(bool waitForReady)
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = Channel();
        CallOptions options = new CallOptions().WithWaitForReady(waitForReady);
        await _backends.ServeAsync(channel);
        _policy.ThrowsIn = "pick";
        await TestChannel.AssertFailsAsync(Backends.AskAsync(channel, options), StatusCode.Internal, "The load-balancing policy's picker failed: no idea");
        Assert.Equal(ConnectivityState.Ready, channel.State);
        _policy.ThrowsIn = null;
        Assert.Equal(0, await Backends.AskAsync(channel, options));
    }

    /// <summary>Calls that wait are asked about again, on the pool: a picker that throws there harms no other call either.</summary>
    [Fact]
    public async Task A_picker_that_throws_at_calls_that_wait_fails_each_of_them()
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = Channel();
        _policy.ThrowsIn = "pick";
        Task[] calls = [.. Enumerable.Range(0, 3).Select(_ => Backends.FailAsync(channel, StatusCode.Internal, "picker failed: no idea"))];
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        await Task.WhenAll(calls);
        _policy.ThrowsIn = null;
        Assert.Equal(0, await Backends.AskAsync(channel));
    }

    /// <summary>gRFC A54: what this end decides doesn't look like a server's judgement of the request.</summary>
    [Theory]
    [InlineData(StatusCode.NotFound, StatusCode.Internal)]
    [InlineData(StatusCode.FailedPrecondition, StatusCode.Internal)]
    [InlineData(StatusCode.ResourceExhausted, StatusCode.ResourceExhausted)]
    public async Task A_status_that_only_servers_give_becomes_INTERNAL(StatusCode code, StatusCode expected)
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = Channel();
        var status = new Status(code, "full");
        PickResult result = PickResult.ForFailure(status);
        _policy.Picks = _ => result;
        Task failing = Backends.FailAsync(channel, expected, "full");
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        await failing;
        result = PickResult.ForDrop(status);
        await TestChannel.AssertFailsAsync(Backends.AskAsync(channel, new CallOptions().WithWaitForReady()), expected, "full");
        _policy.Picks = _ => throw new RpcException(status);
        await Backends.FailAsync(channel, expected, "full");
        Assert.Throws<ArgumentException>(() => PickResult.ForFailure(Status.DefaultSuccess));
        Assert.Throws<ArgumentException>(() => PickResult.ForDrop(Status.DefaultSuccess));
    }

    /// <summary>What a picker is told of a call.</summary>
    [Fact]
    public async Task A_picker_may_go_by_method_metadata_and_wait_for_ready()
    {
        await _backends.StartAsync(0);
        await using MiniChannel channel = Channel();
        string? seen = null;
        _policy.Picks = context =>
        {
            seen = $"{context.Method} {context.Headers?.GetValue("key")} {context.IsWaitForReady}";
            return PickResult.ForFailure(new Status(StatusCode.Unavailable, "seen"));
        };
        Task failing = TestChannel.AssertFailsAsync(Backends.AskAsync(channel, new CallOptions(new Metadata { { "key", "value" } })), StatusCode.Unavailable, "seen");
        await _backends.Resolver.FindAsync(_backends.Addresses[0]);
        await failing;
        Assert.Equal("/test/Unary value False", seen);
        using CancellationTokenSource cancellation = new();
        Task<int> waiting = Backends.AskAsync(channel, new CallOptions(cancellationToken: cancellation.Token).WithWaitForReady());
        Assert.Equal("/test/Unary  True", seen);
        await cancellation.CancelAsync();
        await TestChannel.AssertFailsAsync(waiting, StatusCode.Cancelled, "");
    }

    private MiniChannel Channel() => _policy.Channel(_backends, _time);
}
