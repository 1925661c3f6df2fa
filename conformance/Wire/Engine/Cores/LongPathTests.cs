using MiniGrpc.Wire;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>
/// The connection's window grows where the path is so long that it holds the peer up, and nowhere else (windows in docs/configuration.md).
/// </summary>
public class LongPathTests
{
    private const int RoundTrip = 20;
    private const int MiB = 1024 * 1024;

    private readonly LongPathBench _path = new();

    [Fact]
    public void A_window_starts_at_1_MiB_and_may_become_larger_by_what_may_be_unread() => Assert.Equal((MiB, 5 * MiB), (_path.Window.Size, _path.Window.LargestSize));

    [Fact]
    public void No_window_becomes_larger_than_HTTP_2_permits() => Assert.Equal(int.MaxValue, new ConnectionReceiveWindow(MiB, int.MaxValue).LargestSize);

    /// <summary>Measured twice, the path is known to be long and its window to be used up: it doubles. So it goes on, and ends.</summary>
    [Fact]
    public void A_window_that_holds_the_peer_up_doubles_until_it_is_the_largest()
    {
        _path.Connect(RoundTrip);
        List<int> sizes = [];
        for (int i = 0; i < 10 && _path.ReceiveUntilPing(aWindowIn: RoundTrip); i++)
        {
            _path.Answer(RoundTrip);
            sizes.Add(_path.Window.Size / MiB);
        }

        Assert.Equal([1, 2, 4, 5], sizes);
        Assert.Equal((5 * MiB, 4 * MiB), (_path.Window.LargestSize, _path.Window.Growth));
    }

    /// <summary>The peer is told of what it may send more, at once.</summary>
    [Fact]
    public void What_a_window_grows_by_is_sent()
    {
        _path.Connect(RoundTrip);
        _path.ReceiveUntilPing(aWindowIn: RoundTrip);
        _path.Answer(RoundTrip);
        _path.ReceiveUntilPing(aWindowIn: RoundTrip);
        _path.Answer(RoundTrip);
        Assert.Equal([$"credit {MiB}"], _path.Log);
    }

    /// <summary>What comes in at a fifth of what the window would let through is held up by something else.</summary>
    [Fact]
    public void A_window_that_is_not_used_up_stays_as_it_is()
    {
        _path.Connect(RoundTrip);
        _path.AnswerInVain(10, aWindowIn: 5 * RoundTrip, after: RoundTrip);
        Assert.Equal(MiB, _path.Window.Size);
    }

    /// <summary>Its window holds a stream up as well, and is smaller than the connection's: it alone, used up, is enough.</summary>
    [Fact]
    public void A_stream_s_window_that_is_used_up_is_enough()
    {
        _path.Connect(RoundTrip);
        for (int i = 0; i < 2; i++)
        {
            _path.ReceiveUntilPing(aWindowIn: 3 * RoundTrip); // 340 KiB in a round trip, of 512 that a stream may have
            _path.Answer(RoundTrip);
        }

        Assert.Equal(2 * MiB, _path.Window.Size);
    }

    /// <summary>Octets that wait in queues make the round trip longer, and a larger window would make it longer still.</summary>
    [Fact]
    public void A_round_trip_that_has_become_longer_counts_as_the_shortest_that_was_seen()
    {
        _path.Connect(RoundTrip);
        _path.AnswerInVain(10, aWindowIn: 5 * RoundTrip, after: 10 * RoundTrip);
        Assert.Equal(MiB, _path.Window.Size);
    }

    /// <summary>The acknowledgement of SETTINGS tells it, before anything was received.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void A_short_path_is_not_measured(int roundTrip)
    {
        _path.Connect(roundTrip);
        Assert.False(_path.ReceiveUntilPing(aWindowIn: 1));
        Assert.Equal(MiB, _path.Window.Size);
    }

    [Fact]
    public void A_path_of_two_milliseconds_is_long()
    {
        _path.Connect(2);
        Assert.True(_path.ReceiveUntilPing(aWindowIn: RoundTrip));
    }

    /// <summary>Both ends may have been slow to start.</summary>
    [Fact]
    public void A_path_that_turns_out_to_be_short_is_not_measured_again()
    {
        _path.Connect(RoundTrip);
        Assert.True(_path.ReceiveUntilPing(aWindowIn: RoundTrip));
        _path.Answer(1);
        Assert.False(_path.ReceiveUntilPing(aWindowIn: 1));
        Assert.Equal(MiB, _path.Window.Size);
    }

    [Fact]
    public void A_path_that_turns_out_to_be_short_later_on_needs_no_larger_window()
    {
        _path.Connect(RoundTrip);
        Assert.True(_path.ReceiveUntilPing(aWindowIn: RoundTrip));
        _path.Answer(RoundTrip);
        Assert.True(_path.ReceiveUntilPing(aWindowIn: 0));
        _path.Answer(1);
        Assert.Equal(MiB, _path.Window.Size);
    }

    /// <summary>Two windows lie between one PING and the next.</summary>
    [Fact]
    public void The_first_window_update_takes_a_ping_along_and_then_every_eighth()
    {
        _path.Connect(RoundTrip);
        foreach (int updates in (int[])[1, 8, 8])
        {
            int before = _path.Updates;
            Assert.True(_path.ReceiveUntilPing(aWindowIn: 5 * RoundTrip));
            Assert.Equal(updates, _path.Updates - before);
            _path.Answer(RoundTrip);
        }
    }

    /// <summary>Some servers end connections for too many of them, and what three answers haven't changed the next can wait with.</summary>
    [Fact]
    public void After_three_answers_that_change_nothing_two_seconds_lie_between_pings()
    {
        _path.Connect(RoundTrip);
        _path.AnswerInVain(3, aWindowIn: 5 * RoundTrip, after: RoundTrip);
        for (int i = 0; i < 3; i++)
        {
            long answered = _path.Now;
            _path.WaitForPing(aWindowIn: 5 * RoundTrip);
            Assert.InRange(_path.Now - answered, 2000, 2000 + (5 * RoundTrip));
            _path.Answer(RoundTrip);
        }
    }

    /// <summary>A path that turns out to be too long for its windows is looked at promptly again, until they are large enough.</summary>
    [Fact]
    public void Once_a_window_has_grown_pings_are_prompt_again()
    {
        _path.Connect(RoundTrip);
        _path.AnswerInVain(3, aWindowIn: 5 * RoundTrip, after: RoundTrip);
        _path.WaitForPing(aWindowIn: RoundTrip);
        _path.Answer(RoundTrip);
        Assert.Equal(2 * MiB, _path.Window.Size);
        long grown = _path.Now;
        _path.WaitForPing(aWindowIn: RoundTrip);
        Assert.InRange(_path.Now - grown, 0, 2 * RoundTrip);
    }

    /// <summary>A peer that keeps us waiting can have no second PING to answer.</summary>
    [Fact]
    public void While_an_answer_is_waited_for_nothing_is_asked()
    {
        _path.Connect(RoundTrip);
        Assert.True(_path.ReceiveUntilPing(aWindowIn: RoundTrip));
        Assert.False(_path.ReceiveUntilPing(aWindowIn: RoundTrip));
    }

    [Fact]
    public void While_settings_are_not_acknowledged_nothing_is_asked() => Assert.False(_path.ReceiveUntilPing(aWindowIn: RoundTrip));

    /// <summary>What answers nothing measures nothing. It is useless, too: there may be only so many of such frames.</summary>
    [Theory]
    [InlineData(PathProbe.OpaqueData, false)]
    [InlineData(PathProbe.OpaqueData + 1, true)]
    public void An_answer_to_another_question_or_to_none_does_not_count(ulong opaqueData, bool asked)
    {
        _path.Connect(RoundTrip);
        if (asked)
        {
            Assert.True(_path.ReceiveUntilPing(aWindowIn: RoundTrip));
        }

        _path.Log.Clear();
        int answers = 0;
        while (_path.Feed(ReceiveBench.Frames(o => PingFrame.Write(o, isAck: true, opaqueData))) is null)
        {
            answers++;
        }

        Assert.Equal(new AbuseLimits().UselessFrames.Burst, answers);
        Assert.Equal(answers, _path.Log.Count(line => line == $"ping {opaqueData} ACK"));
        Assert.Equal(MiB, _path.Window.Size);
    }

    /// <summary>A peer that answers what it was asked is not useless, however often it is asked.</summary>
    [Fact]
    public void Answers_do_not_count_as_useless_frames()
    {
        var path = new LongPathBench(new AbuseLimits { UselessFrames = new RateLimit(1, 1) });
        path.Connect(RoundTrip);
        for (int i = 0; i < 3; i++)
        {
            Assert.True(path.ReceiveUntilPing(aWindowIn: 5 * RoundTrip));
            path.Answer(RoundTrip);
        }
    }

    /// <summary>As much more may be unread, and streams may grow by as much: larger streams whose readers stop don't hold up the others.</summary>
    [Fact]
    public void With_the_window_grows_what_may_be_unread_and_what_streams_may_grow_by()
    {
        var window = new ConnectionReceiveWindow(100, 60);
        window.Grow(40);
        Assert.Equal((140, 40, 70L), (window.Size, window.Growth, window.GrowthLeft));
        window.AddUnread(100);
        Assert.True(window.TryReceive(140));
        Assert.Equal(140, window.TakeDue());
        window.AddUnread(1);
        Assert.True(window.TryReceive(140));
        Assert.False(window.TryReceive(1));
        Assert.Equal(0, window.TakeDue());
    }
}
