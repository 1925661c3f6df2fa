using MiniGrpc.Wire.Calls;
using MiniGrpc.Wire.Grpc;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>
/// A stream's window grows for a reader that is faster than what comes in, and for no other: what nobody reads may not take the
/// connection's credit (Memory in docs/design.md).
/// </summary>
public class GrowingWindows
{
    private const int Message = 1024;

    private static readonly ReceiveLimits s_limits = new();

    private readonly MessageInbox _inbox;
    private int _credit = s_limits.StreamWindow;

    public GrowingWindows()
    {
        var connection = new ConnectionReceiveWindow(int.MaxValue, long.MaxValue);
        _inbox = new MessageInbox(connection, s_limits.StreamWindow, maxMessageSize: -1, s_limits.LargestStreamWindow);
    }

    private int Size => Internals.WindowOf(_inbox).Size;

    [Fact]
    public void A_window_starts_at_64_KiB_and_may_become_512() =>
        Assert.Equal((64 * 1024, 512 * 1024), (s_limits.StreamWindow, s_limits.LargestStreamWindow));

    [Fact]
    public void A_reader_that_never_waits_leaves_the_window_as_it_is()
    {
        Receive();
        for (int i = 0; i < 5000; i++)
        {
            Receive();
            Read(); // one is always there
        }

        AssertSize(s_limits.StreamWindow);
    }

    [Fact]
    public void A_reader_that_waits_before_it_has_read_half_a_window_leaves_it_as_it_is()
    {
        for (int read = Message; read < s_limits.StreamWindow / 2; read += Message)
        {
            Receive();
            Read();
            Wait();
        }

        AssertSize(s_limits.StreamWindow);
    }

    [Fact]
    public void A_reader_that_has_read_half_a_window_and_waits_doubles_it_and_no_further_than_to_the_largest()
    {
        for (int size = s_limits.StreamWindow; size < s_limits.LargestStreamWindow; size *= 2)
        {
            ReadHalf(size);
            AssertSize(size);
            Wait();
            AssertSize(2 * size);
            Wait(); // only after half of the new one
            AssertSize(2 * size);
        }

        for (int i = 0; i < 4; i++)
        {
            ReadHalf(s_limits.LargestStreamWindow);
            Wait();
            AssertSize(s_limits.LargestStreamWindow);
        }
    }

    /// <summary>Between two doublings half of the larger window has to be read, not half of the first.</summary>
    [Fact]
    public void What_was_read_before_a_window_grew_does_not_count_for_the_next_time()
    {
        ReadHalf(s_limits.StreamWindow);
        Wait();
        ReadHalf(s_limits.StreamWindow);
        Wait();
        AssertSize(2 * s_limits.StreamWindow);
        ReadHalf(s_limits.StreamWindow);
        Wait();
        AssertSize(4 * s_limits.StreamWindow);
    }

    [Fact]
    public void A_largest_window_that_is_no_power_of_two_is_kept_to()
    {
        const int Largest = 100_000;
        var inbox = new MessageInbox(new ConnectionReceiveWindow(int.MaxValue, long.MaxValue), s_limits.StreamWindow, -1, Largest);
        inbox.Append(RawClient.Message(new byte[40_000]), padding: 0, ended: false);
        inbox.Read(out MessagePrefix prefix, out _, out _, out _);
        inbox.Consume(prefix.TotalLength);
        inbox.Read(out _, out _, out _, out int credit);
        Assert.Equal(Largest, Internals.WindowOf(inbox).Size);
        Assert.Equal(Largest - s_limits.StreamWindow, credit);
    }

    [Fact]
    public void The_next_call_on_a_stream_starts_anew()
    {
        ReadHalf(s_limits.StreamWindow);
        Wait();
        ReadHalf(s_limits.StreamWindow);
        EndAndRenew();
        AssertSize(s_limits.StreamWindow);
        Receive();
        Read();
        Wait(); // what the call before has read doesn't count
        AssertSize(s_limits.StreamWindow);
    }

    private void ReadHalf(int size)
    {
        for (int read = 0; read < size / 2; read += Message)
        {
            Receive();
            Read();
        }
    }

    private void Receive()
    {
        InboxAppend append = _inbox.Append(RawClient.Message(new byte[Message - MessagePrefix.Size]), padding: 0, ended: false);
        Assert.True(append.WithinWindow);
        _credit += append.Credit - Message;
    }

    private void Read()
    {
        Assert.Equal(InboxStatus.Message, _inbox.Read(out MessagePrefix prefix, out _, out _, out int credit));
        _credit += credit + _inbox.Consume(prefix.TotalLength);
    }

    private void Wait()
    {
        Assert.Equal(InboxStatus.Waiting, _inbox.Read(out _, out _, out _, out int credit));
        _credit += credit;
    }

    private void EndAndRenew()
    {
        _inbox.End();
        Assert.Equal(InboxStatus.End, _inbox.Read(out _, out _, out _, out _));
        _inbox.Renew(s_limits.StreamWindow);
        _credit = s_limits.StreamWindow;
    }

    /// <summary>The window has a size, and the peer has been told of it.</summary>
    private void AssertSize(int size)
    {
        Assert.Equal(size, Size);
        Assert.Equal(_credit, Internals.WindowOf(_inbox).Available);
        Assert.InRange(_credit, 0, size);
    }
}
