using CsCheck;
using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Client.Configuration;

namespace MiniGrpc.Conformance.Wire.Configuration;

/// <summary>gRFC A6: throttling (<see cref="RetryThrottle"/>) and exponential backoff (<see cref="Backoff"/>).</summary>
public class RetryTests
{
    /// <summary>10 tokens: the fifth failure brings the bucket to half, and half is not enough.</summary>
    [Fact]
    public void Retries_pause_when_the_bucket_is_half_full()
    {
        RetryThrottle throttle = NewThrottle(10, 0.1);
        Assert.True(throttle.AllowsRetries);
        for (int i = 0; i < 4; i++)
        {
            Assert.True(throttle.RecordFailure());
        }

        Assert.True(throttle.AllowsRetries);
        Assert.False(throttle.RecordFailure());
        Assert.False(throttle.AllowsRetries);

        throttle.RecordSuccess(); // 5.1
        Assert.True(throttle.AllowsRetries);
    }

    /// <summary>Successes give back a half here.</summary>
    [Theory]
    [InlineData(3, 2, 1, false)] // 1.5
    [InlineData(3, 2, 2, true)] // 2
    [InlineData(1, 1, 1, false)] // 0.5
    [InlineData(1, 1, 2, true)] // 1
    [InlineData(1, 0, 0, true)]
    [InlineData(1000, 500, 0, false)]
    [InlineData(1000, 500, 1, true)]
    public void Half_of_an_odd_number_is_exact(int tokens, int failures, int successes, bool allowed)
    {
        RetryThrottle throttle = NewThrottle(tokens, 0.5);
        Fail(failures, throttle);

        for (int i = 0; i < successes; i++)
        {
            throttle.RecordSuccess();
        }

        Assert.Equal(allowed, throttle.AllowsRetries);
    }

    /// <summary>Ten tenths are one, which they aren't in doubles.</summary>
    [Theory]
    [InlineData(0.1, 11)]
    [InlineData(0.001, 1001)]
    [InlineData(0.3, 4)]
    [InlineData(1, 2)]
    [InlineData(1000, 1)]
    public void Successes_give_back_their_part_of_a_token(double ratio, int successes)
    {
        RetryThrottle throttle = NewThrottle(4, ratio);
        Fail(3, throttle); // 1 is left, and 2 are half

        for (int i = 0; i < successes; i++)
        {
            Assert.False(throttle.AllowsRetries);
            throttle.RecordSuccess();
        }

        Assert.True(throttle.AllowsRetries);
    }

    [Fact]
    public void The_bucket_is_never_less_than_empty_nor_more_than_full()
    {
        RetryThrottle throttle = NewThrottle(2, 0.5);
        Fail(100, throttle);

        throttle.RecordSuccess();
        throttle.RecordSuccess();
        Assert.False(throttle.AllowsRetries); // 1.0
        throttle.RecordSuccess();
        Assert.True(throttle.AllowsRetries); // 1.5
        for (int i = 0; i < 100; i++)
        {
            throttle.RecordSuccess();
        }

        Assert.False(throttle.RecordFailure()); // 2 - 1
    }

    [Theory]
    [InlineData(0.5466, 546)]
    [InlineData(1.005, 1005)]
    [InlineData(0.29, 290)]
    [InlineData(0.0019999, 1)]
    [InlineData(2000, 1_000_000)]
    [InlineData(double.MaxValue, 1_000_000)]
    public void The_ratio_has_three_decimal_places_and_the_rest_is_dropped(double ratio, int thousandths)
    {
        var policy = new RetryThrottlingPolicy { MaxTokens = 1, TokenRatio = ratio };

        Assert.Equal(thousandths, policy.TokenRatioThousandths);
        Assert.Null(policy.FindMistake("x"));
    }

    /// <summary>No token is lost between threads, and none made: each takes one and gives it back, and what was left before is left then.</summary>
    [Fact]
    public void Calls_on_many_threads_are_all_counted()
    {
        for (int round = 0; round < 10; round++) // in one alone the threads may not meet
        {
            RetryThrottle throttle = NewThrottle(1000, 1);
            Fail(400, throttle);
            Thread[] threads = [.. Enumerable.Range(0, 4).Select(_ => new Thread(() => TakeAndGiveBack(throttle)))];
            Array.ForEach(threads, thread => thread.Start());
            Array.ForEach(threads, thread => thread.Join());

            Fail(99, throttle); // 501
            Assert.True(throttle.AllowsRetries);
            Fail(1, throttle);
            Assert.False(throttle.AllowsRetries);
        }

        static void TakeAndGiveBack(RetryThrottle throttle)
        {
            for (int i = 0; i < 200_000; i++)
            {
                throttle.RecordFailure();
                throttle.RecordSuccess();
            }
        }
    }

    [Fact]
    public void The_bucket_agrees_with_plain_arithmetic() =>
        Gen.Select(Gen.Int[1, 20], Gen.Int[1, 3000], Gen.Bool.Array[0, 100]).Sample((tokens, thousandths, calls) =>
        {
            RetryThrottle throttle = NewThrottle(tokens, thousandths / 1000.0);
            decimal count = tokens;
            foreach (bool isSuccess in calls)
            {
                count = Math.Clamp(count + (isSuccess ? thousandths / 1000m : -1), 0, tokens);
                bool allowed = count > tokens / 2m;
                if (isSuccess)
                {
                    throttle.RecordSuccess();
                }
                else
                {
                    Assert.Equal(allowed, throttle.RecordFailure());
                }

                Assert.Equal(allowed, throttle.AllowsRetries);
            }
        });

    [Fact]
    public void Waits_grow_by_the_multiplier_up_to_the_limit()
    {
        var backoff = Backoff.OfRetries(Parameters(0.1, 1, 3), new Middle());

        Assert.Equal([0.1, 0.3, 0.9, 1, 1], Enumerable.Range(0, 5).Select(_ => Math.Round(backoff.Next().TotalSeconds, 6)));
    }

    [Fact]
    public void A_multiplier_below_one_makes_them_shorter()
    {
        var backoff = Backoff.OfRetries(Parameters(1, 10, 0.5), new Middle());

        Assert.Equal([1, 0.5, 0.25], Enumerable.Range(0, 3).Select(_ => Math.Round(backoff.Next().TotalSeconds, 6)));
    }

    [Fact]
    public void An_initial_wait_above_the_limit_is_the_limit() =>
        Assert.Equal(2, Math.Round(Backoff.OfRetries(Parameters(5, 2, 2), new Middle()).Next().TotalSeconds, 6));

    /// <summary>gRFC A6 since 2024: random(0.8, 1.2) times the wait, also beyond the limit; before it was random(0, 1).</summary>
    [Fact]
    public void Waits_vary_by_a_fifth_both_ways()
    {
        var random = new Random(1);
        double[] waits = [.. Enumerable.Range(0, 2000).Select(_ => Backoff.OfRetries(Parameters(10, 10, 2), random).Next().TotalSeconds)];

        Assert.All(waits, wait => Assert.InRange(wait, 8, 12));
        Assert.InRange(waits.Min(), 8, 8.1);
        Assert.InRange(waits.Max(), 11.9, 12);
    }

    [Fact]
    public void After_pushback_they_start_over()
    {
        var backoff = Backoff.OfRetries(Parameters(0.1, 1, 3), new Middle());
        backoff.Next();
        backoff.Next();

        backoff.Reset();

        Assert.Equal(0.1, Math.Round(backoff.Next().TotalSeconds, 6));
    }

    /// <summary>What the rules allow overflows nowhere.</summary>
    [Fact]
    public void The_longest_waits_and_the_largest_multiplier_do_not_overflow()
    {
        double longest = Rules.LongestDuration.TotalSeconds;
        var backoff = Backoff.OfRetries(Parameters(longest, longest, double.MaxValue), new Random(1));
        for (int i = 0; i < 10; i++)
        {
            Assert.InRange(backoff.Next().TotalSeconds, longest * 0.79, longest * 1.21);
        }
    }

    private static void Fail(int times, RetryThrottle throttle)
    {
        for (int i = 0; i < times; i++)
        {
            throttle.RecordFailure();
        }
    }

    private static RetryThrottle NewThrottle(int tokens, double ratio) => new(new RetryThrottlingPolicy { MaxTokens = tokens, TokenRatio = ratio });

    private static RetryParameters Parameters(double initial, double max, double multiplier)
    {
        var policy = new RetryPolicy
        {
            MaxAttempts = 5,
            InitialBackoff = TimeSpan.FromSeconds(initial),
            MaxBackoff = TimeSpan.FromSeconds(max),
            BackoffMultiplier = multiplier,
            RetryableStatusCodes = { StatusCode.Unavailable },
        };
        Assert.Null(policy.FindMistake("x"));
        return new RetryParameters(policy, 5);
    }

    /// <summary>Always 0.5, at which nothing is varied.</summary>
    private sealed class Middle : Random
    {
        public override double NextDouble() => 0.5;
    }
}
