using Microsoft.Extensions.Time.Testing;

using MiniGrpc.Wire.Connection;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>All waits of a connection, on one timer. Each alarm is heard by what it does: <see cref="Alarm.Linger"/> tears the transport down.</summary>
public class AlarmsTests
{
    private static readonly TimeSpan s_second = TimeSpan.FromSeconds(1);

    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero));

    [Fact]
    public async Task An_alarm_rings_when_it_is_due_and_not_before()
    {
        await using var server = new TestServer(options => options.TimeProvider = _time);
        (RawClient client, Alarms alarms) = await StartAsync(server);
        alarms.Set(Alarm.Linger, TimeSpan.FromMilliseconds(1000.5));
        _time.Advance(TimeSpan.FromMilliseconds(1000));
        await client.RoundTripAsync();
        _time.Advance(TimeSpan.FromMilliseconds(1));
        await client.ExpectEndAsync();
    }

    [Fact]
    public async Task One_that_is_set_anew_rings_at_the_new_moment()
    {
        await using var server = new TestServer(options => options.TimeProvider = _time);
        (RawClient client, Alarms alarms) = await StartAsync(server);
        alarms.Set(Alarm.Linger, s_second);
        alarms.Set(Alarm.Linger, 3 * s_second);
        _time.Advance(2 * s_second);
        await client.RoundTripAsync();
        alarms.SetIfClear(Alarm.Linger, s_second / 2); // is set already
        _time.Advance(s_second / 2);
        await client.RoundTripAsync();
        _time.Advance(s_second / 2);
        await client.ExpectEndAsync();
    }

    [Fact]
    public async Task One_that_is_cleared_does_not_ring()
    {
        await using var server = new TestServer(options => options.TimeProvider = _time);
        (RawClient client, Alarms alarms) = await StartAsync(server);
        alarms.Set(Alarm.Linger, s_second);
        alarms.Clear(Alarm.Linger);
        _time.Advance(2 * s_second);
        await client.RoundTripAsync();
        alarms.Set(Alarm.Linger, s_second);
        alarms.Set(Alarm.Linger, Timeout.InfiniteTimeSpan);
        _time.Advance(2 * s_second);
        await client.RoundTripAsync();
        alarms.SetIfClear(Alarm.Linger, s_second);
        _time.Advance(s_second);
        await client.ExpectEndAsync();
    }

    /// <summary>The timer is armed for the first, and again for the next, in whatever order they were set.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Each_rings_at_its_own_time(bool lingerFirst)
    {
        await using var server = new TestServer(options => options.TimeProvider = _time);
        (RawClient client, Alarms alarms) = await StartAsync(server);
        alarms.Set(lingerFirst ? Alarm.Linger : Alarm.Idle, 2 * s_second);
        alarms.Set(lingerFirst ? Alarm.Idle : Alarm.Linger, 3 * s_second);
        _time.Advance(TimeSpan.FromSeconds(1.9));
        await client.RoundTripAsync();
        _time.Advance(TimeSpan.FromSeconds(0.2));
        if (lingerFirst)
        {
            await client.ExpectEndAsync();
            return;
        }

        await client.RoundTripAsync();
        _time.Advance(s_second);
        await client.ExpectEndAsync();
    }

    [Fact]
    public async Task After_the_end_nothing_rings_and_no_timer_is_left()
    {
        var time = new TimerCount();
        await using var server = new TestServer(options => options.TimeProvider = time);
        (RawClient client, Alarms alarms) = await StartAsync(server);
        Assert.Equal(1, time.Count);
        alarms.Stop();
        Assert.Equal(0, time.Count);
        alarms.Set(Alarm.Linger, TimeSpan.FromMilliseconds(1));
        Assert.Equal(0, time.Count);
        await client.RoundTripAsync();
    }

    private static async Task<(RawClient Client, Alarms Alarms)> StartAsync(TestServer server)
    {
        RawClient client = await server.StartAsync();
        await client.RoundTripAsync();
        return (client, Assert.Single(Internals.ConnectionsOf(server.Core)).Alarms);
    }
}
