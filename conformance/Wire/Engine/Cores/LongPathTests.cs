using System.Globalization;
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

    private static readonly ReceiveLimits s_limits = new();

    private readonly ReceiveBench _bench;
    private int _updates;

    public LongPathTests() => _bench = CreateBench();

    private int Size => _bench.Side.Window.Size;

    [Fact]
    public void A_window_starts_at_1_MiB_and_may_become_larger_by_what_may_be_unread() => Assert.Equal((MiB, 5 * MiB), (Size, _bench.Side.Window.LargestSize));

    [Fact]
    public void No_window_becomes_larger_than_HTTP_2_permits() => Assert.Equal(int.MaxValue, new ConnectionReceiveWindow(MiB, int.MaxValue).LargestSize);

    /// <summary>Measured twice, the path is known to be long and its window to be used up: it doubles. So it goes on, and ends.</summary>
    [Fact]
    public void A_window_that_holds_the_peer_up_doubles_until_it_is_the_largest()
    {
        Connect(RoundTrip);
        List<int> sizes = [];
        for (int i = 0; i < 10 && ReceiveUntilPing(aWindowIn: RoundTrip); i++)
        {
            Answer(RoundTrip);
            sizes.Add(Size / MiB);
        }

        Assert.Equal([1, 2, 4, 5], sizes);
        Assert.Equal((5 * MiB, 4 * MiB), (_bench.Side.Window.LargestSize, _bench.Side.Window.Growth));
    }

    /// <summary>The peer is told of what it may send more, at once.</summary>
    [Fact]
    public void What_a_window_grows_by_is_sent()
    {
        Connect(RoundTrip);
        ReceiveUntilPing(aWindowIn: RoundTrip);
        Answer(RoundTrip);
        ReceiveUntilPing(aWindowIn: RoundTrip);
        Answer(RoundTrip);
        Assert.Equal([$"credit {MiB}"], _bench.Log);
    }

    /// <summary>What comes in at a fifth of what the window would let through is held up by something else.</summary>
    [Fact]
    public void A_window_that_is_not_used_up_stays_as_it_is()
    {
        Connect(RoundTrip);
        AnswerInVain(10);
        Assert.Equal(MiB, Size);
    }

    /// <summary>Its window holds a stream up as well, and is smaller than the connection's: it alone, used up, is enough.</summary>
    [Fact]
    public void A_stream_s_window_that_is_used_up_is_enough()
    {
        Connect(RoundTrip);
        for (int i = 0; i < 2; i++)
        {
            ReceiveUntilPing(aWindowIn: 3 * RoundTrip); // 340 KiB in a round trip, of 512 that a stream may have
            Answer(RoundTrip);
        }

        Assert.Equal(2 * MiB, Size);
    }

    /// <summary>Octets that wait in queues make the round trip longer, and a larger window would make it longer still.</summary>
    [Fact]
    public void A_round_trip_that_has_become_longer_counts_as_the_shortest_that_was_seen()
    {
        Connect(RoundTrip);
        AnswerInVain(10, after: 10 * RoundTrip);
        Assert.Equal(MiB, Size);
    }

    /// <summary>The acknowledgement of SETTINGS tells it, before anything was received.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void A_short_path_is_not_measured(int roundTrip)
    {
        Connect(roundTrip);
        Assert.False(ReceiveUntilPing(aWindowIn: 1));
        Assert.Equal(MiB, Size);
    }

    [Fact]
    public void A_path_of_two_milliseconds_is_long()
    {
        Connect(2);
        Assert.True(ReceiveUntilPing(aWindowIn: RoundTrip));
    }

    /// <summary>Both ends may have been slow to start.</summary>
    [Fact]
    public void A_path_that_turns_out_to_be_short_is_not_measured_again()
    {
        Connect(RoundTrip);
        Assert.True(ReceiveUntilPing(aWindowIn: RoundTrip));
        Answer(1);
        Assert.False(ReceiveUntilPing(aWindowIn: 1));
        Assert.Equal(MiB, Size);
    }

    [Fact]
    public void A_path_that_turns_out_to_be_short_later_on_needs_no_larger_window()
    {
        Connect(RoundTrip);
        Assert.True(ReceiveUntilPing(aWindowIn: RoundTrip));
        Answer(RoundTrip);
        Assert.True(ReceiveUntilPing(aWindowIn: 0));
        Answer(1);
        Assert.Equal(MiB, Size);
    }

    /// <summary>Two windows lie between one PING and the next.</summary>
    [Fact]
    public void The_first_window_update_takes_a_ping_along_and_then_every_eighth()
    {
        Connect(RoundTrip);
        foreach (int updates in (int[])[1, 8, 8])
        {
            int before = _updates;
            Assert.True(ReceiveUntilPing(aWindowIn: 5 * RoundTrip));
            Assert.Equal(updates, _updates - before);
            Answer(RoundTrip);
        }
    }

    /// <summary>Some servers end connections for too many of them, and what three answers haven't changed the next can wait with.</summary>
    [Fact]
    public void After_three_answers_that_change_nothing_two_seconds_lie_between_pings()
    {
        Connect(RoundTrip);
        AnswerInVain(3);
        for (int i = 0; i < 3; i++)
        {
            long answered = _bench.Now;
            WaitForPing(aWindowIn: 5 * RoundTrip);
            Assert.InRange(_bench.Now - answered, 2000, 2000 + (5 * RoundTrip));
            Answer(RoundTrip);
        }
    }

    /// <summary>A path that turns out to be too long for its windows is looked at promptly again, until they are large enough.</summary>
    [Fact]
    public void Once_a_window_has_grown_pings_are_prompt_again()
    {
        Connect(RoundTrip);
        AnswerInVain(3);
        WaitForPing(aWindowIn: RoundTrip);
        Answer(RoundTrip);
        Assert.Equal(2 * MiB, Size);
        long grown = _bench.Now;
        WaitForPing(aWindowIn: RoundTrip);
        Assert.InRange(_bench.Now - grown, 0, 2 * RoundTrip);
    }

    /// <summary>A peer that keeps us waiting can have no second PING to answer.</summary>
    [Fact]
    public void While_an_answer_is_waited_for_nothing_is_asked()
    {
        Connect(RoundTrip);
        Assert.True(ReceiveUntilPing(aWindowIn: RoundTrip));
        Assert.False(ReceiveUntilPing(aWindowIn: RoundTrip));
    }

    [Fact]
    public void While_settings_are_not_acknowledged_nothing_is_asked() => Assert.False(ReceiveUntilPing(aWindowIn: RoundTrip));

    /// <summary>What answers nothing measures nothing. It is useless, too: there may be only so many of such frames.</summary>
    [Theory]
    [InlineData(PathProbe.OpaqueData, false)]
    [InlineData(PathProbe.OpaqueData + 1, true)]
    public void An_answer_to_another_question_or_to_none_does_not_count(ulong opaqueData, bool asked)
    {
        Connect(RoundTrip);
        if (asked)
        {
            Assert.True(ReceiveUntilPing(aWindowIn: RoundTrip));
        }

        _bench.Log.Clear();
        int answers = 0;
        while (_bench.Feed(ReceiveBench.Frames(o => PingFrame.Write(o, isAck: true, opaqueData))) is null)
        {
            answers++;
        }

        Assert.Equal(s_limits.Abuse.UselessFrames.Burst, answers);
        Assert.Equal(answers, _bench.Log.Count(line => line == $"ping {opaqueData} ACK"));
        Assert.Equal(MiB, Size);
    }

    /// <summary>A peer that answers what it was asked is not useless, however often it is asked.</summary>
    [Fact]
    public void Answers_do_not_count_as_useless_frames()
    {
        ReceiveBench bench = CreateBench(new ReceiveLimits { Abuse = new AbuseLimits { UselessFrames = new RateLimit(1, 1) } });
        Connect(RoundTrip, bench);
        for (int i = 0; i < 3; i++)
        {
            Assert.True(ReceiveUntilPing(aWindowIn: 5 * RoundTrip, bench));
            Answer(RoundTrip, bench);
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

    /// <summary>A stream that was reset: what comes for it is thrown away, and counts for the connection alone.</summary>
    private static ReceiveBench CreateBench(ReceiveLimits? limits = null)
    {
        var bench = new ReceiveBench(Role.Server, limits);
        bench.Side.OnSettingsSent(bench.Now);
        bench.Feed(bench.Request(1));
        bench.Reset(bench.All[1]);
        return bench;
    }

    /// <summary>Our SETTINGS are acknowledged.</summary>
    private void Connect(int roundTrip, ReceiveBench? bench = null)
    {
        bench ??= _bench;
        bench.Now += roundTrip;
        Assert.Null(bench.Feed(ReceiveBench.Frames(o => SettingsFrame.WriteAck(o))));
    }

    /// <summary>Receives three windows at the most, one in <paramref name="aWindowIn"/> milliseconds. False if no PING goes out meanwhile.</summary>
    private bool ReceiveUntilPing(int aWindowIn, ReceiveBench? bench = null)
    {
        bench ??= _bench;
        byte[] frame = ReceiveBench.Frames(o => DataFrame.Write(o, 1, new byte[16_384], endStream: false));
        int quarter = bench.Side.Window.Size / 4;
        for (int i = 0; i < 12; i++)
        {
            bench.Log.Clear();
            bench.Now += aWindowIn / 4;
            for (int received = 0; received < quarter; received += 16_384)
            {
                Assert.Null(bench.Feed(frame));
            }

            string credit = string.Create(CultureInfo.InvariantCulture, $"credit {quarter}");
            string line = Assert.Single(bench.Log);
            _updates++;
            if (line == credit + " and a PING")
            {
                return true;
            }

            Assert.Equal(credit, line);
        }

        return false;
    }

    /// <summary>Receives for four seconds at the most.</summary>
    private void WaitForPing(int aWindowIn)
    {
        for (long end = _bench.Now + 4000; !ReceiveUntilPing(aWindowIn);)
        {
            Assert.True(_bench.Now < end, "no PING has gone out");
        }
    }

    private void AnswerInVain(int times, int after = RoundTrip)
    {
        for (int i = 0; i < times; i++)
        {
            WaitForPing(aWindowIn: 5 * RoundTrip);
            Answer(after);
        }
    }

    private void Answer(int after, ReceiveBench? bench = null)
    {
        bench ??= _bench;
        bench.Log.Clear();
        bench.Now += after;
        Assert.Null(bench.Feed(ReceiveBench.Frames(o => PingFrame.Write(o, isAck: true, PathProbe.OpaqueData))));
    }
}
