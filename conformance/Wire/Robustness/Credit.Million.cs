using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Calls;
using MiniGrpc.Wire.Hpack;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Robustness;

/// <summary>
/// Row 37 in number: a million streams are reset with octets on them, on the inbound half and its inboxes alone, and the
/// connection has all of its credit still. With handlers, a gate and a transport around them it is a hundred thousand
/// (<see cref="CreditOnTheServer"/>) and thousands of calls (<see cref="CreditOnTheClient"/>): what is credited is
/// decided in what runs here, where a client differs from a server only in who opens the streams.
/// </summary>
public class CreditOfAMillionStreams
{
    private const int Streams = 1_000_000;
    private const int Batch = 1_000;
    private const int Octets = 100;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Row37_A_million_reset_streams_cost_the_connection_no_credit(bool byUs)
    {
        var sink = new Sink();
        ReceiveSide side = sink.Side;
        byte[] block = Block();
        byte[] data = new byte[Octets];
        Feed(side, o => SettingsFrame.Write(o, []));
        long sent = 0;
        for (int id = 1; id < 2 * Streams; id += 2 * Batch)
        {
            int first = id;
            Feed(side, o => Each(first, stream =>
            {
                new FrameHeader(block.Length, FrameType.Headers, FrameFlags.EndHeaders, stream).Write(o);
                o.Write(block);
                DataFrame.Write(o, stream, data, endStream: false, padLength: 7);
            }));
            if (byUs)
            {
                sink.ResetAll();
            }

            Feed(side, o => Each(first, stream =>
            {
                if (byUs)
                {
                    DataFrame.Write(o, stream, data, endStream: false); // was under way
                }
                else
                {
                    RstStreamFrame.Write(o, stream, ErrorCode.Cancel);
                }
            }));
            sent += Batch * (Octets + 8 + (byUs ? Octets : 0));
            Assert.Equal(0, side.Streams.Count);
        }

        Assert.Equal(0, side.Window.Unread);
        Assert.Equal(sent, sink.Credited + Internals.OwedOf(side.Window));
        Assert.InRange(Internals.OwedOf(side.Window), 0, new ReceiveLimits().ConnectionWindow / 4);
    }

    private static void Each(int first, Action<int> write)
    {
        for (int id = first; id < first + (2 * Batch); id += 2)
        {
            write(id);
        }
    }

    private static void Feed(ReceiveSide side, Action<OutputBuffer> write)
    {
        var output = new OutputBuffer();
        write(output);
        Assert.Equal(output.Length, side.Receive(output.WrittenSpan, 0));
        Assert.Null(side.Error);
        output.Release();
    }

    /// <summary>A request's block that leaves the table as it is, so that every stream may have it.</summary>
    private static byte[] Block()
    {
        var hpack = new HpackEncoder();
        var output = new OutputBuffer();
        hpack.BeginBlock(output);
        hpack.Encode(output, ":method"u8, "POST"u8, Indexing.Without);
        hpack.Encode(output, ":scheme"u8, "http"u8, Indexing.Without);
        hpack.Encode(output, ":path"u8, "/"u8, Indexing.Without);
        return output.WrittenSpan.ToArray();
    }

    private sealed class Sink : IReceiveSink
    {
        private readonly StreamStack _retired = new();
        private readonly List<CalledStream> _open = [];

        public Sink()
        {
            var limits = new ReceiveLimits(MaxConcurrentStreams: Batch)
            {
                Abuse = new AbuseLimits { StreamResets = RateLimit.Unlimited, UselessFrames = RateLimit.Unlimited },
            };
            Side = new ReceiveSide(Role.Server, limits, this, _retired);
        }

        public ReceiveSide Side { get; }

        public long Credited { get; private set; }

        public bool IsBacklogged => false;

        /// <summary>What a gate does that resets a stream, and a call that ends by it.</summary>
        public void ResetAll()
        {
            foreach (CalledStream stream in _open)
            {
                stream.WasResetByUs = true;
                Assert.True(stream.State.Apply(StreamInput.SendRstStream).BecameClosed);
                _retired.Push(stream);
                stream.Inbox.Discard();
            }

            _open.Clear();
        }

        public Http2Stream? OpenStream(int id)
        {
            var stream = new CalledStream(Side.Window);
            _open.Add(stream);
            return stream;
        }

        public Http2Stream? TakeOpened() => null;

        public void OnClosed(Http2Stream stream) => _open.Remove((CalledStream)stream);

        public void OnStreamError(Http2Stream? stream, ProtocolError error) => Assert.Fail(error.ToString());

        public ProtocolError? OnSettings(in SettingsFrame frame) => null;

        public void OnSettingsAcknowledged() => Assert.Fail("not sent");

        public ProtocolError? OnPing(in PingFrame frame, long now) => null;

        public void OnGoAway(in GoAwayFrame frame) => Assert.Fail("not sent");

        public ProtocolError? OnWindowUpdate(Http2Stream? stream, int increment) => null;

        public ProtocolError? OnLateWindowUpdate() => null;

        public void OnConnectionCredit(int increment, bool withPing) => Credited += increment;
    }

    /// <summary>A stream whose octets nobody reads.</summary>
    private sealed class CalledStream(ConnectionReceiveWindow window) : Http2Stream
    {
        public MessageInbox Inbox { get; } = new(window, new ReceiveLimits().StreamWindow, -1);

        internal override ProtocolError? OnHeaders(HeaderList fields, bool endStream) => null;

        internal override ProtocolError? OnTrailers(HeaderList fields) => null;

        internal override ProtocolError? OnData(ReadOnlySpan<byte> data, int padding, bool endStream)
        {
            Assert.True(Inbox.Append(data, padding, endStream).WithinWindow);
            return null;
        }

        internal override void OnReset(ErrorCode code) => Inbox.Discard();

        internal override void OnStreamError(ProtocolError error) => Inbox.Discard();

        internal override void OnConnectionEnded(string reason) => Inbox.Discard();

        internal override void OnSendCapacity()
        {
        }
    }
}
