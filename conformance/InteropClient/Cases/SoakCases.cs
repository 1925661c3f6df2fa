using System.Diagnostics;
using Grpc.Core;
using Grpc.Testing;

namespace MiniGrpc.Conformance.InteropClient.Cases;

/// <summary>The same large call again and again, on one channel or on a new one each time.</summary>
internal static class SoakCases
{
    /// <summary>How many failures are told; the others are mostly the same.</summary>
    private const int FailuresTold = 5;

    public static Task RpcSoakAsync(InteropRun run) => SoakAsync(run, () => run.Channel, _ => ValueTask.CompletedTask);

    public static Task ChannelSoakAsync(InteropRun run) => SoakAsync(run, run.Connect, channel => channel.DisposeAsync());

    private static async Task SoakAsync(InteropRun run, Func<IInteropChannel> take, Func<IInteropChannel, ValueTask> giveBack)
    {
        SoakSettings soak = run.Soak;
        long start = Stopwatch.GetTimestamp();
        var latencies = new List<TimeSpan>();
        var failures = new List<string>();
        while (latencies.Count < soak.Iterations && Stopwatch.GetElapsedTime(start) < soak.Timeout)
        {
            IInteropChannel channel = take();
            long begun = Stopwatch.GetTimestamp();
            string? failure = await CallAsync(channel, soak);
            TimeSpan latency = Stopwatch.GetElapsedTime(begun);
            await giveBack(channel);
            failure ??= latency > soak.MaxLatency ? $"took {latency.TotalMilliseconds:0} ms" : null;
            if (failure is not null)
            {
                failures.Add($"call {latencies.Count} {failure}");
            }

            latencies.Add(latency);
            if (latencies.Count < soak.Iterations)
            {
                await WaitAsync(soak.Interval - Stopwatch.GetElapsedTime(begun), soak.Timeout - Stopwatch.GetElapsedTime(start));
            }
        }

        await run.Output.WriteLineAsync(Summary(latencies));
        Expect.True(latencies.Count == soak.Iterations, $"{latencies.Count} of {soak.Iterations} calls were made in the {soak.Timeout.TotalSeconds} s allowed.");
        Expect.True(failures.Count <= soak.MaxFailures, $"{failures.Count} calls failed or were too slow, {soak.MaxFailures} may: {List(failures)}.");
    }

    /// <summary>Makes one call; answers how it failed, null if it hasn't.</summary>
    private static async Task<string?> CallAsync(IInteropChannel channel, SoakSettings soak)
    {
        try
        {
            var request = new SimpleRequest { ResponseSize = soak.ResponseSize, Payload = Messages.Zeros(soak.RequestSize) };
            DateTime deadline = DateTime.UtcNow + InteropRun.Patience;
            SimpleResponse response = await new TestService.TestServiceClient(channel.Plain).UnaryCallAsync(request, deadline: deadline);
            Messages.ExpectZeros(response.Payload, soak.ResponseSize, "the response");
            return null;
        }
        catch (RpcException e)
        {
            return $"failed: {e.Status}";
        }
    }

    private static Task WaitAsync(TimeSpan wait, TimeSpan left)
    {
        TimeSpan shorter = wait < left ? wait : left;
        return shorter > TimeSpan.Zero ? Task.Delay(shorter) : Task.CompletedTask;
    }

    private static string Summary(List<TimeSpan> latencies)
    {
        List<TimeSpan> sorted = [.. latencies.Order()];
        return sorted.Count == 0
            ? "No call was made."
            : $"{sorted.Count} calls were made. Latency: median {sorted[sorted.Count / 2].TotalMilliseconds:0.0} ms, largest {sorted[^1].TotalMilliseconds:0.0} ms.";
    }

    private static string List(List<string> failures) =>
        string.Join("; ", failures.Take(FailuresTold)) + (failures.Count > FailuresTold ? $"; and {failures.Count - FailuresTold} more" : "");
}
