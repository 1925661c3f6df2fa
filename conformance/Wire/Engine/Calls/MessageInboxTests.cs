using System.Buffers;
using CsCheck;
using MiniGrpc.Wire.Calls;
using MiniGrpc.Wire.Grpc;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>A stream's unread messages: whatever the cuts, they come out whole, and every octet of credit and memory goes back.</summary>
public class MessageInboxTests
{
    private const int Window = 1000;

    [Fact]
    public void Messages_come_out_whole_and_all_credit_and_memory_goes_back()
    {
        Gen<byte[]> message = Gen.Byte.Array[0, 3000];
        Gen.Select(message.Array[0, 8], Gen.Int[1, 700].Array[1, 20], Gen.Int[0, 5], Gen.Bool).Sample(
            (messages, cuts, readsAhead, discards) =>
            {
                var connection = new ConnectionReceiveWindow(int.MaxValue, long.MaxValue);
                var inbox = new MessageInbox(connection, Window, maxMessageSize: -1);
                byte[] octets = [.. messages.SelectMany(m => RawClient.Message(m))];
                var read = new List<byte[]>();
                int credit = Window;
                int sent = 0;
                for (int i = 0; sent < octets.Length; i++)
                {
                    int length = int.Min(int.Min(cuts[i % cuts.Length], credit), octets.Length - sent);
                    InboxAppend append = inbox.Append(octets.AsSpan(sent, length), padding: 0, ended: false);
                    Assert.True(append.WithinWindow);
                    sent += length;
                    credit += append.Credit - length;

                    // A reader that comes by now and then, and must come when there is no credit left.
                    while (credit == 0 || i % (readsAhead + 1) == 0)
                    {
                        InboxStatus status = Read(inbox, read, out int due);
                        credit += due;
                        if (status == InboxStatus.Waiting)
                        {
                            Assert.True(credit > 0, "a reader waits for octets that the peer may not send");
                            break;
                        }
                    }
                }

                inbox.End();
                if (discards)
                {
                    inbox.Discard();
                    Assert.Equal(InboxStatus.End, Read(inbox, read, out _));
                }
                else
                {
                    while (Read(inbox, read, out _) == InboxStatus.Message)
                    {
                    }

                    Assert.Equal(messages, read);
                }

                Assert.Equal(messages.Take(read.Count), read);
                Assert.False(Internals.HoldsMemory(inbox));
                Assert.Equal(0, connection.Unread);
            },
            iter: 200,
            threads: 1);
    }

    [Fact]
    public void Octets_beyond_the_window_are_refused_padding_included()
    {
        var inbox = new MessageInbox(new ConnectionReceiveWindow(int.MaxValue, long.MaxValue), Window, maxMessageSize: -1);
        Assert.True(inbox.Append(new byte[Window - 10], padding: 10, ended: false).WithinWindow);
        Assert.False(inbox.Append([1], padding: 10, ended: false).WithinWindow);
    }

    /// <summary>What is thrown away is credited, else the peer could not get to the end of what nobody reads.</summary>
    [Fact]
    public void Octets_that_come_after_a_discard_are_credited_and_not_kept()
    {
        var connection = new ConnectionReceiveWindow(int.MaxValue, long.MaxValue);
        var inbox = new MessageInbox(connection, Window, maxMessageSize: -1);
        inbox.Append(new byte[100], padding: 0, ended: false);
        inbox.Discard();
        int credit = Window - 100;
        for (int i = 0; i < 100; i++)
        {
            InboxAppend append = inbox.Append(new byte[100], padding: 7, ended: false);
            Assert.True(append.WithinWindow);
            credit += append.Credit - 107;
            Assert.True(credit >= 107, "what was thrown away is not credited");
        }

        Assert.False(Internals.HoldsMemory(inbox));
        Assert.Equal(0, connection.Unread);
    }

    /// <summary>A message that a marshaller is reading stays where it is until the marshaller is done.</summary>
    [Fact]
    public void A_discard_during_a_read_leaves_the_message_until_it_is_consumed()
    {
        var connection = new ConnectionReceiveWindow(int.MaxValue, long.MaxValue);
        var inbox = new MessageInbox(connection, Window, maxMessageSize: -1);
        inbox.Append([.. RawClient.Message(1, 2, 3), .. RawClient.Message(4)], padding: 0, ended: false);
        Assert.Equal(InboxStatus.Message, inbox.Read(out MessagePrefix prefix, out ReadOnlySequence<byte> payload, out _, out _));
        inbox.Discard();
        Assert.True(Internals.HoldsMemory(inbox));
        Assert.Equal([1, 2, 3], payload.ToArray());
        inbox.Consume(prefix.TotalLength);
        Assert.False(Internals.HoldsMemory(inbox));
        Assert.Equal(0, connection.Unread);
    }

    /// <summary>Memory follows octets: a peer that sends them one by one makes the inbox hold no more than they are.</summary>
    [Fact]
    public void Tiny_frames_fill_up_one_segment()
    {
        var inbox = new MessageInbox(new ConnectionReceiveWindow(int.MaxValue, long.MaxValue), Window, maxMessageSize: -1);
        foreach (byte octet in RawClient.Message(new byte[200]))
        {
            inbox.Append([octet], padding: 0, ended: false);
        }

        Assert.Equal(InboxStatus.Message, inbox.Read(out _, out ReadOnlySequence<byte> payload, out _, out _));
        Assert.True(payload.IsSingleSegment);
    }

    /// <summary>
    /// The same for a message that is waited for, whose prefix announces 4 MiB: memory doubles as octets come, in arrays that may be
    /// up to twice as large as asked for.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(100)]
    [InlineData(5000)]
    public void Memory_follows_the_octets_of_a_message_that_is_waited_for(int frame)
    {
        const int window = 1 << 20;
        var inbox = new MessageInbox(new ConnectionReceiveWindow(int.MaxValue, long.MaxValue), window, maxMessageSize: -1);
        inbox.Append([0, 0, 64, 0, 0], padding: 0, ended: false);
        Assert.Equal(InboxStatus.Waiting, inbox.Read(out _, out _, out _, out _));
        for (int received = 5; received + frame < 20_000; received += frame)
        {
            Assert.True(inbox.Append(new byte[frame], padding: 0, ended: false).WithinWindow);
            Assert.InRange(Internals.HeldMemory(inbox), received, (4 * (received + frame)) + (2 * InboxSegment.OwnLength));
        }
    }

    private static InboxStatus Read(MessageInbox inbox, List<byte[]> read, out int credit)
    {
        InboxStatus status = inbox.Read(out MessagePrefix prefix, out ReadOnlySequence<byte> payload, out _, out credit);
        if (status == InboxStatus.Message)
        {
            read.Add(payload.ToArray());
            credit += inbox.Consume(prefix.TotalLength);
        }

        return status;
    }
}
