using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Server;

namespace MiniGrpc.Conformance.Wire.Surface;

/// <summary>User code that blocks its thread holds up its own call, and nothing else on its connection.</summary>
public class BlockingUserCode
{
    private static readonly byte[] s_first = [1];
    private static readonly byte[] s_second = [2];

    [Fact]
    public async Task A_handler_that_blocks_does_not_keep_the_connection_from_reading()
    {
        using ManualResetEventSlim entered = new();
        using ManualResetEventSlim secondCame = new();
        await using GrpcServer server = EchoService.CreateServer("http://127.0.0.1:0", EchoService.Bind((request, _) =>
        {
            if (request[0] == s_second[0])
            {
                secondCame.Set();
                return Task.FromResult(request);
            }

            entered.Set();
            return secondCame.Wait(RawPeer.Patience) ? Task.FromResult(request) : throw new RpcException(new Status(StatusCode.Internal, "the second call never came"));
        }));
        await server.StartAsync();
        await using MiniChannel channel = MiniChannel.ForAddress($"http://127.0.0.1:{server.Ports[0]}");
        CallInvoker invoker = channel.CreateCallInvoker();
        for (int i = 0; i < 20; i++)
        {
            entered.Reset();
            secondCame.Reset();
            Task<byte[]> first = CallAsync(invoker, s_first);
            Assert.True(entered.Wait(RawPeer.Patience, TestContext.Current.CancellationToken), "the first call came");
            Assert.Equal(s_second, await CallAsync(invoker, s_second));
            Assert.Equal(s_first, await first);
        }
    }

    [Fact]
    public async Task A_caller_that_blocks_behind_a_response_does_not_keep_the_connection_from_reading()
    {
        await using GrpcServer server = EchoService.CreateServer("http://127.0.0.1:0");
        await server.StartAsync();
        await using MiniChannel channel = MiniChannel.ForAddress($"http://127.0.0.1:{server.Ports[0]}");
        CallInvoker invoker = channel.CreateCallInvoker();
        await Task.Run(async () => // away from the test framework's threads
        {
            for (int i = 0; i < 20; i++)
            {
                Assert.Equal(s_first, await CallAsync(invoker, s_first));
                Task<byte[]> second = CallAsync(invoker, s_second);
                Assert.True(second.Wait(RawPeer.Patience), "the response came while its caller blocked the thread that had brought the one before");
            }
        });
    }

    private static Task<byte[]> CallAsync(CallInvoker invoker, byte[] request) =>
        invoker.AsyncUnaryCall(EchoService.Unary, null, default, request).ResponseAsync.WithinLimit("the response");
}
