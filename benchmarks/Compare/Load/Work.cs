using System.Diagnostics;
using Grpc.Core;
using MiniGrpc.Benchmarks.Protos;

namespace MiniGrpc.Benchmarks.Compare.Load;

/// <summary>
/// What one loop of a load does until it is told to stop. The code is written against the generated client, so that each client
/// under test runs the very same loop. To add a kind of load, add a class here and a line to <see cref="All"/>.
/// </summary>
internal abstract class Work
{
    /// <summary>
    /// Messages in one streaming call. Many, so that opening the call doesn't count; not endless, so that a load ends by ending
    /// its calls rather than by cancelling them.
    /// </summary>
    private protected const int MessagesPerCall = 10_000;

    public static IReadOnlyList<Work> All { get; } = [new UnaryWork(), new DownloadWork(), new UploadWork(), new PingPongWork()];

    public abstract string Name { get; }

    public abstract Task RunAsync(Benchmark.BenchmarkClient client, LoadGenerator load);

    public static Work Find(string name) => All.First(work => work.Name == name);
}

/// <summary>One request, one reply; an operation is a call.</summary>
internal sealed class UnaryWork : Work
{
    public override string Name => "unary";

    public override async Task RunAsync(Benchmark.BenchmarkClient client, LoadGenerator load)
    {
        Echo request = load.Message;
        CallOptions options = default;
        bool takesLatency = load.TakesLatency;
        while (load.Running)
        {
            long start = takesLatency ? Stopwatch.GetTimestamp() : 0;
            load.Check(await client.UnaryAsync(request, options));
            if (takesLatency)
            {
                load.Count(start);
            }
            else
            {
                load.Count();
            }
        }
    }
}

/// <summary>Server streaming; an operation is a message received.</summary>
internal sealed class DownloadWork : Work
{
    public override string Name => "download";

    public override async Task RunAsync(Benchmark.BenchmarkClient client, LoadGenerator load)
    {
        var request = new DownloadRequest { Count = MessagesPerCall, Payload = load.Message.Payload };
        while (load.Running)
        {
            using AsyncServerStreamingCall<Echo> call = client.Download(request, default(CallOptions));
            int received = 0;
            while (await call.ResponseStream.MoveNext(CancellationToken.None))
            {
                load.Check(call.ResponseStream.Current);
                load.Count();
                received++;
            }

            StreamLengths.Check(MessagesPerCall, received);
        }
    }
}

/// <summary>
/// Client streaming; an operation is a message that the client has accepted. What it has accepted and not yet sent is bounded
/// by flow control, and little beside what passes in a window of measuring.
/// </summary>
internal sealed class UploadWork : Work
{
    public override string Name => "upload";

    public override async Task RunAsync(Benchmark.BenchmarkClient client, LoadGenerator load)
    {
        while (load.Running)
        {
            using AsyncClientStreamingCall<Echo, UploadReply> call = client.Upload(default(CallOptions));
            int sent = 0;
            while (sent < MessagesPerCall && load.Running)
            {
                await call.RequestStream.WriteAsync(load.Message);
                load.Count();
                sent++;
            }

            await call.RequestStream.CompleteAsync();
            UploadReply reply = await call;
            StreamLengths.Check(sent, reply.Count);
        }
    }
}

/// <summary>Bidirectional streaming, each message answered before the next one is sent; an operation is a round trip.</summary>
internal sealed class PingPongWork : Work
{
    public override string Name => "ping-pong";

    public override async Task RunAsync(Benchmark.BenchmarkClient client, LoadGenerator load)
    {
        bool takesLatency = load.TakesLatency;
        while (load.Running)
        {
            using AsyncDuplexStreamingCall<Echo, Echo> call = client.PingPong(default(CallOptions));
            for (int i = 0; i < MessagesPerCall && load.Running; i++)
            {
                long start = takesLatency ? Stopwatch.GetTimestamp() : 0;
                await call.RequestStream.WriteAsync(load.Message);
                StreamLengths.Check(1, await call.ResponseStream.MoveNext(CancellationToken.None) ? 1 : 0);
                load.Check(call.ResponseStream.Current);
                if (takesLatency)
                {
                    load.Count(start);
                }
                else
                {
                    load.Count();
                }
            }

            await call.RequestStream.CompleteAsync();
            StreamLengths.Check(0, await call.ResponseStream.MoveNext(CancellationToken.None) ? 1 : 0);
        }
    }
}

/// <summary>What is sent must arrive.</summary>
internal static class StreamLengths
{
    public static void Check(int wanted, int got)
    {
        if (wanted != got)
        {
            throw new InvalidDataException($"{wanted} messages were to come, {got} came.");
        }
    }
}
