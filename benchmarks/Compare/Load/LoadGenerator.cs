using Grpc.Core;
using MiniGrpc.Benchmarks.Protos;

namespace MiniGrpc.Benchmarks.Compare.Load;

/// <summary>
/// Keeps a number of calls in flight: that many loops, each of which makes the next call when its last one has ended. Its own
/// cost must vanish beside the client's, since it is charged to the client: an increment and a flag for each operation, and
/// nothing allocated.
/// </summary>
internal sealed class LoadGenerator
{
    private readonly Work _work;
    private readonly Benchmark.BenchmarkClient _client;
    private readonly LatencyHistogram _latencies = new();
    private readonly Task[] _loops;
    private volatile bool _running;
    private long _operations;
    private long _operationsBefore;

    public LoadGenerator(Work work, ChannelBase channel, int inFlight, int payload)
    {
        _work = work;
        _client = new Benchmark.BenchmarkClient(channel);
        _loops = new Task[inFlight];
        Message = new Echo { Payload = Google.Protobuf.ByteString.CopyFrom(new byte[payload]) };
    }

    /// <summary>What every loop sends, again and again: making messages is the application's cost, not the client's.</summary>
    public Echo Message { get; }

    /// <summary>Whether the loops should go on.</summary>
    public bool Running => _running;

    /// <summary>
    /// Latency is asked for with one call in flight only; with many, it says how long the queue is. Reading the clock twice a
    /// call is spared the loops that don't need it.
    /// </summary>
    public bool TakesLatency => _loops.Length == 1;

    public long Operations => Interlocked.Read(ref _operations) - _operationsBefore;

    public void Start()
    {
        _running = true;
        for (int i = 0; i < _loops.Length; i++)
        {
            _loops[i] = Task.Run(() => _work.RunAsync(_client, this));
        }
    }

    /// <summary>Waits until what is under way has ended.</summary>
    /// <exception cref="TimeoutException">It hasn't ended in time.</exception>
    public void Stop()
    {
        _running = false;
        if (!Task.WaitAll(_loops, TimeSpan.FromSeconds(10)))
        {
            int hanging = _loops.Count(loop => !loop.IsCompleted);
            throw new TimeoutException($"{hanging} of {_loops.Length} loops wait for a call that has not ended within 10 s.");
        }
    }

    /// <summary>Begins to count operations and latencies anew.</summary>
    public void Begin()
    {
        _operationsBefore = Interlocked.Read(ref _operations);
        _latencies.Begin();
    }

    /// <summary>Throws what a loop has died of, if one has: the others would make a figure that looks like a slow client.</summary>
    public void ThrowIfLoopDied()
    {
        foreach (Task loop in _loops)
        {
            if (loop.IsFaulted)
            {
                loop.GetAwaiter().GetResult();
            }
        }
    }

    public double? PercentileMicroseconds(double share) => TakesLatency ? _latencies.PercentileMicroseconds(share) : null;

    /// <summary>Counts an operation that ended.</summary>
    public void Count() => Interlocked.Increment(ref _operations);

    /// <summary>Counts an operation that began at <paramref name="startTimestamp"/>; for loads of one loop.</summary>
    public void Count(long startTimestamp)
    {
        _latencies.Record(startTimestamp);
        Count();
    }

    /// <summary>An echo that differs in length isn't one; a benchmark of wrong answers is worthless.</summary>
    public void Check(Echo reply)
    {
        if (reply.Payload.Length != Message.Payload.Length)
        {
            throw new InvalidDataException($"{Message.Payload.Length} B were to come back, {reply.Payload.Length} B did.");
        }
    }
}
