using MiniGrpc.Conformance.Wire.Rfc9113;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>The outbound half alone: what is handed over, and the frames that come of it.</summary>
public partial class SendSideTests
{
    private const int Large = 100_000_000;

    /// <summary>A client whose preface comes when a shutdown has given it up finds a direction that has ended.</summary>
    [Fact]
    public void A_connection_that_has_ended_is_not_started()
    {
        var send = new SendSide(Role.Server, new AbuseLimits());
        send.Close();
        send.WriteStart([(SettingId.MaxConcurrentStreams, 1)], 1024 * 1024);
        Assert.False(send.HasWork);
    }

    [Fact]
    public void A_unary_reply_is_three_frames()
    {
        var bench = new SendBench(Role.Server);
        PlainStream stream = bench.Accept(1);
        bench.Write(stream, 10);
        bench.Side.WriteTrailers(stream, null, SendBench.Fields("grpc-status=0"));
        Assert.Equal(["HEADERS", "DATA", "HEADERS END"], Kinds(bench.Take()));
        Assert.Equal(StreamState.Closed, stream.State.Current);
        Assert.Equal(0, bench.Side.OpenStreams);
        Assert.Same(stream, bench.Side.Retired.TakeAll());
    }

    /// <summary>A message that fits leaves at once; it must not be copied and must not wait for a flush.</summary>
    [Theory]
    [InlineData(SendSide.Quantum, true)]
    [InlineData(SendSide.Quantum + 1, false)]
    public void A_message_up_to_a_quantum_goes_straight_to_the_output(int length, bool direct)
    {
        var bench = new SendBench(Role.Server);
        bench.Settings((SettingId.MaxFrameSize, 1_000_000)); // a peer that takes more at a time doesn't get more
        PlainStream stream = bench.Accept(1);
        bench.Side.Output.Clear();
        Assert.Equal(SendResult.Accepted, bench.Write(stream, length));
        Assert.Equal(direct ? length + FrameHeader.Size : 0, bench.Side.Output.Length);
        Assert.Equal(direct ? 0 : length, stream.SendQueue.Length);
    }

    [Fact]
    public void A_bulk_stream_holds_up_no_small_one()
    {
        var bench = new SendBench(Role.Server, Large, Large);
        PlainStream bulk = bench.Accept(1);
        bench.Write(bulk, 1_000_000);
        bench.Side.Produce();
        PlainStream[] small = [.. Enumerable.Range(1, 100).Select(i => bench.Accept(1 + (2 * i)))];
        bench.Take();
        bench.Write(bulk, 1_000_000);
        bench.Side.Produce(); // the output is full: what is written now waits for its turn
        Array.ForEach(small, stream => bench.Write(stream, 100));
        bench.Side.Output.Clear();

        List<(FrameHeader Header, byte[] Payload)> next = bench.Take();
        int firstRound = next.FindLastIndex(frame => frame.Header.StreamId != 1);
        Assert.Equal(small.Select(stream => stream.Id), next.Take(firstRound + 1).Select(f => f.Header.StreamId).Where(id => id != 1));
        Assert.InRange(next.Take(firstRound).Count(frame => frame.Header.StreamId == 1), 0, 1);
    }

    [Fact]
    public void Bulk_streams_share_the_connection_evenly()
    {
        var bench = new SendBench(Role.Server, Large, Large);
        PlainStream[] streams = [.. Enumerable.Range(0, 7).Select(i => bench.Accept(1 + (2 * i)))];
        bench.TakeAll();
        Array.ForEach(streams, stream => bench.Write(stream, 1_000_000));
        var sent = streams.ToDictionary(stream => stream.Id, _ => 0);
        for (int round = 0; round < 20; round++)
        {
            foreach ((FrameHeader header, _) in bench.Take())
            {
                sent[header.StreamId] += header.Length;
            }

            Assert.InRange(sent.Values.Max() - sent.Values.Min(), 0, SendSide.Quantum);
        }
    }

    /// <summary>A run fills the output only so far: a PING written now waits behind no more than that.</summary>
    [Fact]
    [Requirement("9113-6.7-3")]
    public void Control_frames_overtake_queued_data()
    {
        var bench = new SendBench(Role.Server, Large, Large);
        PlainStream stream = bench.Accept(1);
        bench.Write(stream, 1_000_000);
        int length = bench.Take().Sum(frame => FrameHeader.Size + frame.Header.Length);
        Assert.InRange(length, SendSide.OutputCapacity, SendSide.OutputCapacity + SendSide.Quantum + FrameHeader.Size);
        bench.Side.AnswerPing(1, 0);
        bench.Side.WriteWindowUpdate(0, 1);
        Assert.Equal([FrameType.Ping, FrameType.WindowUpdate, FrameType.Data], bench.Take().Take(3).Select(frame => frame.Header.Type));
    }

    /// <summary>The end of a message of 64 KiB, with its prefix and its frames, doesn't wait for a write of its own.</summary>
    [Fact]
    public void A_message_of_64_KiB_leaves_at_once()
    {
        var bench = new SendBench(Role.Server, Large, Large);
        PlainStream stream = bench.Accept(1);
        bench.Write(stream, 5 + (64 * 1024));
        Assert.Equal(5 + (64 * 1024), bench.Take().Where(frame => frame.Header.Type == FrameType.Data).Sum(frame => frame.Header.Length));
    }

    [Fact]
    public void Small_messages_too_stop_at_the_capacity_of_the_output()
    {
        var bench = new SendBench(Role.Server, Large, Large);
        PlainStream stream = bench.Accept(1);
        for (int i = 0; i < 2000; i++)
        {
            bench.Write(stream, 100);
        }

        Assert.InRange(bench.Side.Output.Length, SendSide.OutputCapacity - 200, SendSide.OutputCapacity + 200);
        Assert.Equal(200_000, bench.TakeAll().Where(f => f.Header.Type == FrameType.Data).Sum(f => f.Header.Length));
    }

    /// <summary>RFC 9113 section 4.2: no frame is longer than the peer's MAX_FRAME_SIZE.</summary>
    [Fact]
    public void Long_messages_are_cut_into_frames()
    {
        var bench = new SendBench(Role.Server, Large, Large);
        PlainStream stream = bench.Accept(1);
        bench.Write(stream, 50_000, endStream: true);
        Assert.Equal([16_384, 16_384, 16_384, 848], DataLengths(bench.TakeAll()));
    }

    /// <summary>RFC 9113 section 4.3: a long block is HEADERS and CONTINUATION frames with nothing between them.</summary>
    [Theory]
    [InlineData(16_384, 3)]
    [InlineData(20_000, 2)]
    [InlineData(60_000, 1)]
    [Requirement("9113-8.1-3")]
    [Requirement("9113-6.5-2")]
    public void A_long_header_block_continues_in_continuation_frames(int maxFrameSize, int frameCount)
    {
        var bench = new SendBench(Role.Client);
        bench.Settings((SettingId.MaxFrameSize, (uint)maxFrameSize));
        bench.Take();
        string field = "x=" + new string('\u0080', 12_000); // an octet that Huffman coding makes longer
        bench.Side.TryOpen(new PlainStream(), null, SendBench.Fields(field, field, field), endStream: true);
        List<(FrameHeader Header, byte[] Payload)> frames = bench.Take();
        Assert.Equal(frameCount, frames.Count);
        Assert.All(frames, frame => Assert.InRange(frame.Header.Length, 1, maxFrameSize));
        Assert.All(frames, frame => Assert.Equal(1, frame.Header.StreamId));
        Assert.Equal(FrameType.Headers, frames[0].Header.Type);
        Assert.True(frames[0].Header.Has(FrameFlags.EndStream));
        Assert.All(frames[1..], frame => Assert.Equal(FrameType.Continuation, frame.Header.Type));
        Assert.Equal(
            frames.Select((_, i) => i == frames.Count - 1), frames.Select(frame => frame.Header.Has(FrameFlags.EndHeaders)));
        Assert.Equal($"{field};{field};{field}", bench.Decode([.. frames.SelectMany(frame => frame.Payload)]));
    }

    [Fact]
    public void Trailers_wait_for_the_data_before_them()
    {
        var bench = new SendBench(Role.Server, Large, streamWindow: 10);
        PlainStream stream = bench.Accept(1);
        bench.Write(stream, 15);
        Assert.Equal(SendResult.Accepted, bench.Side.WriteTrailers(stream, null, SendBench.Fields("grpc-status=0")));
        Assert.Equal(["HEADERS", "DATA"], Kinds(bench.TakeAll()));
        Assert.Equal(SendResult.Closed, bench.Side.WriteTrailers(stream, null, SendBench.Fields("grpc-status=1")));
        Assert.Equal(SendResult.Closed, bench.Write(stream, 1));
        Assert.Null(bench.Side.OnWindowUpdate(stream, 10));
        List<(FrameHeader Header, byte[] Payload)> rest = bench.TakeAll();
        Assert.Equal(["DATA", "HEADERS END"], Kinds(rest));
        Assert.Equal(StreamState.Closed, stream.State.Current);
        Assert.Null(stream.QueuedTrailers);
    }

    [Fact]
    public void A_half_close_waits_for_the_data_before_it_and_comes_once()
    {
        var bench = new SendBench(Role.Client, Large, streamWindow: 10);
        PlainStream stream = bench.Open();
        bench.Write(stream, 15);
        Assert.Equal(SendResult.Accepted, bench.Side.EndStream(stream));
        Assert.Equal(SendResult.Closed, bench.Side.EndStream(stream));
        bench.TakeAll();
        bench.Side.OnWindowUpdate(stream, 10);
        Assert.Equal(["DATA END"], Kinds(bench.TakeAll()));

        PlainStream idle = bench.Open();
        bench.TakeAll();
        bench.Side.EndStream(idle);
        Assert.Equal(SendResult.Closed, bench.Side.EndStream(idle));
        Assert.Equal(SendResult.Closed, bench.Write(idle, 1));
        Assert.Equal(["DATA END"], Kinds(bench.TakeAll()));
        Assert.Equal(StreamState.HalfClosedLocal, idle.State.Current);
    }

    /// <summary>RFC 9113 section 5.4.2: after RST_STREAM nothing may follow on the stream.</summary>
    [Fact]
    [Requirement("9113-5.1-8")]
    public void A_reset_drops_the_queue_wakes_the_writer_and_is_the_last_frame()
    {
        var bench = new SendBench(Role.Server, Large, streamWindow: 10);
        PlainStream stream = bench.Accept(1);
        Assert.Equal(SendResult.AcceptedFull, bench.Write(stream, SendSide.StreamQueueCap + 20));
        bench.TakeAll();
        Assert.True(bench.Side.Reset(stream, ErrorCode.Cancel));
        Assert.False(bench.Side.Reset(stream, ErrorCode.Cancel));
        Assert.Equal(1, stream.Wakes);
        Assert.Equal(0, stream.SendQueue.Length);
        Assert.True(stream.WasResetByUs);
        bench.Side.OnWindowUpdate(stream, 1000);
        Assert.Equal(SendResult.Closed, bench.Write(stream, 1));
        Assert.Equal(SendResult.Closed, bench.Side.WriteTrailers(stream, null, SendBench.Fields("grpc-status=0")));
        Assert.Equal(SendResult.Closed, bench.Side.EndStream(stream));
        (FrameHeader header, byte[] payload) = Assert.Single(bench.TakeAll());
        Assert.Equal((FrameType.RstStream, 1), (header.Type, header.StreamId));
        Assert.Equal((byte)ErrorCode.Cancel, payload[3]);
        Assert.Same(stream, bench.Side.Retired.TakeAll());
        Assert.Null(stream.NextInStack);
        Assert.Equal(0, bench.Side.OpenStreams);
    }

    [Fact]
    public void A_reset_of_the_peer_drops_the_queue_and_wakes_the_writer()
    {
        var bench = new SendBench(Role.Server, Large, streamWindow: 10);
        PlainStream stream = bench.Accept(1);
        bench.Write(stream, SendSide.StreamQueueCap + 20);
        bench.TakeAll();
        Assert.True(stream.State.Apply(StreamInput.ReceiveRstStream).BecameClosed);
        bench.Side.OnClosedByPeer(stream);
        Assert.Equal((1, 0, 0), (stream.Wakes, stream.SendQueue.Length, bench.Side.OpenStreams));
        Assert.False(bench.Side.Reset(stream, ErrorCode.Cancel));
        Assert.Empty(bench.TakeAll());
        Assert.Null(bench.Side.Retired.TakeAll());
    }

    [Fact]
    public void A_writer_waits_above_the_cap_and_is_woken_once_below_it()
    {
        var bench = new SendBench(Role.Server, Large, streamWindow: 0);
        PlainStream stream = bench.Accept(1);
        Assert.Equal(SendResult.Accepted, bench.Write(stream, SendSide.StreamQueueCap));
        Assert.Equal(SendResult.AcceptedFull, bench.Write(stream, 2));
        bench.Side.OnWindowUpdate(stream, 1);
        bench.TakeAll();
        Assert.Equal(0, stream.Wakes);
        bench.Side.OnWindowUpdate(stream, 1);
        bench.TakeAll();
        Assert.Equal(1, stream.Wakes);
        bench.Side.OnWindowUpdate(stream, 1000);
        bench.TakeAll();
        Assert.Equal(1, stream.Wakes);
    }

    /// <summary>RFC 9113 section 3.4: a client starts with the preface; both ends' first frame is SETTINGS.</summary>
    [Fact]
    public void A_connection_starts_with_preface_settings_and_a_larger_window()
    {
        foreach (Role role in Enum.GetValues<Role>())
        {
            var side = new SendSide(role, new AbuseLimits());
            side.WriteStart([(SettingId.EnablePush, 0)], 100_000);
            byte[] octets = side.Output.WrittenSpan.ToArray();
            if (role == Role.Client)
            {
                Assert.Equal(ConnectionPreface.Octets.ToArray(), octets[..24]);
                octets = octets[24..];
            }

            Assert.Equal(
                FrameBytes.Written(o =>
                {
                    SettingsFrame.Write(o, [(SettingId.EnablePush, 0)]);
                    WindowUpdateFrame.Write(o, 0, 100_000 - 65_535);
                }),
                octets);
        }
    }

    /// <summary>RFC 9113 section 6.5.3: SETTINGS are acknowledged; those that are out of range are an error instead.</summary>
    [Fact]
    [Requirement("9113-6.5.3-2")]
    [Requirement("9113-6.5.3-4")]
    public void Settings_are_applied_in_order_and_acknowledged_once()
    {
        var bench = new SendBench(Role.Client);
        bench.Settings((SettingId.MaxConcurrentStreams, 5), (SettingId.MaxConcurrentStreams, 6), ((SettingId)0x77, 1));
        Assert.Equal(6u, bench.Side.PeerSettings.MaxConcurrentStreams);
        (FrameHeader header, byte[] payload) = Assert.Single(bench.Take());
        Assert.Equal((FrameType.Settings, FrameFlags.Ack, 0), (header.Type, header.Flags, payload.Length));
    }

    private static IEnumerable<string> Kinds(IEnumerable<(FrameHeader Header, byte[] Payload)> frames) =>
        frames.Select(frame => frame.Header.Type switch
        {
            FrameType.Headers => "HEADERS",
            FrameType.Data => "DATA",
            _ => "RST_STREAM",
        } + (frame.Header.Has(FrameFlags.EndStream) ? " END" : ""));

    private static IEnumerable<int> DataLengths(IEnumerable<(FrameHeader Header, byte[] Payload)> frames) =>
        frames.Where(frame => frame.Header.Type == FrameType.Data).Select(frame => frame.Header.Length);
}
