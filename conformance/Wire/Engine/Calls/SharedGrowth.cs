using MiniGrpc.Wire.Calls;
using MiniGrpc.Wire.Grpc;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>
/// What the windows of all streams of a connection may grow by together, and how it is shared: readers that were fast may stop (Memory in
/// docs/design.md). When one of them grows, <see cref="GrowingWindows"/> says.
/// </summary>
public class SharedGrowth
{
    private const int Message = 1024;

    private static readonly ReceiveLimits s_limits = new();

    /// <summary>A reader that was fast may stop, and its peer has the larger window all the same: there can't be many of them.</summary>
    [Fact]
    public void All_windows_together_grow_by_half_of_what_may_be_unread()
    {
        var connection = new ConnectionReceiveWindow(int.MaxValue, s_limits.Abuse.ReceiveQueue);
        MessageInbox[] inboxes = [.. Enumerable.Range(0, 32).Select(_ => Outrun(connection))];
        int grown = inboxes.Sum(inbox => Internals.WindowOf(inbox).Size - s_limits.StreamWindow);
        Assert.Equal(s_limits.Abuse.ReceiveQueue / 2, grown + connection.GrowthLeft);
        Assert.InRange(connection.GrowthLeft, 0, s_limits.StreamWindow - 1);
    }

    /// <summary>Each step takes a round trip, and those are long; but a stream after another finds something left.</summary>
    [Fact]
    public void On_a_long_path_a_window_grows_by_half_of_what_is_left_at_once()
    {
        const int Longer = 7 * 1024 * 1024;
        var connection = new ConnectionReceiveWindow(int.MaxValue - Longer, s_limits.Abuse.ReceiveQueue);
        connection.Grow(Longer);
        int left = Longer + (s_limits.Abuse.ReceiveQueue / 2);
        for (int i = 0; i < 3; i++)
        {
            var inbox = new MessageInbox(connection, s_limits.StreamWindow, maxMessageSize: -1, s_limits.LargestStreamWindow);
            int size = s_limits.StreamWindow + (left / 2);
            Assert.Equal(left / 2, ReadHalfAndWait(inbox));
            Assert.Equal(size, Internals.WindowOf(inbox).Size);
            left -= left / 2;
            Assert.Equal(left, connection.GrowthLeft);
        }

    }

    /// <summary>However long it goes on, others find something.</summary>
    [Fact]
    public void On_a_long_path_one_stream_leaves_some_of_what_there_is()
    {
        const int Longer = 4 * 1024 * 1024;
        var connection = new ConnectionReceiveWindow(1024 * 1024, s_limits.Abuse.ReceiveQueue);
        connection.Grow(Longer);
        MessageInbox first = Outrun(connection);
        Assert.Equal(s_limits.LargestStreamWindow + Longer, Internals.WindowOf(first).Size);
        MessageInbox second = Outrun(connection);
        Assert.InRange(Internals.WindowOf(second).Size, 1024 * 1024, s_limits.LargestStreamWindow + Longer);
    }

    /// <summary>The stream's window grows beyond what it may on a short path by as much as the connection's has grown.</summary>
    [Fact]
    public void On_a_long_path_the_largest_window_is_larger()
    {
        var connection = new ConnectionReceiveWindow(int.MaxValue - 1000, long.MaxValue - 1000);
        connection.Grow(1000);
        MessageInbox inbox = Outrun(connection);
        Assert.Equal(s_limits.LargestStreamWindow + 1000, Internals.WindowOf(inbox).Size);
    }

    [Theory]
    [InlineData("end")]
    [InlineData("end of the call")]
    [InlineData("data with the end")]
    [InlineData("discarded")]
    public void What_a_stream_had_grown_by_is_there_for_others_when_it_gets_no_more(string how)
    {
        var connection = new ConnectionReceiveWindow(int.MaxValue, s_limits.Abuse.ReceiveQueue);
        MessageInbox inbox = Outrun(connection);
        Assert.Equal((s_limits.Abuse.ReceiveQueue / 2) - (s_limits.LargestStreamWindow - s_limits.StreamWindow), connection.GrowthLeft);
        for (int i = 0; i < 2; i++)
        {
            switch (how)
            {
                case "end":
                    inbox.End();
                    break;
                case "end of the call":
                    inbox.EndUncharged();
                    break;
                case "data with the end":
                    inbox.Append([], padding: 0, ended: true);
                    break;
                default:
                    inbox.Discard();
                    break;
            }

            Assert.Equal(s_limits.Abuse.ReceiveQueue / 2, connection.GrowthLeft); // once
        }
    }

    /// <summary>What is unread can still be read late: the connection has to have room for it, and for the growth of the next stream besides.</summary>
    [Theory]
    [InlineData("end")]
    [InlineData("data with the end")]
    public void What_a_stream_has_grown_by_is_kept_for_what_is_unread_at_its_end(string how)
    {
        var connection = new ConnectionReceiveWindow(int.MaxValue, s_limits.Abuse.ReceiveQueue);
        MessageInbox inbox = Outrun(connection);
        byte[] message = RawClient.Message(new byte[Message - MessagePrefix.Size]);
        for (int i = 0; i < 3; i++)
        {
            inbox.Append(message, padding: 0, ended: how != "end" && i == 2);
        }

        if (how == "end")
        {
            inbox.End();
        }

        for (int unread = 3; unread > 0; unread--)
        {
            Assert.Equal((s_limits.Abuse.ReceiveQueue / 2) - (unread * Message), connection.GrowthLeft);
            inbox.Read(out MessagePrefix prefix, out _, out _, out _);
            inbox.Consume(prefix.TotalLength);
        }

        Assert.Equal(s_limits.Abuse.ReceiveQueue / 2, connection.GrowthLeft);
    }

    [Fact]
    public void What_is_unread_when_a_call_has_ended_keeps_nothing()
    {
        var connection = new ConnectionReceiveWindow(int.MaxValue, s_limits.Abuse.ReceiveQueue);
        MessageInbox inbox = Outrun(connection);
        inbox.Append(RawClient.Message(new byte[Message - MessagePrefix.Size]), padding: 0, ended: false);
        inbox.EndUncharged();
        Assert.Equal(s_limits.Abuse.ReceiveQueue / 2, connection.GrowthLeft);
    }

    /// <summary>An inbox whose reader is always faster, until its window grows no more.</summary>
    private static MessageInbox Outrun(ConnectionReceiveWindow connection)
    {
        var inbox = new MessageInbox(connection, s_limits.StreamWindow, maxMessageSize: -1, s_limits.LargestStreamWindow);
        for (int read = 0; read < 2 * (s_limits.LargestStreamWindow + connection.Growth); read += Message)
        {
            inbox.Append(RawClient.Message(new byte[Message - MessagePrefix.Size]), padding: 0, ended: false);
            inbox.Read(out MessagePrefix prefix, out _, out _, out _);
            inbox.Consume(prefix.TotalLength);
            inbox.Read(out _, out _, out _, out _);
        }

        return inbox;
    }

    /// <summary>Answers the credit that the peer gets by that, without what it has used.</summary>
    private static int ReadHalfAndWait(MessageInbox inbox)
    {
        int given = 0;
        int used = s_limits.StreamWindow / 2;
        for (int read = 0; read < used; read += Message)
        {
            inbox.Append(RawClient.Message(new byte[Message - MessagePrefix.Size]), padding: 0, ended: false);
            inbox.Read(out MessagePrefix prefix, out _, out _, out _);
            given += inbox.Consume(prefix.TotalLength);
        }

        inbox.Read(out _, out _, out _, out int credit);
        return given + credit - used;
    }
}
