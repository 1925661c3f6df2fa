using System.Net;
using System.Net.Sockets;
using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Conformance.Wire.Engine.Client;
using MiniGrpc.Conformance.Wire.Surface;
using MiniGrpc.Server;

namespace MiniGrpc.Conformance.Wire.Resolving;

/// <summary>Calls to a host whose addresses come late, wrong, or not at all.</summary>
public sealed class DnsChannelTests : IAsyncDisposable
{
    private readonly HandLookUps _lookUps = new();
    private readonly BackoffClock _time = new();
    private readonly GrpcServer _server = EchoService.CreateServer("http://127.0.0.1:0", EchoService.Bind((_, context) => Task.FromResult(System.Text.Encoding.ASCII.GetBytes(context.Host))));

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task The_next_address_is_tried_and_the_server_hears_the_name()
    {
        await _server.StartAsync();
        await using MiniChannel channel = Channel();
        Task<byte[]> call = CallAsync(channel);
        HandLookUps.Pending asked = await _lookUps.NextAsync();
        Assert.Equal("host.test", asked.Host);
        asked.Answer.SetResult(HandLookUps.Addresses("127.0.0.2", "127.0.0.1")); // nobody listens at the first one
        Assert.Equal($"host.test:{_server.Ports[0]}", System.Text.Encoding.ASCII.GetString(await call));
    }

    [Fact]
    public async Task Calls_fail_with_the_look_up_or_wait_for_one_that_succeeds()
    {
        await _server.StartAsync();
        await using MiniChannel channel = Channel();
        Task<byte[]> failing = CallAsync(channel);
        Task<byte[]> waiting = CallAsync(channel, new CallOptions().WithWaitForReady());
        (await _lookUps.NextAsync()).Answer.SetException(new SocketException((int)SocketError.HostNotFound));
        await TestChannel.AssertFailsAsync(failing, StatusCode.Unavailable, $"can't connect to dns:host.test:{_server.Ports[0]}: no such host");
        await TestChannel.AssertFailsAsync(CallAsync(channel), StatusCode.Unavailable, "no such host"); // at once
        await _time.IsArmedAsync();
        _time.Advance(TimeSpan.FromSeconds(1.3));
        (await _lookUps.NextAsync()).Answer.SetResult([IPAddress.Loopback]);
        await waiting;
        await CallAsync(channel);
    }

    [Fact]
    public async Task A_look_up_that_hangs_holds_calls_no_longer_than_they_allow()
    {
        await _server.StartAsync();
        MiniChannel channel = Channel();
        Task<byte[]> call = CallAsync(channel, new CallOptions(deadline: _time.GetUtcNow().UtcDateTime.AddSeconds(1)));
        Task<byte[]> other = CallAsync(channel);
        HandLookUps.Pending asked = await _lookUps.NextAsync();
        _time.Advance(TimeSpan.FromSeconds(1));
        await TestChannel.AssertFailsAsync(call, StatusCode.DeadlineExceeded, "");
        await RawPeer.Within(channel.DisposeAsync().AsTask(), "the channel to close");
        await TestChannel.AssertFailsAsync(other, StatusCode.Cancelled, "the channel was closed");
        Assert.True(asked.Token.IsCancellationRequested);
    }

    private static Task<byte[]> CallAsync(MiniChannel channel, CallOptions options = default) =>
        channel.CreateCallInvoker().AsyncUnaryCall(EchoService.Unary, null, options, [1]).ResponseAsync.WithinLimit("the response");

    private MiniChannel Channel()
    {
        var options = new MiniChannelOptions { TimeProvider = _time };
        _lookUps.UseIn(options);
        return MiniChannel.ForAddress($"dns:///host.test:{_server.Ports[0]}", options);
    }
}
