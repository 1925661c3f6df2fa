using MiniGrpc.Wire.Calls;

namespace MiniGrpc.Conformance.Wire.Engine.Reuse;

/// <summary>A timer that serves one call after the other, as its stream does.</summary>
public class DeadlineTests
{
    private static readonly TimeSpan s_second = TimeSpan.FromSeconds(1);

    private readonly HandTimers _time = new();
    private readonly Deadline _deadline;
    private int _expired;

    public DeadlineTests() => _deadline = new Deadline(_time, () => _expired++);

    private HandTimer Timer => _time.TimerOf<Deadline>();

    [Fact]
    public void It_runs_out_at_its_moment_and_not_before()
    {
        _deadline.Start(s_second);
        Assert.Equal(s_second, Timer.Due);
        Timer.Fire();
        Assert.Equal(0, _expired);
        Assert.False(_deadline.HasPassed);
        _time.Elapsed = s_second;
        Assert.True(_deadline.HasPassed);
        Timer.Fire();
        Assert.Equal(1, _expired);
    }

    /// <summary>A timer takes about 49 days at the most.</summary>
    [Fact]
    public void A_moment_that_is_years_away_is_waited_for_in_turns()
    {
        _deadline.Start(TimeSpan.FromDays(65));
        Assert.Equal(TimeSpan.FromDays(30), Timer.Due);
        _time.Elapsed = TimeSpan.FromDays(30);
        Timer.Fire();
        Assert.Equal(TimeSpan.FromDays(30), Timer.Due);
        _time.Elapsed = TimeSpan.FromDays(60);
        Timer.Fire();
        Assert.Equal(TimeSpan.FromDays(5), Timer.Due);
        Assert.Equal(0, _expired);
    }

    [Fact]
    public void One_that_was_stopped_never_runs_out()
    {
        _deadline.Start(s_second);
        _deadline.Stop();
        Assert.Equal(Timeout.InfiniteTimeSpan, Timer.Due);
        _time.Elapsed = TimeSpan.FromDays(1);
        Timer.Fire();
        Assert.Equal(0, _expired);
        Assert.False(_deadline.HasPassed);
        Assert.Equal(Timeout.InfiniteTimeSpan, Timer.Due);
    }

    [Fact]
    public void A_late_run_of_the_call_before_waits_for_the_next_ones_moment()
    {
        _deadline.Start(s_second);
        _deadline.Stop();
        _time.Elapsed = 2 * s_second;
        _deadline.Start(5 * s_second);
        Timer.Fire();
        Assert.Equal((0, 5 * s_second), (_expired, Timer.Due));
        _time.Elapsed = 7 * s_second;
        Timer.Fire();
        Assert.Equal(1, _expired);
    }

    /// <summary>
    /// A run finds time left, and before it has set the timer for that, the call ends and the next one sets it to an earlier moment.
    /// The run's longer wait would let that moment pass.
    /// </summary>
    [Fact]
    public void A_late_run_does_not_put_off_a_moment_that_was_set_meanwhile()
    {
        _deadline.Start(100 * s_second);
        Timer.BeforeNextChange = () =>
        {
            _deadline.Stop();
            _deadline.Start(s_second);
        };
        Timer.Fire();
        Assert.Equal(s_second, Timer.Due);
    }
}
