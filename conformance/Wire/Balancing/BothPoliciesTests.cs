using System.Collections.Concurrent;
using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Client.Resolving;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Conformance.Wire.Engine.Client;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Wire.Balancing;

/// <summary>What the policies pick_first and round_robin have in common: what calls are told while no server can be reached, and how they wait.</summary>
public sealed class BothPoliciesTests : IAsyncDisposable
{
    private static readonly TimeSpan s_longestFirstWait = TimeSpan.FromSeconds(1.3);
    private readonly Backends _backends = new(1);
    private readonly BackoffClock _time = new();

    public ValueTask DisposeAsync() => _backends.DisposeAsync();

    /// <summary>What has failed counts as failed until it has answered: calls don't wait for its next attempt.</summary>
    [Theory]
    [InlineData("pick_first")]
    [InlineData("round_robin")]
    public async Task Calls_do_not_wait_for_attempts_after_a_failure(string policy)
    {
        await using SilentServers silent = new(_backends, 0);
        await using MiniChannel channel = Channel(policy);
        await _backends.FindUselessAsync(channel, silent);
        await _time.IsArmedAsync();
        _time.Advance(s_longestFirstWait);
        await silent.ConnectionAsync(0); // it is being tried
        await Settling.OfAsync(channel);
        Assert.Equal(ConnectivityState.TransientFailure, channel.State);
        await Backends.FailAsync(channel, StatusCode.Unavailable, "");
    }

    [Theory]
    [InlineData("pick_first")]
    [InlineData("round_robin")]
    public async Task The_latest_failure_is_what_calls_are_told(string policy)
    {
        await using SilentServers silent = new(_backends, 0);
        await using MiniChannel channel = Channel(policy);
        await _backends.FindUselessAsync(channel, silent);
        await silent.DisposeAsync();
        await _time.IsArmedAsync();
        _time.Advance(s_longestFirstWait);
        await _time.IsArmedAsync();
        await Settling.OfAsync(channel);
        await Backends.FailAsync(channel, StatusCode.Unavailable, "no server listens there");
    }

    /// <summary>The addresses that were known are still those that are tried.</summary>
    [Theory]
    [InlineData("pick_first")]
    [InlineData("round_robin")]
    public async Task A_look_up_that_fails_does_not_hide_why_no_server_can_be_reached(string policy)
    {
        await using MiniChannel channel = Channel(policy);
        await _backends.FindUselessAsync(channel, StatusCode.Unavailable, "no server listens there", _backends.Addresses);
        await _backends.Resolver.FindAsync(ResolverResult.ForFailure(new Status(StatusCode.Unavailable, "nobody knows")));
        await Settling.OfAsync(channel);
        await Backends.FailAsync(channel, StatusCode.Unavailable, "no server listens there");
    }

    /// <summary>
    /// A request is encoded before it is known whether there is a free stream. Where none is for the first that waits, there is none for the
    /// others, and they aren't encoded in vain.
    /// </summary>
    [Theory]
    [InlineData("pick_first")]
    [InlineData("round_robin")]
    public async Task Of_calls_that_wait_for_a_free_stream_one_is_tried(string policy)
    {
        ConcurrentQueue<byte> encoded = new();
        Marshaller<byte[]> counting = Marshallers.Create<byte[]>(Noted, octets => octets);
        var method = new Method<byte[], byte[]>(MethodType.Unary, "test", "Unary", counting, Marshallers.Create<byte[]>(octets => octets, octets => octets));
        await using TestChannel client = new(options => options.ServiceConfig = new ServiceConfig { LoadBalancingConfigs = { new LoadBalancingConfig(policy) } });
        List<Task<byte[]>> calls = [CallAsync(1)];
        RawServer server = await client.StartAsync((SettingId.MaxConcurrentStreams, 1));
        await server.RequestAsync(1);
        calls.Add(CallAsync(2));
        calls.Add(CallAsync(3));
        await TriedAsync(2, times: 2, waiting: 2); // as it came, and when the third had come
        calls.Add(CallAsync(4));
        await TriedAsync(2, times: 3, waiting: 3); // so what the third brought about is over
        Assert.DoesNotContain((byte)3, encoded);
        byte request = 1;
        for (int i = 0; i < 4; i++)
        {
            await server.ReplyAsync((2 * i) + 1, request);
            Assert.Equal([request], await RawPeer.Within(calls[request - 1], "the response"));
            if (i < 3)
            {
                request = (await server.RequestAsync((2 * i) + 3)).Data[^1]; // of the call that is tried first then
            }
        }

        byte[] Noted(byte[] request)
        {
            encoded.Enqueue(request[0]);
            return request;
        }

        Task<byte[]> CallAsync(byte request) => client.Invoker.AsyncUnaryCall(method, null, default, [request]).ResponseAsync;

        // A call that is being tried doesn't wait meanwhile, and the others might overtake it.
        Task TriedAsync(byte request, int times, int waiting) => Eventually.IsTrueAsync(
            () => encoded.Count(one => one == request) >= times && client.Channel.Core.Router.WaitingCalls == waiting, "the call to be tried");
    }

    private MiniChannel Channel(string policy) => _backends.Channel(new LoadBalancingConfig(policy), options => options.TimeProvider = _time);
}
