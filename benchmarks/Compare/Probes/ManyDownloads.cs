using System.Diagnostics;
using Google.Protobuf;
using Grpc.Core;
using MiniGrpc.Benchmarks.Compare.Control;
using MiniGrpc.Benchmarks.Protos;

namespace MiniGrpc.Benchmarks.Compare.Probes;

/// <summary>Streams that all download at once over one connection, each counted for itself.</summary>
internal sealed class ManyDownloads : IAsyncDisposable
{
    private const int PayloadBytes = 1000;

    // More than fits into any window at the start, so that a stream that isn't read does stall.
    private const int MessagesPerCall = 1000;

    private readonly Benchmark.BenchmarkClient _client;
    private readonly TaskCompletionSource _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly long[] _received;
    private readonly TaskCompletionSource[] _opened;
    private readonly Task[] _streams;

    /// <param name="channel">Where.</param>
    /// <param name="readers">How many streams are read as fast as they come.</param>
    /// <param name="stalled">How many more are read no further than their first message.</param>
    public ManyDownloads(ChannelBase channel, int readers, int stalled)
    {
        _client = new Benchmark.BenchmarkClient(channel);
        _received = new long[readers];
        _opened = [.. Enumerable.Range(0, readers + stalled).Select(_ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously))];
        _streams = [.. Enumerable.Range(0, readers + stalled).Select(i => Task.Run(() => RunAsync(i)))];
    }

    /// <summary>Counts for <paramref name="length"/>, once every stream has had a message.</summary>
    public async Task<StreamCounts> CountAsync(TimeSpan length)
    {
        await await Task.WhenAny(Task.WhenAll(_opened.Select(opened => opened.Task)), Task.WhenAny(_streams).Unwrap());
        long[] before = Snapshot();
        long start = Stopwatch.GetTimestamp();
        await await Task.WhenAny(Task.Delay(length), Task.WhenAny(_streams).Unwrap());
        long[] after = Snapshot();
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        long[] counts = [.. after.Zip(before, (now, then) => now - then)];
        return new StreamCounts { Rate = counts.Sum() / seconds, Least = counts.Min(), Most = counts.Max() };
    }

    /// <summary>
    /// Lets every call come to its end. A cancelled one would leave a server whose writes then succeed at once with a handler
    /// that no longer waits, and a thousand of those with no thread to learn of the cancellation.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        _end.SetResult();
        await Task.WhenAll(_streams);
    }

    private long[] Snapshot() => [.. Enumerable.Range(0, _received.Length).Select(i => Interlocked.Read(ref _received[i]))];

    private async Task RunAsync(int index)
    {
        bool isStalled = index >= _received.Length;
        var request = new DownloadRequest { Count = MessagesPerCall, Payload = ByteString.CopyFrom(new byte[PayloadBytes]) };
        while (!_end.Task.IsCompleted)
        {
            using AsyncServerStreamingCall<Echo> call = _client.Download(request, default(CallOptions));
            while (await call.ResponseStream.MoveNext(CancellationToken.None))
            {
                _opened[index].TrySetResult();
                if (isStalled)
                {
                    await _end.Task;
                }
                else
                {
                    _received[index]++;
                }
            }
        }
    }
}
