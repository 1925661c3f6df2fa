using Grpc.Core;
using MiniGrpc.Client.Repeating;
using MiniGrpc.Wire.Connection;

namespace MiniGrpc.Conformance.Wire.Engine.Client;

/// <summary>The requests of a call that may be tried again: what is kept, for how long, and how much room it takes.</summary>
public class RequestLogTests
{
    private static readonly Marshaller<byte[]> s_octets = Marshallers.Create(octets => octets, octets => octets);

    /// <summary>64 octets are what stands around each.</summary>
    private static readonly EncodedMessage s_hundred = EncodedMessage.Of(s_octets, new byte[36], maxMessageSize: null);

    private readonly RetryBuffer _buffer = new(limit: 1000);

    [Fact]
    public void Room_is_counted_with_what_stands_around_a_request()
    {
        Assert.Equal(100, s_hundred.Room);
        RequestLog log = new(_buffer, limit: 200, ThreadPoolDispatcher.Instance);
        Assert.Equal([(0, true), (1, true), (2, false), (3, false)], Add(log, 4));
        Assert.Equal(200, _buffer.Octets);
        log.Close();
        Assert.Equal(0, _buffer.Octets);
    }

    [Fact]
    public void The_room_of_all_calls_is_taken_by_those_that_fit_alone()
    {
        Assert.True(_buffer.TryTake(900));
        Assert.False(_buffer.TryTake(101));
        Assert.Equal(900, _buffer.Octets);
        RequestLog log = new(_buffer, limit: null, ThreadPoolDispatcher.Instance);
        Assert.Equal([(0, true), (1, false)], Add(log, 2));
        Assert.Equal(1000, _buffer.Octets);
        RequestLog endless = new(new RetryBuffer(null), limit: null, ThreadPoolDispatcher.Instance);
        Assert.All(Add(endless, 100), added => Assert.True(added.Fits));
    }

    [Fact]
    public async Task The_last_attempt_needs_no_room()
    {
        RequestLog log = new(_buffer, limit: 200, ThreadPoolDispatcher.Instance);
        Add(log, 2);
        log.Commit(sent: 1);
        Assert.Equal(0, _buffer.Octets);
        Assert.All(Add(log, 20), added => Assert.True(added.Fits));
        Assert.Equal(0, _buffer.Octets);
        Assert.Null(await ReadAsync(log, 0)); // sent, and let go
        Assert.NotNull(await ReadAsync(log, 1));
        log.OnWritten(1, isChosen: true);
        Assert.Null(await ReadAsync(log, 1));
        log.OnWritten(5, isChosen: false); // an attempt that was not chosen says nothing of what is still needed
        Assert.NotNull(await ReadAsync(log, 2));
        log.Close();
        log.Close();
        Assert.Equal(0, _buffer.Octets);
    }

    [Fact]
    public async Task Before_the_last_attempt_everything_is_kept()
    {
        RequestLog log = new(_buffer, limit: null, ThreadPoolDispatcher.Instance);
        Add(log, 3);
        log.OnWritten(0, isChosen: false);
        log.OnWritten(2, isChosen: true); // chosen, but not committed yet
        for (int number = 0; number < 3; number++)
        {
            Assert.NotNull(await ReadAsync(log, number));
        }
    }

    [Fact]
    public async Task Numbers_stay_right_however_many_were_let_go()
    {
        RequestLog log = new(_buffer, limit: null, ThreadPoolDispatcher.Instance);
        log.Commit(sent: 0);
        for (int number = 0; number < 200; number++)
        {
            EncodedMessage message = EncodedMessage.Of(s_octets, new byte[number], maxMessageSize: null);
            Assert.Equal(number, log.Add(message, null, out _));
            if (number >= 3)
            {
                Assert.Equal(number - 3, (await ReadAsync(log, number - 3))!.Message.Length);
                log.OnWritten(number - 3, isChosen: true);
                Assert.Null(await ReadAsync(log, number - 3));
            }
        }

        log.Complete();
        Assert.Equal([197, 198, 199], new[] { await ReadAsync(log, 197), await ReadAsync(log, 198), await ReadAsync(log, 199) }.Select(request => request!.Message.Length));
        Assert.Null(await ReadAsync(log, 200));
    }

    [Fact]
    public async Task Whoever_waits_is_woken_by_what_comes()
    {
        RequestLog log = new(_buffer, limit: null, ThreadPoolDispatcher.Instance);
        Task<LoggedRequest?> first = log.ReadAsync(0);
        Task<LoggedRequest?> second = log.ReadAsync(1);
        Task<bool> written = log.WaitUntilWrittenAsync(0);
        Task<bool> never = log.WaitUntilWrittenAsync(1);
        Assert.False(first.IsCompleted || second.IsCompleted || written.IsCompleted || never.IsCompleted);
        Add(log, 1);
        Assert.NotNull(await RawPeer.Within(first, "the request"));
        Assert.False(second.IsCompleted);
        log.OnWritten(0, isChosen: false);
        Assert.True(await RawPeer.Within(written, "the write"));
        log.Complete();
        Assert.Null(await RawPeer.Within(second, "the end"));
        Assert.False(never.IsCompleted);
        log.Close();
        Assert.False(await RawPeer.Within(never, "the end of the call"));
    }

    /// <summary>A second attempt that is behind the first takes nothing back.</summary>
    [Fact]
    public async Task What_one_attempt_has_sent_stays_sent()
    {
        RequestLog log = new(_buffer, limit: null, ThreadPoolDispatcher.Instance);
        Add(log, 2);
        log.OnWritten(1, isChosen: false);
        log.OnWritten(0, isChosen: false);
        Assert.True(await RawPeer.Within(log.WaitUntilWrittenAsync(1), "the write"));
    }

    [Fact]
    public async Task When_the_call_has_ended_or_an_attempt_is_chosen_whoever_waits_is_woken()
    {
        RequestLog closed = new(_buffer, limit: null, ThreadPoolDispatcher.Instance);
        Add(closed, 1);
        Task<LoggedRequest?> read = closed.ReadAsync(1);
        closed.Close();
        Assert.Null(await RawPeer.Within(read, "the end"));
        Assert.Null(await ReadAsync(closed, 0));

        RequestLog chosen = new(_buffer, limit: null, ThreadPoolDispatcher.Instance);
        Task<LoggedRequest?> behind = chosen.ReadAsync(0);
        Add(chosen, 1);
        Assert.NotNull(await RawPeer.Within(behind, "the request"));
    }

    /// <summary>Calls that have ended may be kept for long, by whoever wants their status.</summary>
    [Fact]
    public void What_was_to_be_sent_is_not_kept_when_the_call_has_ended()
    {
        RequestLog log = new(_buffer, limit: null, ThreadPoolDispatcher.Instance);
        WeakReference message = AddOne(log);
        log.Close();
        GC.Collect();
        Assert.False(message.IsAlive);
        GC.KeepAlive(log);

        static WeakReference AddOne(RequestLog log)
        {
            EncodedMessage message = EncodedMessage.Of(s_octets, new byte[1], maxMessageSize: null);
            log.Add(message, null, out _);
            return new WeakReference(message);
        }
    }

    /// <summary>A writer that goes on after the call's end is told so, however many requests were written before, and takes up no memory.</summary>
    [Theory]
    [InlineData(null)]
    [InlineData(0)]
    [InlineData(40)]
    public async Task What_comes_after_the_end_is_neither_written_nor_kept(int? sent)
    {
        RequestLog log = new(_buffer, limit: 500, ThreadPoolDispatcher.Instance);
        if (sent is { } count)
        {
            log.Commit(count);
        }

        Add(log, 50);
        for (int number = 0; number < 50; number++)
        {
            log.OnWritten(number, isChosen: sent is not null);
        }

        log.Close();
        (WeakReference message, int late) = AddOne(log);
        Assert.False(await RawPeer.Within(log.WaitUntilWrittenAsync(late), "the write"));
        Assert.All(Add(log, 10), added => Assert.True(added.Fits)); // no attempt has to be the last for it
        Assert.Equal(0, _buffer.Octets);
        GC.Collect();
        Assert.False(message.IsAlive);
        GC.KeepAlive(log);

        static (WeakReference Message, int Number) AddOne(RequestLog log)
        {
            EncodedMessage message = EncodedMessage.Of(s_octets, new byte[1], maxMessageSize: null);
            return (new WeakReference(message), log.Add(message, null, out _));
        }
    }

    private static (int Number, bool Fits)[] Add(RequestLog log, int count)
    {
        var added = new (int Number, bool Fits)[count];
        for (int i = 0; i < count; i++)
        {
            added[i] = (log.Add(s_hundred, null, out bool fits), fits);
        }

        return added;
    }

    private static Task<LoggedRequest?> ReadAsync(RequestLog log, int number) => RawPeer.Within(log.ReadAsync(number), "a request");
}
