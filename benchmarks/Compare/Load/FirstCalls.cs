using System.Diagnostics;
using System.Globalization;
using Google.Protobuf;
using Grpc.Core;
using MiniGrpc.Benchmarks.Protos;

namespace MiniGrpc.Benchmarks.Compare.Load;

/// <summary>
/// The first calls over a channel: one alone, and then the others, many at once. The moments are ticks of
/// <see cref="Stopwatch"/>, which is the same clock for every process of a machine.
/// </summary>
/// <param name="FirstAnswered">When the first call had been answered.</param>
/// <param name="AllAnswered">When all had.</param>
/// <param name="Cpu">What this process had used by then, since its start.</param>
internal sealed record FirstCalls(long FirstAnswered, long AllAnswered, TimeSpan Cpu)
{
    public const int Count = 10_000;
    private const int InFlight = 64;
    private const int PayloadBytes = 16;

    /// <param name="channel">The channel, not yet used.</param>
    /// <param name="first">The options of the first call.</param>
    public static async Task<FirstCalls> RunAsync(ChannelBase channel, CallOptions first)
    {
        var client = new Benchmark.BenchmarkClient(channel);
        var message = new Echo { Payload = ByteString.CopyFrom(new byte[PayloadBytes]) };
        await client.UnaryAsync(message, first);
        long firstAnswered = Stopwatch.GetTimestamp();
        int left = Count - 1;
        await Task.WhenAll(Enumerable.Range(0, InFlight).Select(_ => LoopAsync()));
        return new FirstCalls(firstAnswered, Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);

        async Task LoopAsync()
        {
            while (Interlocked.Decrement(ref left) >= 0)
            {
                await client.UnaryAsync(message, default(CallOptions));
            }
        }
    }

    public static FirstCalls Parse(string line)
    {
        long[] numbers = [.. line.Split(' ').Select(number => long.Parse(number, CultureInfo.InvariantCulture))];
        return new FirstCalls(numbers[0], numbers[1], TimeSpan.FromTicks(numbers[2]));
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{FirstAnswered} {AllAnswered} {Cpu.Ticks}");
}
