using System.Collections.Concurrent;
using CsCheck;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>RFC 9113 section 6.9: the connection's inbound window, which two threads share. No octet of credit may be lost.</summary>
public class ConnectionReceiveWindowTests
{
    [Fact]
    public void Credit_is_due_at_a_quarter_of_the_window()
    {
        var window = new ConnectionReceiveWindow(100, 1000);
        Assert.True(window.TryReceive(24));
        Assert.Equal(0, window.TakeDue());
        Assert.True(window.TryReceive(1));
        Assert.Equal(25, window.TakeDue());
        Assert.Equal(0, window.TakeDue());
    }

    /// <summary>RFC 9113 section 6.9.1: a peer that sends more than its window is in error.</summary>
    [Fact]
    public void More_than_the_window_is_refused()
    {
        var window = new ConnectionReceiveWindow(100, 1000);
        Assert.True(window.TryReceive(100));
        Assert.False(window.TryReceive(1));
    }

    [Fact]
    public void Credit_is_held_back_while_too_much_is_unread()
    {
        var window = new ConnectionReceiveWindow(100, 60);
        window.AddUnread(61);
        Assert.True(window.TryReceive(61));
        Assert.Equal(0, window.TakeDue());
        window.AddUnread(-1);
        Assert.Equal((60, 61), ((int)window.Unread, window.TakeDue()));
    }

    [Fact]
    public void Whatever_comes_in_and_is_read_the_peer_gets_back_what_it_used()
    {
        Gen<(bool Receives, int Amount)> step = Gen.Select(Gen.Bool, Gen.Int[0, 200]);
        Gen.Select(step.Array[1, 200], Gen.Int[2, 500], Gen.Int[0, 500]).Sample(
            (steps, size, cap) =>
            {
                var window = new ConnectionReceiveWindow(size, cap);
                int credit = size;
                int unread = 0;
                foreach ((bool receives, int amount) in steps)
                {
                    int octets = int.Min(amount, receives ? credit : unread);
                    if (receives)
                    {
                        Assert.True(window.TryReceive(octets));
                        credit -= octets;
                    }

                    window.AddUnread(receives ? octets : -octets);
                    unread += receives ? octets : -octets;
                    credit += window.TakeDue();
                    Assert.InRange(credit, 0, size);
                    Assert.True(unread > cap || size - credit < int.Max(1, size / 4), "credit that is due was not given");
                }

                window.AddUnread(-unread);
                credit += window.TakeDue();
                Assert.InRange(credit, size - (size / 4), size);
                Assert.False(window.TryReceive(credit + 1));
            },
            iter: 500,
            threads: 1);
    }

    [Fact]
    public void A_receiver_and_a_reader_on_two_threads_lose_none_of_it()
    {
        const int Total = 3_000_000;
        const int Size = 1000;
        var window = new ConnectionReceiveWindow(Size, 700);
        using var credit = new BlockingCollection<int> { Size };
        using var unread = new BlockingCollection<int>();
        var reader = new Thread(() =>
        {
            foreach (int octets in unread.GetConsumingEnumerable())
            {
                window.AddUnread(-octets);
                if (window.TakeDue() is > 0 and int due)
                {
                    credit.Add(due);
                }
            }
        });
        reader.Start();

        int sent = 0;
        int available = 0;
        var random = new Random(1);
        bool stalled = false;
        while (sent < Total && !stalled)
        {
            while (credit.TryTake(out int more))
            {
                available += more;
            }

            // Nothing on its way, nothing left to use: if credit was lost, this waits in vain.
            if (available == 0)
            {
                stalled = !credit.TryTake(out available, TimeSpan.FromSeconds(30));
                continue;
            }

            int octets = random.Next(1, available + 1);
            Assert.True(window.TryReceive(octets));
            available -= octets;
            sent += octets;
            window.AddUnread(octets);
            unread.Add(octets);
            if (window.TakeDue() is > 0 and int due)
            {
                available += due;
            }
        }

        unread.CompleteAdding();
        reader.Join();
        Assert.False(stalled, $"after {sent} octets the peer has no credit, and none is coming");
        Assert.Equal(0, window.Unread);
        int due2 = window.TakeDue();
        available += credit.Sum() + due2;
        Assert.InRange(available, Size - (Size / 4) + 1, Size);
    }

    [Fact]
    public void Two_threads_that_take_what_is_due_at_once_take_each_octet_once()
    {
        const int Size = 64;
        const int Rounds = 300_000;
        var window = new ConnectionReceiveWindow(Size, long.MaxValue);
        long credit = Size;
        bool done = false;
        var taker = new Thread(() =>
        {
            while (!Volatile.Read(ref done))
            {
                Interlocked.Add(ref credit, window.TakeDue());
            }
        });
        taker.Start();
        bool sound = true;
        for (int i = 0; i < Rounds && sound; i++)
        {
            if (Volatile.Read(ref credit) > 0)
            {
                Interlocked.Decrement(ref credit);
                sound = window.TryReceive(1);
            }

            Interlocked.Add(ref credit, window.TakeDue());
        }

        Volatile.Write(ref done, true);
        taker.Join();
        Assert.True(sound, "credit was given that the window doesn't know of");
        Assert.Equal(Size, credit + Internals.OwedOf(window));
    }
}
