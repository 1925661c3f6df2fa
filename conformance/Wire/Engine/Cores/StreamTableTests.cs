using System.Runtime.CompilerServices;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>The open streams, and what is remembered of those that are gone (RFC 9113 section 5.1, "closed").</summary>
public class StreamTableTests
{
    [Fact]
    public void A_stream_is_there_from_add_to_remove()
    {
        var table = new StreamTable();
        Http2Stream stream = Add(table, 5);
        Assert.True(table.TryGet(5, out Http2Stream? found));
        Assert.Same(stream, found);
        Assert.Equal((1, 5), (table.Count, table.HighestId));
        table.Remove(stream);
        table.Remove(stream);
        Assert.False(table.TryGet(5, out _));
        Assert.Equal((0, 5), (table.Count, table.HighestId));
    }

    /// <summary>
    /// The same as a dictionary, whatever is open: some streams live long, so that later ones collide with them, and the table grows,
    /// is emptied and grows again.
    /// </summary>
    [Theory]
    [InlineData(1, 3)]
    [InlineData(2, 40)]
    [InlineData(3, 700)]
    public void It_holds_what_was_added_and_not_yet_removed(int seed, int most)
    {
        var random = new Random(seed);
        var table = new StreamTable();
        var open = new Dictionary<int, Http2Stream>();
        int next = 1;
        for (int step = 0; step < 20_000; step++)
        {
            bool draining = step / 2000 % 2 == 1;
            if (open.Count < most && !draining && random.Next(2) == 0)
            {
                next += 2 * random.Next(1, random.Next(1, 200)); // streams may be passed over
                open.Add(next, Add(table, next));
            }
            else if (open.Count > 0)
            {
                Http2Stream stream = open.ElementAt(random.Next(4) == 0 ? random.Next(open.Count) : 0).Value;
                open.Remove(stream.Id);
                table.Remove(stream);
                Assert.False(table.TryGet(stream.Id, out _));
            }

            Assert.Equal(open.Count, table.Count);
            int any = random.Next(next + 3) | 1;
            Assert.Equal(open.GetValueOrDefault(any), table.TryGet(any, out Http2Stream? found) ? found : null);
            if (step % 100 == 0)
            {
                AssertSame(open, table);
            }
        }
    }

    /// <summary>A thousand calls at once take 16 KiB of slots; an idle connection must not keep them.</summary>
    [Fact]
    public void A_large_table_that_has_become_empty_is_given_up()
    {
        var table = new StreamTable();
        Http2Stream[] streams = [.. Enumerable.Range(0, 1000).Select(i => Add(table, (2 * i) + 1))];
        Assert.InRange(SlotsOf(table).Length, 1000, 4096);
        Array.ForEach(streams, table.Remove);
        Assert.InRange(SlotsOf(table).Length, 1, 128);
        Http2Stream next = Add(table, 2001);
        Assert.True(table.TryGet(2001, out Http2Stream? found) && found == next);
    }

    [Fact]
    public void Only_streams_that_we_reset_are_remembered_as_such()
    {
        var table = new StreamTable();
        for (int id = 1; id < 1000; id += 2)
        {
            Http2Stream stream = Add(table, id);
            stream.WasResetByUs = id % 3 == 0;
            table.Remove(stream);
        }

        for (int id = 1; id < 1000; id += 2)
        {
            Assert.Equal(id % 3 == 0, table.WasResetByUs(id));
        }
    }

    [Fact]
    public void A_refused_stream_uses_up_its_identifier_and_counts_as_reset()
    {
        var table = new StreamTable();
        table.AddRefused(7);
        Assert.Equal((0, 7), (table.Count, table.HighestId));
        Assert.True(table.WasResetByUs(7));
        Assert.False(table.WasResetByUs(5));
    }

    /// <summary>RFC 9113 section 5.1.1: opening a stream closes the idle ones below it, which is not the same as having been open.</summary>
    [Fact]
    public void Streams_that_were_passed_over_are_told_from_those_that_have_ended()
    {
        var table = new StreamTable();
        foreach (int id in new[] { 5, 7, 101, 40_001 })
        {
            table.Reach(id);
            Assert.False(table.WasSkipped(id));
            table.Remove(Add(table, id));
            Assert.Equal(id, table.HighestId);
            foreach (int passed in new[] { 1, 3, 9, 99, 40_001 - (2 * 8192) + 2, 39_999 }.Where(passed => passed < id && id - passed < 2 * 8192))
            {
                Assert.True(table.WasSkipped(passed), $"{passed} was passed over by {id}");
            }
        }

        Assert.False(table.WasSkipped(101), "too far back to be known, though another has its place");
    }

    [Fact]
    public void A_passed_over_stream_does_not_inherit_the_reset_of_the_one_whose_place_it_has()
    {
        var table = new StreamTable();
        table.Reach(1);
        table.AddRefused(1);
        table.Reach(3 + (2 * 8192));
        Assert.True(table.WasSkipped(1 + (2 * 8192)));
        Assert.False(table.WasResetByUs(1 + (2 * 8192)));
    }

    [Fact]
    public void A_reset_is_forgotten_when_the_peer_has_reset_too_but_not_for_a_stream_that_is_no_longer_known()
    {
        var table = new StreamTable();
        table.Reach(1);
        table.AddRefused(1);
        table.ForgetReset(1);
        Assert.False(table.WasResetByUs(1));
        table.Reach(1 + (2 * 8192));
        table.AddRefused(1 + (2 * 8192));
        table.ForgetReset(1);
        Assert.True(table.WasResetByUs(1 + (2 * 8192)));
    }

    [Fact]
    public void A_stream_whose_place_in_the_memory_is_taken_by_a_later_one_is_not_confused_with_it()
    {
        var table = new StreamTable();
        table.AddRefused(1);
        Http2Stream later = Add(table, 1 + (2 * 8192));
        table.Remove(later);
        Assert.False(table.WasResetByUs(later.Id), "the bit of stream 1 was left behind");

        // Streams so long gone that nothing is known of them get the benefit of the doubt.
        Assert.True(table.WasResetByUs(1));
        Assert.False(table.WasResetByUs(3));
    }

    [Fact]
    public void Streams_retired_by_many_threads_arrive_once_each()
    {
        const int Threads = 4;
        const int Each = 5000;
        var retired = new StreamStack();
        int running = Threads;
        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(t => new Thread(() =>
        {
            for (int i = 0; i < Each; i++)
            {
                retired.Push(PlainStream.OfServer((t * Each) + i));
            }

            Interlocked.Decrement(ref running);
        }))];
        Array.ForEach(threads, thread => thread.Start());
        var seen = new HashSet<int>();
        bool last;
        do
        {
            last = Volatile.Read(ref running) == 0;
            for (Http2Stream? stream = retired.TakeAll(); stream is not null; stream = stream.NextInStack)
            {
                Assert.True(seen.Add(stream.Id));
            }
        }
        while (!last);
        Array.ForEach(threads, thread => thread.Join());
        Assert.Equal(Threads * Each, seen.Count);
        Assert.Null(retired.TakeAll());
    }

    private static Http2Stream Add(StreamTable table, int id)
    {
        PlainStream stream = PlainStream.OfServer(id);
        table.Add(stream);
        return stream;
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_slots")]
    private static extern ref Http2Stream?[] SlotsOf(StreamTable table);

    private static void AssertSame(Dictionary<int, Http2Stream> open, StreamTable table)
    {
        var walked = new HashSet<Http2Stream>();
        foreach (Http2Stream stream in table)
        {
            Assert.True(walked.Add(stream), $"{stream.Id} is there twice");
        }

        Assert.True(walked.SetEquals(open.Values), "the walk passes over some, or gives some that are gone");
        Assert.All(open, each => Assert.True(table.TryGet(each.Key, out Http2Stream? found) && found == each.Value, $"{each.Key} isn't found"));
    }
}
