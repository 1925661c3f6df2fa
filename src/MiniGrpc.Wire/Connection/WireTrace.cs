using System.Runtime.CompilerServices;
using System.Text;

using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Hpack;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Wire.Connection;

/// <summary>
/// Watches the octets of one connection go by, both ways, and reports every frame. It keeps its own HPACK decoders and
/// window counts, so the engine knows nothing of it and pays nothing when there is no trace.
/// </summary>
/// <remarks>Threading: the receive loop and the flush loop both report; a lock keeps the two in one order.</remarks>
internal sealed class WireTrace
{
    private readonly string _peer;
    private readonly Action<WireFrame> _report;
    private readonly Lock _lock = new();
    private readonly Direction _sent = new();
    private readonly Direction _received = new();
    private bool _prefaceToCome;

    public WireTrace(Role role, string peer, Action<WireFrame> report)
    {
        _peer = peer;
        _report = report;
        _prefaceToCome = role == Role.Client;
    }

    /// <summary>Octets that came in; a frame that isn't whole yet is offered again.</summary>
    public void Received(ReadOnlySpan<byte> frames)
    {
        lock (_lock)
        {
            Watch(frames, isSent: false);
        }
    }

    /// <summary>The preface came in.</summary>
    public void ReceivedPreface() => _report(new WireFrame(_peer, false, "PREFACE", 0, "PREFACE \"PRI * HTTP/2.0\""));

    /// <summary>Whole frames on their way out; a client's first ones stand behind the preface.</summary>
    public void Sent(ReadOnlySpan<byte> frames)
    {
        lock (_lock)
        {
            if (_prefaceToCome)
            {
                _prefaceToCome = false;
                frames = frames[ConnectionPreface.Length..];
                _report(new WireFrame(_peer, true, "PREFACE", 0, "PREFACE \"PRI * HTTP/2.0\""));
            }

            Watch(frames, isSent: true);
        }
    }

    private void Watch(ReadOnlySpan<byte> frames, bool isSent)
    {
        while (frames.Length >= FrameHeader.Size)
        {
            FrameHeader header = FrameHeader.Read(frames);
            if (frames.Length < FrameHeader.Size + header.Length)
            {
                return; // not frames: the answer to a peer that speaks HTTP/1.x
            }

            Report(header, frames.Slice(FrameHeader.Size, header.Length), isSent);
            frames = frames[(FrameHeader.Size + header.Length)..];
        }
    }

    private void Report(in FrameHeader header, ReadOnlySpan<byte> payload, bool isSent)
    {
        Direction direction = isSent ? _sent : _received;
        string summary = FrameFormatter.Describe(header, payload);
        var frame = new WireFrame(_peer, isSent, summary.Split(' ')[0], header.StreamId, summary);
        switch (header.Type)
        {
            case FrameType.Data:
                (frame.StreamWindow, frame.ConnectionWindow) = direction.Consume(header.StreamId, header.Length);
                break;
            case FrameType.Headers when HeadersFrame.Parse(header, payload, out HeadersFrame headers) is null:
                frame.Fields = direction.AddFragment(headers.Fragment, headers.EndHeaders);
                break;
            case FrameType.Continuation:
                frame.Fields = direction.AddFragment(payload, header.Has(FrameFlags.EndHeaders));
                break;
            case FrameType.WindowUpdate when WindowUpdateFrame.Parse(header, payload, out WindowUpdateFrame update) is null:
                (isSent ? _received : _sent).Credit(update.StreamId, update.Increment);
                break;
            case FrameType.Settings when SettingsFrame.Parse(header, payload, out SettingsFrame settings) is null:
                (isSent ? _received : _sent).Apply(settings);
                break;
        }

        if (header.Type is FrameType.RstStream || (header.Has(FrameFlags.EndStream) && header.Type is FrameType.Data or FrameType.Headers))
        {
            direction.Forget(header.StreamId);
        }

        _report(frame);
    }

    /// <summary>What one end sends: its HPACK state and what it may still send.</summary>
    private sealed class Direction : IFieldSink
    {
        private readonly HpackDecoder _hpack = new();
        private readonly OutputBuffer _block = new();
        private readonly Dictionary<int, StrongBox<long>> _changes = []; // what each stream's window is more or less than the initial size
        private List<KeyValuePair<string, string>> _fields = [];
        private long _connection = 65_535;
        private long _initial = 65_535;

        public (long Stream, long Connection) Consume(int streamId, int octets)
        {
            _connection -= octets;
            return (_initial + Change(streamId, -octets), _connection);
        }

        public void Credit(int streamId, int increment)
        {
            if (streamId == 0)
            {
                _connection += increment;
            }
            else
            {
                Change(streamId, increment);
            }
        }

        public void Apply(in SettingsFrame settings)
        {
            for (int i = 0; i < settings.Count; i++)
            {
                if ((SettingId)settings[i].Identifier == SettingId.InitialWindowSize)
                {
                    _initial = settings[i].Value;
                }
            }
        }

        public void Forget(int streamId) => _changes.Remove(streamId);

        private long Change(int streamId, int by)
        {
            if (!_changes.TryGetValue(streamId, out StrongBox<long>? change))
            {
                _changes[streamId] = change = new StrongBox<long>();
            }

            return change.Value += by;
        }

        public List<KeyValuePair<string, string>> AddFragment(ReadOnlySpan<byte> fragment, bool isLast)
        {
            _block.Write(fragment);
            if (!isLast)
            {
                return [];
            }

            _fields = [];
            if (_hpack.Decode(_block.WrittenSpan, this) is { } error)
            {
                _fields.Add(new("malformed", error.Reason));
            }

            _block.Release();
            return _fields;
        }

        void IFieldSink.OnField(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
        {
            string key = Encoding.Latin1.GetString(name);
            bool secret = _hpack.IsNeverIndexed || SecretFields.Contains(key); // who sends it knows, whatever it is called
            _fields.Add(new(key, secret ? "(not shown)" : Encoding.Latin1.GetString(value)));
        }
    }
}
