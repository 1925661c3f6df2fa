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
    public static IReadOnlyList<Work> All { get; } =
    [
        new UnaryWork(), new DownloadWork(), new UploadWork(), new PingPongWork(), new BidiWork(), new DownloadBytesWork(), new UploadBytesWork(),
    ];

    public abstract string Name { get; }

    public abstract Task RunAsync(CallInvoker invoker, LoadGenerator load);

    public static Work Find(string name) => All.First(work => work.Name == name);

    /// <summary>What is sent must arrive.</summary>
    private protected static void CheckCount(int wanted, int got)
    {
        if (wanted != got)
        {
            throw new InvalidDataException($"{wanted} messages were to come, {got} came.");
        }
    }
}

/// <summary>One request, one reply; an operation is a call.</summary>
internal sealed class UnaryWork : Work
{
    public override string Name => "unary";

    public override async Task RunAsync(CallInvoker invoker, LoadGenerator load)
    {
        var client = new Benchmark.BenchmarkClient(invoker);
        long start = Stopwatch.GetTimestamp();
        while (load.Running)
        {
            load.Check(await client.UnaryAsync(load.Message, default(CallOptions)));
            start = load.Count(start);
        }
    }
}

/// <summary>Server streaming; an operation is a message received, and takes as long as the loop has waited for it.</summary>
internal sealed class DownloadWork : Work
{
    public override string Name => "download";

    public override async Task RunAsync(CallInvoker invoker, LoadGenerator load)
    {
        var client = new Benchmark.BenchmarkClient(invoker);
        var request = new DownloadRequest { Count = load.MessagesPerCall, Payload = load.Message.Payload };
        long start = Stopwatch.GetTimestamp();
        while (load.Running)
        {
            using AsyncServerStreamingCall<Echo> call = client.Download(request, default(CallOptions));
            int received = 0;
            while (await call.ResponseStream.MoveNext(CancellationToken.None))
            {
                load.Check(call.ResponseStream.Current);
                start = load.Count(start);
                received++;
            }

            CheckCount(load.MessagesPerCall, received);
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

    public override async Task RunAsync(CallInvoker invoker, LoadGenerator load)
    {
        var client = new Benchmark.BenchmarkClient(invoker);
        long start = Stopwatch.GetTimestamp();
        while (load.Running)
        {
            using AsyncClientStreamingCall<Echo, UploadReply> call = client.Upload(default(CallOptions));
            int sent = 0;
            while (sent < load.MessagesPerCall && load.Running)
            {
                await call.RequestStream.WriteAsync(load.Message);
                start = load.Count(start);
                sent++;
            }

            await call.RequestStream.CompleteAsync();
            UploadReply reply = await call;
            CheckCount(sent, reply.Count);
        }
    }
}

/// <summary>Bidirectional streaming, each message answered before the next one is sent; an operation is a round trip.</summary>
internal sealed class PingPongWork : Work
{
    public override string Name => "ping-pong";

    public override async Task RunAsync(CallInvoker invoker, LoadGenerator load)
    {
        var client = new Benchmark.BenchmarkClient(invoker);
        while (load.Running)
        {
            using AsyncDuplexStreamingCall<Echo, Echo> call = client.PingPong(default(CallOptions));
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < load.MessagesPerCall && load.Running; i++)
            {
                await call.RequestStream.WriteAsync(load.Message);
                CheckCount(1, await call.ResponseStream.MoveNext(CancellationToken.None) ? 1 : 0);
                load.Check(call.ResponseStream.Current);
                start = load.Count(start);
            }

            await call.RequestStream.CompleteAsync();
            CheckCount(0, await call.ResponseStream.MoveNext(CancellationToken.None) ? 1 : 0);
        }
    }
}

/// <summary>
/// Bidirectional streaming at full speed both ways: one part of the loop sends as fast as flow control lets it, the other reads
/// what comes back. An operation is a message received, and takes as long as that part has waited for it.
/// </summary>
internal sealed class BidiWork : Work
{
    public override string Name => "bidi";

    public override async Task RunAsync(CallInvoker invoker, LoadGenerator load)
    {
        var client = new Benchmark.BenchmarkClient(invoker);
        while (load.Running)
        {
            using AsyncDuplexStreamingCall<Echo, Echo> call = client.PingPong(default(CallOptions));
            Task<int> received = ReceiveAsync(call.ResponseStream, load);
            int sent = 0;
            while (sent < load.MessagesPerCall && load.Running)
            {
                await call.RequestStream.WriteAsync(load.Message);
                sent++;
            }

            await call.RequestStream.CompleteAsync();
            CheckCount(sent, await received);
        }
    }

    private static async Task<int> ReceiveAsync(IAsyncStreamReader<Echo> responses, LoadGenerator load)
    {
        int received = 0;
        long start = Stopwatch.GetTimestamp();
        while (await responses.MoveNext(CancellationToken.None))
        {
            load.Check(responses.Current);
            start = load.Count(start);
            received++;
        }

        return received;
    }
}
