using System.Text;
using MiniGrpc.Conformance.Fuzz.Engine;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Hpack;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Fuzz.Targets;

/// <summary>
/// A client's outbound half and a server's inbound half, mouth to ear: whatever is written arrives as it was meant, and what
/// we say never breaks a rule that we hold others to (RFC 9113 sections 4 to 6). An input is a row of decisions.
/// </summary>
internal sealed class LoopbackTarget : PureTarget
{
    private const int MaxStreams = 8;

    private static readonly PreparedFields s_prepared = new((":method", "POST"), (":scheme", "http"), (":path", "/a/B"));

    /// <inheritdoc />
    public override string Name => "loopback";

    /// <inheritdoc />
    public override string About => "What the outbound half of a client says, the inbound half of a server takes without a complaint, octet for octet.";

    /// <inheritdoc />
    public override IEnumerable<byte[]> Seeds()
    {
        yield return [0, 0, 1, 0, 3, 1, 2, 3, 2, 0, 6];
        yield return [1, 0, 0, 1, 0, 30, 6, 5, 4, 0, 9, 1, 1, 2, 2, 0, 3, 1, 6, 6];
        yield return [2, 0, 0, 0, 4, 1, 1, 200, 6, 5, 1, 0, 0, 0, 0, 6, 2, 1, 6, 4, 0, 1, 2, 3, 6];
    }

    /// <inheritdoc />
    protected override void Run(byte[] input, Features features)
    {
        var source = new ByteSource(input);
        var run = new Bench(features);
        while (source.HasMore)
        {
            run.Step(source);
        }

        run.End();
    }

    private sealed class Bench : IReceiveSink
    {
        private readonly SendSide _send = new(Role.Client, new AbuseLimits());
        private readonly ReceiveSide _receive;
        private readonly List<Talker> _talkers = [];
        private readonly Dictionary<int, Listener> _listeners = [];
        private readonly Features _features;
        private byte[] _unread = [];

        public Bench(Features features)
        {
            _features = features;
            _receive = new ReceiveSide(Role.Server, new ReceiveLimits(MaxConcurrentStreams: 1000, StreamWindow: int.MaxValue), this, new StreamStack());
            _send.WriteStart([], 65_535);
            _unread = _send.Output.WrittenSpan[ConnectionPreface.Length..].ToArray();
            _send.Output.Clear();
        }

        public void Step(ByteSource source)
        {
            int kind = source.Below(7);
            Talker? talker = _talkers.Count == 0 ? null : _talkers[source.Below(_talkers.Count)];
            _features.Add("step", kind, talker is null ? -1 : (int)talker.State.Current);
            switch (kind)
            {
                case 0 when _talkers.Count < MaxStreams:
                    Open(source);
                    break;
                case 1 when talker is { Ended: false }:
                    Write(talker, source);
                    break;
                case 2 when talker is not null:
                    talker.Ended |= _send.EndStream(talker) == SendResult.Accepted;
                    break;
                case 3 when talker is not null:
                    talker.Reset |= _send.Reset(talker, ErrorCode.Cancel);
                    break;
                case 4:
                    Credit(talker, source);
                    break;
                case 5:
                    ApplySettings(source);
                    break;
                default:
                    Carry();
                    break;
            }
        }

        /// <summary>Opens all windows, carries all that is left, and compares.</summary>
        public void End()
        {
            Apply((SettingId.InitialWindowSize, 1_000_000));
            _send.OnWindowUpdate(null, 100_000_000);
            while (_send.HasWork || _unread.Length > 0)
            {
                Carry();
            }

            foreach (Talker talker in _talkers)
            {
                Listener? listener = _listeners.GetValueOrDefault(talker.Id);
                FuzzException.Require(listener is not null, $"stream {talker.Id} never arrived");
                FuzzException.RequireEqual(talker.Fields, listener.Fields, $"the fields of stream {talker.Id}");
                FuzzException.RequireEqual(talker.Reset, listener.Reset, $"whether stream {talker.Id} was reset");
                FuzzException.Require(talker.Reset || talker.Ended == listener.Ended, $"the end of stream {talker.Id}");
                int arrived = listener.Octets.Count;
                FuzzException.Require(talker.Reset || arrived == talker.Octets.Count, $"{arrived} of {talker.Octets.Count} octets arrived");
                FuzzException.Require(talker.Octets.Take(arrived).SequenceEqual(listener.Octets), $"other octets arrived on stream {talker.Id}");
            }
        }

        private void Open(ByteSource source)
        {
            var talker = new Talker();
            var fields = new HeaderList();
            string text = ":method=POST;:scheme=http;:path=/a/B;";
            for (int count = source.Below(4); count > 0; count--)
            {
                string name = source.OneOf<string>(["x", "y-bin", "grpc-timeout", "authorization"]);
                string value = new((char)('a' + source.Below(26)), 1 + (source.Below(40) * source.Below(40)));
                fields.Add(Encoding.Latin1.GetBytes(name), Encoding.Latin1.GetBytes(value), (Indexing)source.Below(3));
                text += $"{name}={value};";
            }

            bool ends = source.Below(8) == 7;
            OpenResult result = _send.TryOpen(talker, s_prepared, fields, ends);
            _features.Add("open", (int)result);
            if (result == OpenResult.Opened)
            {
                talker.Ended = ends;
                talker.Fields = text;
                _talkers.Add(talker);
            }
        }

        private void Write(Talker talker, ByteSource source)
        {
            var message = new OutputBuffer();
            // A message has five octets at least, its prefix.
            byte[] octets = new byte[source.OneOf<int>([5, 6, 100, 1000, 16_384, 16_385, 40_000, 70_000])];
            Array.Fill(octets, source.Octet());
            message.Write(octets);
            bool ends = source.Below(8) == 7;
            SendResult result = _send.WriteData(talker, message, ends);
            _features.Add("write", (int)result, talker.SendQueue.Length > 0 ? 1 : 0);
            FuzzException.RequireEqual(0, message.Length, "what is left in the message's buffer");
            if (result != SendResult.Closed)
            {
                talker.Octets.AddRange(octets);
                talker.Ended |= ends;
            }
        }

        private void Credit(Talker? talker, ByteSource source)
        {
            int increment = source.OneOf<int>([1, 100, 10_000, 65_535]);
            if (source.Below(2) == 0)
            {
                FuzzException.Require(_send.OnWindowUpdate(null, increment) is null, "the connection's window ran over");
            }
            else if (talker is not null)
            {
                FuzzException.Require(_send.OnWindowUpdate(talker, increment) is null, "a stream's window ran over");
            }
        }

        private void ApplySettings(ByteSource source)
        {
            switch (source.Below(3))
            {
                case 0:
                    Apply((SettingId.InitialWindowSize, source.OneOf<uint>([0, 1, 100, 65_535, 500_000])));
                    break;
                case 1:
                    Apply((SettingId.HeaderTableSize, source.OneOf<uint>([0, 40, 100, 4096])));
                    break;
                default:
                    Apply((SettingId.MaxFrameSize, source.OneOf<uint>([16_384, 20_000, 16_777_215])));
                    break;
            }
        }

        private void Apply((SettingId Id, uint Value) entry)
        {
            var octets = new OutputBuffer();
            SettingsFrame.Write(octets, [entry]);
            FrameHeader header = FrameHeader.Read(octets.WrittenSpan);
            _ = SettingsFrame.Parse(header, octets.WrittenSpan[FrameHeader.Size..], out SettingsFrame frame);
            FuzzException.Require(_send.ApplySettings(frame, out int delta) is null, "legal settings are refused");
            foreach (Talker talker in _talkers)
            {
                FuzzException.Require(_send.AdjustWindow(talker, delta) is null, "a window ran over");
            }
        }

        private void Carry()
        {
            _send.Produce();
            _unread = [.. _unread, .. _send.Output.WrittenSpan];
            _send.Output.Clear();
            int consumed = _receive.Receive(_unread, now: 0);
            FuzzException.Require(_receive.Error is null, $"the other half complains: {_receive.Error}");
            FuzzException.RequireEqual(_unread.Length, consumed, "the octets consumed");
            _unread = [];
        }

        bool IReceiveSink.IsBacklogged => false;

        Http2Stream? IReceiveSink.OpenStream(int id) => _listeners[id] = new Listener();

        Http2Stream? IReceiveSink.TakeOpened() => null;

        void IReceiveSink.OnClosed(Http2Stream stream) => _features.Add("closed");

        void IReceiveSink.OnStreamError(Http2Stream? stream, ProtocolError error) => throw new FuzzException($"the other half complains: {error}");

        ProtocolError? IReceiveSink.OnSettings(in SettingsFrame frame) => null;

        void IReceiveSink.OnSettingsAcknowledged() => _features.Add("acknowledged");

        ProtocolError? IReceiveSink.OnPing(in PingFrame frame, long now) => throw new FuzzException("nobody has sent a PING");

        void IReceiveSink.OnGoAway(in GoAwayFrame frame) => throw new FuzzException("nobody has sent a GOAWAY");

        ProtocolError? IReceiveSink.OnWindowUpdate(Http2Stream? stream, int increment) => throw new FuzzException("nobody has sent a WINDOW_UPDATE");

        ProtocolError? IReceiveSink.OnLateWindowUpdate() => throw new FuzzException("nobody has sent a WINDOW_UPDATE");

        void IReceiveSink.OnConnectionCredit(int increment, bool withPing) => _features.Add("credit");
    }

    private abstract class SilentStream : Http2Stream
    {
        public List<byte> Octets { get; } = [];

        public bool Ended { get; set; }

        public bool Reset { get; set; }

        public string Fields { get; set; } = "";

        internal override ProtocolError? OnHeaders(HeaderList fields, bool endStream) => throw new FuzzException("headers for a talker");

        internal override ProtocolError? OnTrailers(HeaderList fields) => throw new FuzzException("trailers from nowhere");

        internal override ProtocolError? OnData(ReadOnlySpan<byte> data, int padding, bool endStream) => throw new FuzzException("data for a talker");

        internal override void OnReset(ErrorCode code) => Reset = true;

        internal override void OnStreamError(ProtocolError error) => throw new FuzzException("a stream error from nowhere");

        internal override void OnConnectionEnded(string reason) => throw new FuzzException("the connection has not ended");

        internal override void OnSendCapacity()
        {
        }
    }

    private sealed class Talker : SilentStream;

    private sealed class Listener : SilentStream
    {
        internal override ProtocolError? OnHeaders(HeaderList fields, bool endStream)
        {
            foreach (HeaderField field in fields)
            {
                Fields += $"{Encoding.Latin1.GetString(field.Name)}={Encoding.Latin1.GetString(field.Value)};";
            }

            Ended = endStream;
            return null;
        }

        internal override ProtocolError? OnData(ReadOnlySpan<byte> data, int padding, bool endStream)
        {
            Octets.AddRange(data);
            Ended = endStream;
            return null;
        }
    }
}
