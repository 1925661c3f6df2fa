using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Conformance.Wire.Balancing;

/// <summary>Calls that find every server full, and a stream that becomes free in that moment: no call waits beside a free stream.</summary>
public sealed class FreeStreamsTests : IAsyncDisposable
{
    private readonly Backends _backends = new(3);

    public ValueTask DisposeAsync() => _backends.DisposeAsync();

    /// <summary>The call asks the servers in turn, and is queued after that; meanwhile one of those that it has asked has become free.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task A_stream_that_becomes_free_while_a_call_is_queued_is_found(int whose)
    {
        await using ITransportListener listenerA = _backends.EndPoint(0).Listen();
        await using ITransportListener listenerB = _backends.EndPoint(1).Listen();
        await using ITransportListener listenerC = _backends.EndPoint(2).Listen();
        await using MiniChannel channel = _backends.Channel(new RoundRobinConfig(), options => options.Random = new FixedRandom());
        Task connected = channel.ConnectAsync(TestContext.Current.CancellationToken);
        await _backends.Resolver.FindAsync(_backends.Addresses);
        RawServer[] servers = [await AcceptAsync(listenerA), await AcceptAsync(listenerB), await AcceptAsync(listenerC)];
        await RawPeer.Within(connected, "the channel to connect");
        await Settling.ConnectedAsync(channel, 3);
        Task<byte[]>[] full = [.. servers.Select(_ => Ask(channel, TestService.UnaryMethod))];
        foreach (RawServer server in servers)
        {
            await server.RequestAsync(1);
        }

        int attempts = 0;
        var freed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var marshaller = Marshallers.Create<byte[]>(
            message =>
            {
                if (Interlocked.Increment(ref attempts) == 3)
                {
                    FreeAsync().GetAwaiter().GetResult(); // it has found two full, and is about to find the same of the last
                }

                return message;
            },
            octets => octets);
        Task<byte[]> call = Task.Run(() => Ask(channel, new Method<byte[], byte[]>(
            MethodType.Unary, TestService.UnaryMethod.ServiceName, TestService.UnaryMethod.Name, marshaller, marshaller)));
        await RawPeer.Within(freed.Task, "the call to ask the last server");
        RawServer free = servers[whose];
        await free.RequestAsync(3);
        await free.ReplyAsync(3, 7);
        Assert.Equal([7], await RawPeer.Within(call, "the response"));

        for (int i = 0; i < servers.Length; i++)
        {
            if (i != whose)
            {
                await servers[i].ReplyAsync(1, 2);
                Assert.Equal([2], await RawPeer.Within(full[i], "the response"));
            }

            await servers[i].DisposeAsync();
        }

        async Task FreeAsync()
        {
            await servers[whose].ReplyAsync(1, 1);
            Assert.Equal([1], await RawPeer.Within(full[whose], "the response"));
            await servers[whose].RoundTripAsync(); // the stream is closed and the channel has been told
            freed.SetResult();
        }
    }

    private static Task<byte[]> Ask(MiniChannel channel, Method<byte[], byte[]> method) =>
        channel.CreateCallInvoker().AsyncUnaryCall(method, null, default, [1]).ResponseAsync;

    private static async Task<RawServer> AcceptAsync(ITransportListener listener)
    {
        var server = new RawServer((await RawPeer.Within(listener.AcceptAsync().AsTask(), "the channel to connect"))!);
        await server.StartAsync((SettingId.MaxConcurrentStreams, 1));
        return server;
    }

    /// <summary>The first call's turn is the first server's.</summary>
    private sealed class FixedRandom : Random
    {
        public override int Next() => 2;
    }
}
