using System.Runtime.CompilerServices;
using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Server;
using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Calls;
using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Hpack;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>
/// What must hold when all calls are over, on either end: no stream is left, all credit is with the peer or owed to it, and no
/// memory of a call is held. Looks into private fields, so that the engine needs no counters for it.
/// </summary>
internal static class Internals
{
    /// <summary>The connections of a server.</summary>
    public static Http2Connection[] ConnectionsOf(ServerCore core)
    {
        HashSet<Http2Connection> connections = Connections(core);
        lock (connections)
        {
            return [.. connections];
        }
    }

    /// <summary>Whether the handshake of a server's only connection is over.</summary>
    public static bool IsOpen(ServerCore core) => ConnectionsOf(core).Single().Transport.IsOpen;

    /// <summary>The connection that a channel starts calls on.</summary>
    public static Http2Connection? ReadyConnectionOf(MiniChannel channel) =>
        channel.Core.Connections.LastOrDefault(connection => connection.WasReady && connection.CanOpen != OpenResult.GoingAway);

    /// <summary>What the peer may still send on the connection.</summary>
    public static long ReceiveCreditOf(Http2Connection connection) => Available(connection.ReceiveWindow);

    /// <summary>What the peer has sent on the connection and not yet been credited for.</summary>
    public static long OwedOf(ConnectionReceiveWindow window) => Owed(window);

    /// <summary>Asserts that a connection is as if no call had ever been on it.</summary>
    public static void AssertQuiet(Http2Connection connection)
    {
        ConnectionReceiveWindow window = connection.ReceiveWindow;
        lock (connection.Gate)
        {
            Assert.Equal(0, Send(connection).OpenStreams);
        }

        Assert.Equal(0, Receive(connection).Streams.Count);
        Assert.Equal(0, window.Unread);
        Assert.Equal((connection.Options.Limits.Abuse.ReceiveQueue / 2) + window.Growth, window.GrowthLeft);
        Assert.Equal(window.Size, Available(window) + Owed(window));
        Assert.InRange(Owed(window), 0, (window.Size / 4) - 1);
    }

    /// <summary>Whether a call's inbox holds memory.</summary>
    public static bool HoldsMemory(ServerCallContext call) => HoldsMemory(StreamOf((ServerCall)call).Inbox);

    /// <inheritdoc cref="HoldsMemory(ServerCallContext)"/>
    public static bool HoldsMemory(MessageInbox inbox) => Octets(inbox).HoldsMemory;

    /// <summary>The octets of the arrays that an inbox holds.</summary>
    public static int HeldMemory(MessageInbox inbox)
    {
        lock (LockOf(inbox))
        {
            int held = 0;
            for (InboxSegment? segment = Head(ref Octets(inbox)); segment is not null; segment = segment.NextSegment)
            {
                held += segment.Array.Length;
            }

            return held;
        }
    }

    /// <summary>The octets that a connection holds for its peer, see <see cref="Held"/>. On its receive loop, or while it is idle.</summary>
    public static long HeldOctets(Http2Connection connection)
    {
        ReceiveSide receive = Receive(connection);
        long held = BlockOctets(Block(receive)) is { } block ? ArrayOf(block).Length : 0;
        held += DecoderOf(receive).Table.Size;
        held += KnownBlocksOf(receive).Sum(known => known.Octets.Length + known.Fields.Length);
        held += StreamsOf(connection).Sum(stream => (long)HeldMemory(((GrpcStream)stream).Inbox));
        lock (connection.Gate)
        {
            return held + ArrayOf(Send(connection).Output).Length + Send(connection).QueuedOctets;
        }
    }

    /// <summary>The inbox of the one call that is under way on a channel.</summary>
    public static MessageInbox SingleInboxOf(MiniChannel channel) =>
        Assert.IsType<ClientStream>(Assert.Single(StreamsOf(ReadyConnectionOf(channel)!))).Inbox;

    /// <summary>Whose wait it is that a timer was made for.</summary>
    public static object? OwnerOf(SerialTimer.Wait wait) => Due(TimerOf(wait)).Target;

    /// <summary>The streams in a connection's table.</summary>
    public static List<Http2Stream> StreamsOf(Http2Connection connection)
    {
        var all = new List<Http2Stream>();
        foreach (Http2Stream stream in Receive(connection).Streams)
        {
            all.Add(stream);
        }

        return all;
    }

    /// <summary>What waits to leave: octets in the output buffer, and octets of messages in the queues.</summary>
    public static (int Output, int Queued) UnsentOf(Http2Connection connection)
    {
        lock (connection.Gate)
        {
            SendSide send = Send(connection);
            return (send.Output.Length, send.QueuedOctets);
        }
    }

    /// <summary>Whether a flush is posted or under way.</summary>
    public static bool IsFlushing(Http2Connection connection)
    {
        lock (connection.Gate)
        {
            return Running(Flush(connection));
        }
    }

    /// <summary>How many streams have a writer that waits for room in the queue.</summary>
    public static int WaitingWritersOf(Http2Connection connection)
    {
        lock (connection.Gate)
        {
            return StreamsOf(connection).Count(stream => stream.WriterWaits);
        }
    }

    /// <summary>The streams that wait for a call.</summary>
    public static IReadOnlyList<Http2Stream> PooledOn(Http2Connection connection)
    {
        lock (connection.Gate)
        {
            var all = new List<Http2Stream>();
            foreach (Http2Stream? first in new[] { Free(connection.Pool), Top(Returned(connection.Pool)) })
            {
                for (Http2Stream? stream = first; stream is not null; stream = stream.NextInStack)
                {
                    all.Add(stream);
                }
            }

            return all;
        }
    }

    /// <summary>How many alarms of a connection are to ring.</summary>
    public static int AlarmsSetOn(Http2Connection connection)
    {
        int set = 0;
        for (Alarm alarm = 0; alarm <= Alarm.Linger; alarm++)
        {
            set += connection.Alarms.IsSet(alarm) ? 1 : 0;
        }

        return set;
    }

    /// <summary>The stream that is open under an identifier.</summary>
    public static Http2Stream OpenOn(Http2Connection connection, int id)
    {
        lock (connection.Gate)
        {
            Http2Stream? stream = Opened(Send(connection));
            while (stream is not null && stream.Id != id)
            {
                stream = stream.NextOpened;
            }

            return stream ?? StreamsOf(connection).Single(open => open.Id == id);
        }
    }

    /// <summary>The blocks that a connection's receiving half knows by heart, the one used last in front.</summary>
    public static List<RepeatedBlock> KnownBlocksOf(ReceiveSide side) => Repeated(side) is { } repeated ? Blocks(repeated) : [];

    /// <inheritdoc cref="KnownBlocksOf(ReceiveSide)"/>
    public static List<RepeatedBlock> KnownBlocksOf(Http2Connection connection) => KnownBlocksOf(Receive(connection));

    /// <summary>Makes a receiving half forget what came before, so that it decodes the next block.</summary>
    public static void ForgetBlocks(ReceiveSide side)
    {
        Repeated(side) = null;
    }

    /// <summary>The decoder of a connection's receiving half.</summary>
    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_hpack")]
    public static extern ref HpackDecoder DecoderOf(ReceiveSide side);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_repeated")]
    private static extern ref RepeatedBlocks? Repeated(ReceiveSide side);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_blocks")]
    private static extern ref List<RepeatedBlock> Blocks(RepeatedBlocks repeated);

    /// <summary>The window of an inbox's stream.</summary>
    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_window")]
    public static extern ref ReceiveWindow WindowOf(MessageInbox inbox);

    /// <summary>The call that a stream is for; null for none.</summary>
    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_call")]
    public static extern ref ClientCall? CallOf(ClientStream stream);

    /// <inheritdoc cref="CallOf(ClientStream)"/>
    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_call")]
    public static extern ref ServerCall? CallOf(ServerStream stream);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_owner")]
    private static extern ref SerialTimer TimerOf(SerialTimer.Wait wait);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_due")]
    private static extern ref Action Due(SerialTimer timer);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_block")]
    private static extern ref HeaderBlock Block(ReceiveSide side);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_octets")]
    private static extern ref OutputBuffer? BlockOctets(HeaderBlock block);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_array")]
    private static extern ref byte[] ArrayOf(OutputBuffer buffer);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_lock")]
    private static extern ref Lock LockOf(MessageInbox inbox);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_flush")]
    private static extern ref FlushLoop Flush(Http2Connection connection);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_running")]
    private static extern ref bool Running(FlushLoop flush);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_free")]
    private static extern ref Http2Stream? Free(StreamPool pool);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_returned")]
    private static extern ref StreamStack Returned(StreamPool pool);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_top")]
    private static extern ref Http2Stream? Top(StreamStack stack);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_opened")]
    private static extern ref Http2Stream? Opened(SendSide send);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_head")]
    private static extern ref InboxSegment? Head(ref InboxOctets octets);

    /// <summary>The stream of a server's call.</summary>
    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_stream")]
    public static extern ref ServerStream StreamOf(ServerCall call);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_connections")]
    private static extern ref HashSet<Http2Connection> Connections(ServerCore core);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_send")]
    private static extern ref SendSide Send(Http2Connection connection);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_receive")]
    private static extern ref ReceiveSide Receive(Http2Connection connection);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_available")]
    private static extern ref long Available(ConnectionReceiveWindow window);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_owed")]
    private static extern ref long Owed(ConnectionReceiveWindow window);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_octets")]
    private static extern ref InboxOctets Octets(MessageInbox inbox);
}
