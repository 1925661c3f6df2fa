using CsCheck;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Wire.Rfc9113;

/// <summary>RFC 9113 sections 6.9.1 and 6.9.2: the windows of both directions.</summary>
public class Section6_9_1_FlowControlWindow
{
    [Fact]
    public void Sending_takes_from_the_window_and_an_update_adds_to_it()
    {
        var window = new SendWindow(100);
        window.Consume(100);
        window.Consume(0);
        Assert.Equal(0, window.Available);
        Assert.True(window.TryIncrease(7));
        Assert.Equal(7, window.Available);
    }

    /// <summary>RFC 9113 section 6.9.1: a window MUST NOT exceed 2^31-1.</summary>
    [Theory]
    [InlineData(0, int.MaxValue, true)]
    [InlineData(1, int.MaxValue, false)]
    [InlineData(65_535, int.MaxValue - 65_535, true)]
    [InlineData(65_535, int.MaxValue - 65_534, false)]
    [InlineData(int.MaxValue, 1, false)]
    public void A_window_past_the_limit_is_refused_and_stays_as_it_was(int size, int increment, bool accepted)
    {
        int expected = accepted ? size + increment : size;

        var window = new SendWindow(size);
        Assert.Equal(accepted, window.TryIncrease(increment));
        Assert.Equal(expected, window.Available);

        window = new SendWindow(size);
        Assert.Equal(accepted, window.TryAdjust(increment));
        Assert.Equal(expected, window.Available);
    }

    /// <summary>
    /// RFC 9113 section 6.9.2: a change of INITIAL_WINDOW_SIZE can make a window negative; a sender MUST track it and MUST NOT
    /// send until WINDOW_UPDATE has made it positive. The numbers are the example of that section.
    /// </summary>
    [Fact]
    public void A_smaller_initial_size_makes_the_window_negative()
    {
        var window = new SendWindow(65_535);
        window.Consume(60 * 1024);
        Assert.True(window.TryAdjust((16 * 1024) - 65_535));
        Assert.Equal(-44 * 1024, window.Available);
        Assert.True(window.TryIncrease(45 * 1024));
        Assert.Equal(1024, window.Available);
    }

    [Fact]
    public void The_most_negative_window_there_can_be_comes_back()
    {
        var window = new SendWindow(int.MaxValue);
        window.Consume(int.MaxValue);
        Assert.True(window.TryAdjust(-int.MaxValue));
        Assert.Equal(-int.MaxValue, window.Available);
        Assert.True(window.TryIncrease(int.MaxValue));
        Assert.True(window.TryAdjust(int.MaxValue));
        Assert.Equal(int.MaxValue, window.Available);
    }

    /// <summary>RFC 9113 section 6.9.1: a sender MUST NOT exceed the window; a receiver answers with FLOW_CONTROL_ERROR.</summary>
    [Fact]
    public void A_peer_may_use_all_of_the_window_and_not_one_octet_more()
    {
        var window = new ReceiveWindow(100);
        Assert.False(window.TryReceive(101));
        Assert.Equal(100, window.Available);
        Assert.True(window.TryReceive(100));
        Assert.True(window.TryReceive(0));
        Assert.False(window.TryReceive(1));
        Assert.Equal(100, window.Unreleased);
    }

    [Theory]
    [InlineData(100, 25)]
    [InlineData(103, 25)]
    [InlineData(4, 1)]
    [InlineData(2, 1)]
    [InlineData(1, 1)]
    public void Credit_goes_back_once_a_quarter_of_the_window_is_released(int size, int quarter)
    {
        var window = new ReceiveWindow(size);
        Assert.True(window.TryReceive(size));
        for (int released = 1; released < quarter; released++)
        {
            Assert.Equal(0, window.Release(1));
        }

        Assert.Equal(quarter, window.Release(1));
        Assert.Equal(quarter, window.Available);
        Assert.Equal(size - quarter, window.Unreleased);
    }

    [Fact]
    public void A_reader_that_waits_for_a_message_longer_than_the_window_is_credited_once()
    {
        var window = new ReceiveWindow(100);
        Assert.True(window.TryReceive(100));

        Assert.Equal(900, window.Expand(900));
        Assert.Equal(0, window.Expand(900));
        Assert.True(window.TryReceive(400));
        Assert.Equal(0, window.Expand(500));
        Assert.True(window.TryReceive(500));

        // The message of 1000 is released: 900 were lent before, so that only 100 are due.
        Assert.Equal(100, window.Release(1000));
        Assert.Equal(100, window.Available);
        Assert.Equal(0, window.Unreleased);
    }

    [Fact]
    public void An_advance_first_uses_up_what_is_pending()
    {
        var window = new ReceiveWindow(100);
        Assert.True(window.TryReceive(90));
        Assert.Equal(0, window.Release(20));

        Assert.Equal(60, window.Expand(70)); // 20 were pending, 40 are lent
        Assert.True(window.TryReceive(70));
        Assert.Equal(0, window.Release(40)); // pays the advance
        Assert.Equal(100, window.Release(100));
        Assert.Equal(100, window.Available);
    }

    [Fact]
    public void A_larger_window_is_announced_at_once_with_what_is_pending()
    {
        var window = new ReceiveWindow(100);
        Assert.True(window.TryReceive(20));
        Assert.Equal(0, window.Release(20));
        Assert.Equal(120, window.Grow(200));
        Assert.Equal((200, 200), (window.Available, window.Size));
    }

    [Fact]
    public void A_larger_window_first_makes_up_for_an_advance()
    {
        var window = new ReceiveWindow(100);
        Assert.Equal(50, window.Expand(150));
        Assert.Equal(0, window.Grow(130));
        Assert.Equal(50, window.Grow(200));
        Assert.Equal(200, window.Available);
    }

    [Theory]
    [InlineData(100)]
    [InlineData(99)]
    [InlineData(0)]
    public void A_window_never_shrinks(int size)
    {
        var window = new ReceiveWindow(100);
        Assert.Equal(0, window.Grow(size));
        Assert.Equal((100, 100), (window.Available, window.Size));
    }

    [Fact]
    public void A_window_of_zero_lives_on_advances_alone()
    {
        var window = new ReceiveWindow(0);
        Assert.Equal(10, window.Expand(10));
        Assert.True(window.TryReceive(10));
        Assert.Equal(0, window.Release(10));
        Assert.False(window.TryReceive(1));
        Assert.Equal(10, window.Expand(10));
    }

    [Fact]
    public void The_largest_window_and_the_largest_advances_do_not_overflow()
    {
        var window = new ReceiveWindow(int.MaxValue);
        Assert.True(window.TryReceive(int.MaxValue));
        Assert.Equal(int.MaxValue, window.Expand(int.MaxValue));
        Assert.True(window.TryReceive(int.MaxValue));
        Assert.Equal(int.MaxValue, window.Expand(int.MaxValue));
        Assert.Equal(0, window.Release(int.MaxValue));
        Assert.Equal(0, window.Release(int.MaxValue));
        Assert.Equal((int.MaxValue, 0L), (window.Available, window.Unreleased));
    }

    /// <summary>
    /// The peer's view and ours agree whatever happens in whatever order; and when everything is released and half a
    /// window was turned over once more, nothing is missing and nothing is too much.
    /// </summary>
    [Fact]
    public void No_credit_is_ever_lost_or_given_twice() =>
        Gen.Select(Gen.Int[0, 300], Gen.Select(Gen.Int[0, 3], Gen.Int[0, 400]).Array[0, 60]).Sample(
            (initialSize, steps) =>
            {
                var window = new ReceiveWindow(initialSize);
                var peer = new SendWindow(initialSize);
                long held = 0;
                int size = initialSize;

                void Credit(int increment) => Assert.True(increment >= 0 && peer.TryIncrease(increment));

                foreach ((int step, int amount) in steps)
                {
                    switch (step)
                    {
                        case 0 when window.TryReceive(amount):
                            Assert.InRange(amount, 0, peer.Available);
                            peer.Consume(amount);
                            held += amount;
                            break;
                        case 0:
                            Assert.InRange(peer.Available, 0, amount - 1);
                            break;
                        case 1:
                            int released = (int)Math.Min(amount, held);
                            held -= released;
                            Credit(window.Release(released));
                            break;
                        case 2:
                            Credit(window.Expand(amount));
                            Assert.True(peer.Available >= amount);
                            break;
                        default:
                            size = Math.Max(size, amount);
                            Credit(window.Grow(amount));
                            break;
                    }

                    Assert.Equal(peer.Available, window.Available);
                    Assert.Equal(held, window.Unreleased);
                    Assert.Equal(size, window.Size);
                }

                // The peer uses up what it has, advances included; then all of it is released in one go.
                held += peer.Available;
                Assert.True(window.TryReceive(peer.Available));
                peer.Consume(peer.Available);
                Credit(window.Release((int)held));
                Assert.Equal(size, peer.Available + PendingOf(window));
                Assert.InRange(PendingOf(window), 0, Math.Max(0, (size / 4) - 1));
            },
            iter: 2000);

    /// <summary>What is pending once nothing is lent: the rest of the size that the peer doesn't have yet.</summary>
    private static int PendingOf(ReceiveWindow window) => window.Grow(window.Size + 1) - 1;
}
