using System.Diagnostics;
using System.Numerics;

namespace MiniGrpc.Benchmarks.Compare.Load;

/// <summary>
/// Counts round trips by their length, 64 buckets for each power of two of nanoseconds: a percentile is at most 1.6 % off, and
/// memory doesn't grow with the number of calls, so that a fast client isn't charged for a longer list.
/// </summary>
/// <remarks>Any thread may record, and another one ask meanwhile.</remarks>
internal sealed class LatencyHistogram
{
    private const int SubBucketBits = 6;

    // 2^40 ns are 18 minutes: longer than any call of a benchmark.
    private const int Buckets = (40 - SubBucketBits + 2) << SubBucketBits;

    private static readonly double s_nanosecondsPerTick = 1e9 / Stopwatch.Frequency;

    private readonly long[] _counts = new long[Buckets];
    private readonly long[] _before = new long[Buckets];

    /// <summary>Counts a length in ticks of <see cref="Stopwatch"/>.</summary>
    public void Record(long ticks)
    {
        long nanoseconds = (long)(ticks * s_nanosecondsPerTick);
        Interlocked.Increment(ref _counts[Math.Min(BucketOf(nanoseconds), Buckets - 1)]);
    }

    /// <summary>From now on, percentiles are of what comes after this.</summary>
    public void Begin() => _counts.CopyTo(_before, 0);

    /// <summary>The length, in microseconds, that <paramref name="share"/> of the round trips did not exceed; null if there were none.</summary>
    public double? PercentileMicroseconds(double share)
    {
        long total = 0;
        for (int i = 0; i < Buckets; i++)
        {
            total += _counts[i] - _before[i];
        }

        long rank = (long)Math.Ceiling(total * share);
        long seen = 0;
        for (int i = 0; i < Buckets && total > 0; i++)
        {
            seen += _counts[i] - _before[i];
            if (seen >= rank)
            {
                return MiddleOf(i) / 1000.0;
            }
        }

        return null;
    }

    private static int BucketOf(long value)
    {
        int shift = ShiftFor(value);
        return (shift << SubBucketBits) + (int)(value >> shift);
    }

    private static double MiddleOf(int bucket)
    {
        int shift = Math.Max(0, (bucket >> SubBucketBits) - 1);
        return (((long)bucket - (shift << SubBucketBits)) << shift) + (((1L << shift) - 1) / 2.0);
    }

    private static int ShiftFor(long value) => Math.Max(0, BitOperations.Log2((ulong)value) - SubBucketBits);
}
