using Microsoft.Extensions.Time.Testing;
using MiniGrpc.Client;

namespace MiniGrpc.Conformance.Wire.Balancing;

/// <summary>What is due comes once, in a turn, and not for a wait that another one, or nothing, has taken the place of.</summary>
public sealed class SerialTimerTests
{
    private static readonly TimeSpan s_second = TimeSpan.FromSeconds(1);

    private readonly FakeTimeProvider _time = new();
    private readonly Queue<Action> _turns = new();
    private readonly SerialTimer _timer;
    private int _due;

    public SerialTimerTests()
    {
        _timer = new SerialTimer(_time, _turns.Enqueue, () => _due++);
    }

    [Fact]
    public void A_wait_ends_once_and_in_a_turn()
    {
        _timer.Start(s_second);
        _time.Advance(s_second);
        Assert.Equal((0, true), (_due, _timer.IsRunning));
        Run();
        Assert.Equal((1, false), (_due, _timer.IsRunning));
        _time.Advance(100 * s_second);
        Assert.Empty(_turns);
    }

    [Fact]
    public void A_wait_takes_the_place_of_the_one_before()
    {
        _timer.Start(s_second);
        _timer.Start(2 * s_second);
        _time.Advance(s_second);
        Assert.Empty(_turns); // its timer is no more
        _time.Advance(s_second);
        Run();
        Assert.Equal(1, _due);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_wait_that_is_over_before_its_turn_comes_can_still_be_taken_back(bool another)
    {
        _timer.Start(s_second);
        _time.Advance(s_second);
        _timer.Stop();
        if (another)
        {
            _timer.Start(s_second);
        }

        Run();
        Assert.Equal((0, another), (_due, _timer.IsRunning));
    }

    private void Run()
    {
        while (_turns.TryDequeue(out Action? turn))
        {
            turn();
        }
    }
}
