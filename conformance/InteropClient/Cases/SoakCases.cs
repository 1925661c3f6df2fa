using System.Diagnostics;
using Grpc.Core;
using Grpc.Testing;

namespace MiniGrpc.Conformance.InteropClient.Cases;

/// <summary>The same large call again and again, on one channel or on a new one each time.</summary>
internal static class SoakCases
{
    public static Task RpcSoakAsync(InteropRun run) => SoakAsync(run, _ => Task.FromResult(run.Channel), _ => ValueTask.CompletedTask);

    public static Task ChannelSoakAsync(InteropRun run) => SoakAsync(run, _ => Task.FromResult(run.Connect()), channel => channel.DisposeAsync());

    private static async Task SoakAsync(InteropRun run, Func<int, Task<IInteropChannel>> take, Func<IInteropChannel, ValueTask> giveBack)
    {
        SoakSettings soak = run.Soak;
        long start = Stopwatch.GetTimestamp();
        var failures = new List<string>();
        int done = 0;
        for (; done < soak.Iterations && Stopwatch.GetElapsedTime(start) < soak.Timeout; done++)
        {
            IInteropChannel channel = await take(done);
            long begun = Stopwatch.GetTimestamp();
            try
            {
                DateTime deadline = DateTime.UtcNow + InteropRun.Patience;
                SimpleResponse response = await new TestService.TestServiceClient(channel.Plain).UnaryCallAsync(Messages.Large(), deadline: deadline);
                Messages.ExpectZeros(response.Payload, Messages.LargeResponse, "the response");
                if (Stopwatch.GetElapsedTime(begun) is var taken && taken > soak.MaxLatency)
                {
                    failures.Add($"call {done} took {taken.TotalMilliseconds:0} ms");
                }
            }
            catch (RpcException e)
            {
                failures.Add($"call {done} failed: {e.Status}");
            }

            await giveBack(channel);
        }

        Expect.True(done == soak.Iterations, $"{done} of {soak.Iterations} calls were made in the {soak.Timeout.TotalSeconds} s allowed.");
        Expect.True(failures.Count <= soak.MaxFailures, $"{failures.Count} calls failed or were too slow, {soak.MaxFailures} may: {string.Join("; ", failures.Take(5))}.");
    }
}
