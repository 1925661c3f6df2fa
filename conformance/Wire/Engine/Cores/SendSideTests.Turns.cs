using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <content>Turns: streams that have more to send than the connection takes get equal shares of it (RFC 9113 section 5.3 leaves it to us).</content>
public partial class SendSideTests
{
    private const int SmallestQueueCap = 2 * 1024;

    /// <summary>
    /// Writers that write whenever they may: nobody gets ahead of another by more than one turn, though each finds its queue empty when
    /// it writes again.
    /// </summary>
    [Theory]
    [InlineData(5, 20_000)]
    [InlineData(5, 1000)]
    [InlineData(100, 100)]
    [InlineData(100, 5000)]
    [InlineData(800, 1000)]
    [InlineData(1000, 60)]
    [InlineData(1000, 300)]
    [InlineData(1000, 1000)]
    [InlineData(1000, 2000)]
    [InlineData(1000, 4000)]
    [InlineData(1000, 5000)]
    public void Streams_whose_writers_always_write_send_alike(int count, int messageLength)
    {
        var bench = new SendBench(Role.Server, int.MaxValue, int.MaxValue);
        bench.Settings((SettingId.MaxFrameSize, 1_000_000)); // a turn is not longer where the peer takes more
        BusyWriter[] writers = [.. Enumerable.Range(0, count).Select(i => new BusyWriter(bench.Accept(1 + (2 * i)), messageLength))];
        bench.TakeAll();
        Array.ForEach(writers, writer => writer.WriteUntilItWaits(bench));
        bench.Side.Output.Clear(); // the first of them found an empty buffer, and nobody who waited
        int largestTurn = Math.Min(SendSide.Quantum, messageLength + QueueCapFor(count));
        for (int sent = 0; sent < 20 * count * largestTurn;)
        {
            foreach ((FrameHeader header, _) in bench.Take())
            {
                BusyWriter writer = writers[header.StreamId / 2];
                writer.Sent += header.Length;
                sent += header.Length;
                writer.WriteUntilItWaits(bench);
            }

            Assert.InRange(writers.Max(writer => writer.Sent) - writers.Min(writer => writer.Sent), 0, largestTurn);
        }
    }

    [Fact]
    public void A_message_overtakes_no_stream_that_waits_for_its_turn()
    {
        var bench = new SendBench(Role.Server, Large, Large);
        PlainStream[] streams = [.. Enumerable.Range(0, 3).Select(i => bench.Accept(1 + (2 * i)))];
        bench.TakeAll();
        bench.Write(streams[0], SendSide.Quantum + 1);
        bench.Write(streams[1], SendSide.Quantum + 1);
        bench.Write(streams[2], 10); // there is room for it, and it is small
        Assert.Equal(0, bench.Side.Output.Length);
        Assert.Equal([1, 3, 5, 1, 3], bench.TakeAll().Select(frame => frame.Header.StreamId));
        bench.Write(streams[2], 10); // now nobody waits
        Assert.Equal(10 + FrameHeader.Size, bench.Side.Output.Length);
    }

    /// <summary>A writer that had 64 KiB accepted of each of a thousand streams would wait long for its next turn.</summary>
    [Theory]
    [InlineData(1, SendSide.StreamQueueCap)]
    [InlineData(16, SendSide.StreamQueueCap)]
    [InlineData(32, 32 * 1024)]
    [InlineData(256, 4 * 1024)]
    [InlineData(2000, SmallestQueueCap)]
    public void A_writer_waits_sooner_the_more_streams_there_are(int count, int cap)
    {
        const int Message = 1024;
        Assert.Equal(cap, QueueCapFor(count));
        var bench = new SendBench(Role.Server, Large, streamWindow: 0);
        PlainStream stream = bench.Accept(1);
        for (int i = 1; i < count; i++)
        {
            bench.Accept(1 + (2 * i));
        }

        for (int queued = Message; queued <= cap; queued += Message)
        {
            Assert.Equal(SendResult.Accepted, bench.Write(stream, Message));
        }

        Assert.Equal(SendResult.AcceptedFull, bench.Write(stream, Message));
        bench.Side.OnWindowUpdate(stream, Message - 1);
        bench.TakeAll();
        Assert.Equal(0, stream.Wakes);
        bench.Side.OnWindowUpdate(stream, 1);
        bench.TakeAll();
        Assert.Equal(1, stream.Wakes);
    }

    private static int QueueCapFor(int count) => Math.Clamp(1024 * 1024 / count, SmallestQueueCap, SendSide.StreamQueueCap);

    /// <summary>Writes until it has to wait, and again when it is woken.</summary>
    private sealed class BusyWriter(PlainStream stream, int messageLength)
    {
        private int _waits;

        /// <summary>The octets of its stream that have left.</summary>
        public int Sent { get; set; }

        public void WriteUntilItWaits(SendBench bench)
        {
            while (_waits == stream.Wakes)
            {
                _waits += bench.Write(stream, messageLength) == SendResult.AcceptedFull ? 1 : 0;
            }
        }
    }
}
