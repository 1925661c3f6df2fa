using System.Diagnostics;
using MiniGrpc.Benchmarks.Protos;

namespace MiniGrpc.Benchmarks.Compare.Load;

/// <summary>
/// Runs the loops of a load and counts what they do. Its own cost must vanish beside the client's, since it is charged to the
/// client: one look at the clock and two increments for each operation, and nothing allocated.
/// </summary>
internal sealed class LoadGenerator
{
    /// <summary>
    /// Messages in one streaming call: many, so that opening the call doesn't count; not endless, so that a load ends by ending
    /// its calls rather than by cancelling them. All loops together then end within seconds.
    /// </summary>
    private const int MessagesPerCallAtMost = 10_000;
    private const int MessagesOfAllLoopsAtMost = 100_000;
    private const int BytesPerCallAtMost = 64 << 20;

    private readonly Func<LoadGenerator, int, Task> _loop;
    private readonly LatencyHistogram _latencies = new();
    private readonly Task[] _loops;
    private volatile bool _running;
    private long _operations;
    private long _operationsBefore;

    /// <param name="loops">How many loops.</param>
    /// <param name="payload">Bytes in a message's payload.</param>
    /// <param name="loop">What one does, given its number, while <see cref="Running"/>.</param>
    public LoadGenerator(int loops, int payload, Func<LoadGenerator, int, Task> loop)
    {
        _loop = loop;
        _loops = new Task[loops];
        PayloadBytes = payload;
        Message = new Echo { Payload = Google.Protobuf.ByteString.CopyFrom(new byte[payload]) };
        int bySize = BytesPerCallAtMost / Math.Max(1, payload);
        MessagesPerCall = Math.Min(Math.Min(MessagesPerCallAtMost, MessagesOfAllLoopsAtMost / loops), bySize);
    }

    /// <summary>What every loop sends, again and again: making messages is the application's cost, not the client's.</summary>
    public Echo Message { get; }

    /// <summary>The length of what is in it.</summary>
    public int PayloadBytes { get; }

    public int MessagesPerCall { get; }

    /// <summary>Whether the loops should go on.</summary>
    public bool Running => _running;

    public long Operations => Interlocked.Read(ref _operations) - _operationsBefore;

    public void Start()
    {
        _running = true;
        for (int i = 0; i < _loops.Length; i++)
        {
            int number = i;
            _loops[i] = Task.Run(() => _loop(this, number));
        }
    }

    /// <summary>Waits until what is under way has ended.</summary>
    /// <exception cref="TimeoutException">It hasn't ended in time.</exception>
    public void Stop()
    {
        _running = false;
        if (!Task.WaitAll(_loops, TimeSpan.FromSeconds(20)))
        {
            int hanging = _loops.Count(loop => !loop.IsCompleted);
            throw new TimeoutException($"{hanging} of {_loops.Length} loops wait for a call that has not ended within 20 s.");
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

    public double? PercentileMicroseconds(double share) => _latencies.PercentileMicroseconds(share);

    /// <summary>Counts an operation that began at <paramref name="start"/>, and gives the time, at which the next one begins.</summary>
    public long Count(long start)
    {
        long now = Stopwatch.GetTimestamp();
        Count(start, now);
        return now;
    }

    /// <summary>The same for who has looked at the clock already.</summary>
    public void Count(long start, long end)
    {
        _latencies.Record(end - start);
        Interlocked.Increment(ref _operations);
    }

    /// <summary>An echo that differs in length isn't one; a benchmark of wrong answers is worthless.</summary>
    public void Check(Echo reply) => Check(reply.Payload.Length);

    public void Check(int length)
    {
        if (length != PayloadBytes)
        {
            throw new InvalidDataException($"{PayloadBytes} B were to come back, {length} B did.");
        }
    }
}
