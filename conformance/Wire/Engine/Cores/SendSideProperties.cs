using CsCheck;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>
/// What holds for the outbound half whatever is done to it: a model peer keeps the windows, and every octet that was accepted
/// arrives in order, within them, with END_STREAM at its end and nowhere else.
/// </summary>
public class SendSideProperties
{
    private const int StreamCount = 5;

    private static readonly Gen<(int Kind, int Stream, int Amount)> s_step = Gen.Select(
        Gen.Int[0, 9], Gen.Int[0, StreamCount - 1], Gen.OneOf(Gen.Int[1, 100], Gen.Int[1, 70_000], Gen.Int[16_370, 16_400]));

    [Fact]
    [Requirement("9113-5.2.1-1")]
    [Requirement("9113-6.9.1-1")]
    [Requirement("9113-6.9.2-1")]
    [Requirement("9113-6.9.2-2")]
    public void Whatever_is_written_arrives_in_order_within_all_windows_and_ends_once() =>
        Gen.Select(s_step.Array[1, 60], Gen.Int[0, 70_000]).Sample((steps, window) => Run(steps, window), iter: 100, threads: 1);

    private static void Run((int Kind, int Stream, int Amount)[] steps, int window)
    {
        var bench = new SendBench(Role.Server, streamWindow: window);
        ModelStream[] streams = [.. Enumerable.Range(0, StreamCount).Select(i => new ModelStream(bench.Accept(1 + (2 * i)), window))];
        var peer = new ModelPeer(streams);
        foreach ((int kind, int index, int amount) in steps)
        {
            ModelStream stream = streams[index];
            switch (kind)
            {
                case <= 3:
                    stream.Write(bench, amount);
                    break;
                case 4:
                    Assert.Null(bench.Side.OnWindowUpdate(stream.Stream, amount));
                    stream.Window += amount;
                    break;
                case 5:
                    Assert.Null(bench.Side.OnWindowUpdate(null, amount));
                    peer.Window += amount;
                    break;
                case 6:
                    peer.Resize(bench, amount);
                    break;
                case 7:
                    stream.End(bench);
                    break;
                case 8 when amount < 2000:
                    bench.Side.Reset(stream.Stream, ErrorCode.Cancel);
                    break;
                default:
                    peer.Take(bench.Take());
                    break;
            }
        }

        // Now the peer takes everything, and what was accepted must come to its end.
        Assert.Null(bench.Side.OnWindowUpdate(null, 100_000_000));
        peer.Window += 100_000_000;
        foreach (ModelStream stream in streams)
        {
            stream.End(bench);
            Assert.Null(bench.Side.OnWindowUpdate(stream.Stream, 50_000_000));
            stream.Window += 50_000_000;
        }

        peer.Take(bench.TakeAll());
        Assert.All(streams, stream => stream.AssertComplete());
        Assert.Equal(0, bench.Side.OpenStreams);
        Assert.False(bench.Side.HasWork);
    }

    private sealed class ModelPeer(ModelStream[] streams)
    {
        private readonly Queue<int> _unacknowledged = new();
        private int _initial = streams[0].Window;

        public int Window { get; set; } = 65_535;

        public void Resize(SendBench bench, int size)
        {
            int delta = bench.Settings((SettingId.InitialWindowSize, (uint)size));
            Assert.Equal(size - _initial, delta);
            _initial = size;
            _unacknowledged.Enqueue(delta);
            Array.ForEach(streams, stream => Assert.Null(bench.Side.AdjustWindow(stream.Stream, delta)));
        }

        public void Take(List<(FrameHeader Header, byte[] Payload)> frames)
        {
            foreach ((FrameHeader header, byte[] payload) in frames)
            {
                if (header.Type == FrameType.Settings)
                {
                    // What was sent before the acknowledgement was sent under the settings before (section 6.5.3).
                    int delta = _unacknowledged.Dequeue();
                    Array.ForEach(streams, each => each.Window += delta);
                    continue;
                }

                ModelStream stream = streams[header.StreamId / 2];
                if (header.Type == FrameType.Data)
                {
                    Window -= payload.Length;
                    Assert.True(Window >= 0, "more DATA than the connection's window");
                }

                stream.Take(header, payload);
            }
        }
    }

    private sealed class ModelStream(PlainStream stream, int window)
    {
        private readonly List<byte> _accepted = [];
        private readonly List<byte> _arrived = [];
        private bool _ended;
        private bool _reset;

        public PlainStream Stream => stream;

        public int Window { get; set; } = window;

        public void Write(SendBench bench, int length)
        {
            byte[] octets = new byte[length];
            for (int i = 0; i < length; i++)
            {
                octets[i] = (byte)((_accepted.Count + i) * 31);
            }

            if (bench.Write(stream, octets) != SendResult.Closed)
            {
                _accepted.AddRange(octets);
            }
        }

        public void End(SendBench bench) => bench.Side.WriteTrailers(stream, null, SendBench.Fields("grpc-status=0"));

        public void Take(in FrameHeader header, byte[] payload)
        {
            Assert.False(_ended || _reset, $"{header} after the end");
            Assert.InRange(payload.Length, 0, 16_384);
            _reset = header.Type == FrameType.RstStream;
            _ended = header.Type != FrameType.RstStream && header.Has(FrameFlags.EndStream);
            if (header.Type == FrameType.Data)
            {
                Window -= payload.Length;
                Assert.True(Window >= 0, "more DATA than the stream's window");
                Assert.False(_ended, "trailers end the stream, not DATA");
                _arrived.AddRange(payload);
            }
        }

        public void AssertComplete()
        {
            Assert.True(_ended || _reset, "the stream never ended");
            Assert.Equal(StreamState.Closed, stream.State.Current);
            Assert.Equal(_accepted.Take(_reset ? _arrived.Count : _accepted.Count), _arrived);
        }
    }
}
