using Grpc.Core;
using MiniGrpc.Conformance.Soak.World;

namespace MiniGrpc.Conformance.Soak.Work;

/// <summary>The calls that workers make, well-behaved and not.</summary>
internal static class Calls
{
    /// <summary>Everything ends by then, whatever happens to servers and connections.</summary>
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(10);

    /// <summary>Sizes of messages: nothing, small, just below and above a frame, more than a window.</summary>
    private static readonly int[] s_sizes = [0, 1, 10, 100, 1000, 1000, 4096, 16_370, 16_390, 70_000, 600_000];

    /// <summary>The kinds of calls, by name; a worker chooses any.</summary>
    public static readonly (string Name, Func<CallInvoker, Random, Task> Run)[] All =
    [
        ("unary", UnaryAsync),
        ("unary", UnaryAsync),
        ("client streaming", CollectAsync),
        ("server streaming", SpreadAsync),
        ("duplex", DuplexAsync),
        ("fails", FailAsync),
        ("cancelled", CancelAsync),
        ("deadline", DeadlineAsync),
        ("abandoned response", AbandonResponsesAsync),
        ("abandoned request", AbandonRequestsAsync),
        ("slow reader", ReadSlowlyAsync),
        ("cancelled duplex", CancelDuplexAsync),
    ];

    private static int AnySize(Random random) => s_sizes[random.Next(s_sizes.Length)];

    private static CallOptions Options(Random random, CancellationToken token = default)
    {
        var headers = new Metadata { { "n", random.Next(1000).ToString(System.Globalization.CultureInfo.InvariantCulture) } };
        if (random.Next(4) == 0)
        {
            headers.Add("grpc-internal-encoding-request", "gzip");
        }

        return new CallOptions(headers, DateTime.UtcNow + s_limit, token).WithWaitForReady(random.Next(2) == 0);
    }

    private static byte[] Request(Random random) => SoakService.Request(Order.Answer, AnySize(random), AnySize(random));

    private static async Task UnaryAsync(CallInvoker invoker, Random random)
    {
        using AsyncUnaryCall<byte[]> call = invoker.AsyncUnaryCall(SoakService.Unary, null, Options(random), Request(random));
        await call.ResponseAsync;
    }

    private static async Task FailAsync(CallInvoker invoker, Random random)
    {
        using AsyncUnaryCall<byte[]> call = invoker.AsyncUnaryCall(
            SoakService.Unary, null, Options(random), SoakService.Request(Order.Fail, 0, AnySize(random)));
        await call.ResponseAsync;
    }

    private static async Task CollectAsync(CallInvoker invoker, Random random)
    {
        using AsyncClientStreamingCall<byte[], byte[]> call = invoker.AsyncClientStreamingCall(SoakService.Collect, null, Options(random));
        for (int i = random.Next(10); i > 0; i--)
        {
            await call.RequestStream.WriteAsync(Request(random));
        }

        await call.RequestStream.CompleteAsync();
        await call.ResponseAsync;
    }

    private static async Task SpreadAsync(CallInvoker invoker, Random random)
    {
        using AsyncServerStreamingCall<byte[]> call = invoker.AsyncServerStreamingCall(
            SoakService.Spread, null, Options(random), SoakService.Request(Order.Answer, int.Min(20_000, AnySize(random)), 0));
        while (await call.ResponseStream.MoveNext(default))
        {
        }
    }

    private static async Task ReadSlowlyAsync(CallInvoker invoker, Random random)
    {
        using AsyncServerStreamingCall<byte[]> call = invoker.AsyncServerStreamingCall(
            SoakService.Spread, null, Options(random), SoakService.Request(Order.Answer, 20_000, 0));
        while (await call.ResponseStream.MoveNext(default))
        {
            await Task.Delay(1);
        }
    }

    private static async Task DuplexAsync(CallInvoker invoker, Random random)
    {
        using AsyncDuplexStreamingCall<byte[], byte[]> call = invoker.AsyncDuplexStreamingCall(SoakService.Duplex, null, Options(random));
        for (int i = random.Next(10); i > 0; i--)
        {
            await call.RequestStream.WriteAsync(Request(random));
            if (!await call.ResponseStream.MoveNext(default))
            {
                return;
            }
        }

        await call.RequestStream.CompleteAsync();
        await call.ResponseStream.MoveNext(default);
    }

    private static async Task CancelAsync(CallInvoker invoker, Random random)
    {
        using var source = new CancellationTokenSource();
        using AsyncUnaryCall<byte[]> call = invoker.AsyncUnaryCall(
            SoakService.Unary, null, Options(random, source.Token), SoakService.Request(Order.AwaitCancellation, 0, AnySize(random)));
        await Task.Delay(random.Next(3));
        await source.CancelAsync();
        await call.ResponseAsync;
    }

    private static async Task DeadlineAsync(CallInvoker invoker, Random random)
    {
        CallOptions options = Options(random).WithDeadline(DateTime.UtcNow.AddMilliseconds(random.Next(10)));
        using AsyncUnaryCall<byte[]> call = invoker.AsyncUnaryCall(
            SoakService.Unary, null, options, SoakService.Request(Order.AwaitCancellation, 0, AnySize(random)));
        await call.ResponseAsync;
    }

    private static async Task AbandonResponsesAsync(CallInvoker invoker, Random random)
    {
        using AsyncServerStreamingCall<byte[]> call = invoker.AsyncServerStreamingCall(
            SoakService.Spread, null, Options(random), SoakService.Request(Order.Answer, AnySize(random), 0));
        await call.ResponseStream.MoveNext(default);
    }

    private static async Task AbandonRequestsAsync(CallInvoker invoker, Random random)
    {
        using AsyncClientStreamingCall<byte[], byte[]> call = invoker.AsyncClientStreamingCall(SoakService.Collect, null, Options(random));
        await call.RequestStream.WriteAsync(Request(random));
    }

    private static async Task CancelDuplexAsync(CallInvoker invoker, Random random)
    {
        using var source = new CancellationTokenSource();
        using AsyncDuplexStreamingCall<byte[], byte[]> call = invoker.AsyncDuplexStreamingCall(SoakService.Duplex, null, Options(random, source.Token));
        await call.RequestStream.WriteAsync(Request(random));
        await call.RequestStream.WriteAsync(SoakService.Request(Order.AwaitCancellation, 0, 0));
        await call.ResponseStream.MoveNext(default);
        await source.CancelAsync();
        await call.ResponseStream.MoveNext(default);
    }
}
