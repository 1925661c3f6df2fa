using Grpc.Core;

namespace MiniGrpc.Conformance.Fuzz.Sessions;

/// <summary>
/// What a client does in a session: a call of each kind, all at once, on streams 1, 3, 5 and 7. Recorded answers to it fit the
/// streams of a client that does it again.
/// </summary>
internal static class Script
{
    /// <summary>How many calls there are.</summary>
    public const int Calls = 4;

    private static readonly byte[] s_small = [1, 2, 3];

    /// <summary>Starts the calls in their order, and waits between them until <paramref name="opened"/> has seen each.</summary>
    /// <returns>A task that completes when all calls have ended, however they did, with their ends.</returns>
    public static async Task<Task<Status[]>> StartAsync(CallInvoker invoker, Func<int, Task> opened)
    {
        Task<Status> unary = EndOf(UnaryAsync(invoker));
        await opened(1);
        Task<Status> collect = EndOf(CollectAsync(invoker));
        await opened(2);
        Task<Status> spread = EndOf(SpreadAsync(invoker));
        await opened(3);
        Task<Status> duplex = EndOf(DuplexAsync(invoker));
        await opened(Calls);
        return Task.WhenAll(unary, collect, spread, duplex);
    }

    private static async Task UnaryAsync(CallInvoker invoker)
    {
        var headers = new Metadata { { "echo-text", "some text" }, { "echo-data-bin", [0, 1, 2, 255] } };
        using AsyncUnaryCall<byte[]> call = invoker.AsyncUnaryCall(
            EchoService.UnaryMethod, null, new CallOptions(headers, DateTime.UtcNow.AddMinutes(1)), s_small);
        await call.ResponseAsync;
        _ = call.GetTrailers().Count;
    }

    private static async Task CollectAsync(CallInvoker invoker)
    {
        using AsyncClientStreamingCall<byte[], byte[]> call = invoker.AsyncClientStreamingCall(EchoService.CollectMethod, null, default);
        for (int i = 0; i < 3; i++)
        {
            await call.RequestStream.WriteAsync(new byte[100 * i]);
        }

        await call.RequestStream.CompleteAsync();
        await call.ResponseAsync;
    }

    private static async Task SpreadAsync(CallInvoker invoker)
    {
        using AsyncServerStreamingCall<byte[]> call = invoker.AsyncServerStreamingCall(EchoService.SpreadMethod, null, default, s_small);
        while (await call.ResponseStream.MoveNext(default))
        {
            _ = call.ResponseStream.Current.Length;
        }
    }

    private static async Task DuplexAsync(CallInvoker invoker)
    {
        using AsyncDuplexStreamingCall<byte[], byte[]> call = invoker.AsyncDuplexStreamingCall(EchoService.DuplexMethod, null, default);
        await call.RequestStream.WriteAsync(s_small);
        await call.ResponseHeadersAsync;
        if (await call.ResponseStream.MoveNext(default))
        {
            await call.RequestStream.WriteAsync(new byte[300]);
        }

        await call.RequestStream.CompleteAsync();
        while (await call.ResponseStream.MoveNext(default))
        {
            _ = call.ResponseStream.Current.Length;
        }
    }

    /// <summary>A call may fail; any other exception than the one that says so is a finding.</summary>
    private static async Task<Status> EndOf(Task call)
    {
        try
        {
            await call;
            return Status.DefaultSuccess;
        }
        catch (RpcException e) when (e.StatusCode != StatusCode.OK)
        {
            return e.Status;
        }
        catch (InvalidOperationException e) when (e.Message.Contains("the call has ended", StringComparison.Ordinal))
        {
            // The server has answered with OK before it got the request that was to follow.
            return new Status(StatusCode.OK, e.Message);
        }
    }
}
