using System.Buffers.Binary;
using System.Runtime.InteropServices;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>
/// What an engine may send: every frame of ours that a raw peer reads is held to RFC 9113's rules for senders, whatever the test
/// is about. It hears both directions as the raw peer sees them, which is late: what the peer has said binds the engine from the
/// answer to a PING on that was sent after it.
/// </summary>
/// <param name="engine">Which end the engine is.</param>
internal sealed partial class SenderRules(Role engine)
{
    private readonly Lock _lock = new();
    private readonly List<byte> _outgoing = [];
    private readonly Dictionary<int, View> _streams = [];
    private readonly Queue<(SettingId Id, uint Value)[]> _settings = new();
    private readonly Queue<(ulong Data, int[] Heard, bool GoAway)> _pings = new();
    private bool _prefaceSent = engine == Role.Client;
    private bool _started;
    private bool _goAwaySent;
    private bool _goAwayHeard;
    private int _blockOf;
    private int _lastOpened;
    private uint _lastStreamId = int.MaxValue;
    private uint _maxFrameSize = 16_384;
    private uint _maxConcurrent = uint.MaxValue;
    private long _initialWindow = 65_535;
    private long _connectionWindow = 65_535;

    /// <summary>Hears what the raw peer sends, in whatever pieces.</summary>
    public void Sent(ReadOnlySpan<byte> octets)
    {
        lock (_lock)
        {
            _outgoing.AddRange(octets);
            if (!_prefaceSent && _outgoing.Count >= ConnectionPreface.Length)
            {
                _prefaceSent = true;
                _outgoing.RemoveRange(0, ConnectionPreface.Length);
            }

            int at = 0;
            ReadOnlySpan<byte> pending = CollectionsMarshal.AsSpan(_outgoing);
            while (_prefaceSent && pending.Length - at >= FrameHeader.Size)
            {
                var header = FrameHeader.Read(pending[at..]);
                int end = at + FrameHeader.Size + header.Length;
                if (end > pending.Length)
                {
                    break;
                }

                Hear(header, pending[(at + FrameHeader.Size)..end]);
                at = end;
            }

            _outgoing.RemoveRange(0, at);
        }
    }

    /// <summary>Judges a frame of the engine: what is wrong with it, or null.</summary>
    public string? Received(ReadOnlySpan<byte> nine, ReadOnlySpan<byte> payload)
    {
        lock (_lock)
        {
            var header = FrameHeader.Read(nine);
            return JudgeFrame(header, (nine[5] & 0x80) != 0, payload) ?? header.Type switch
            {
                FrameType.Settings => JudgeSettings(header, payload),
                FrameType.Ping => JudgePing(header, payload),
                FrameType.GoAway => JudgeGoAway(header, payload),
                FrameType.WindowUpdate when header.StreamId == 0 => JudgeIncrement(payload),
                _ => JudgeStreamFrame(header, payload),
            };
        }
    }

    private string? JudgeFrame(in FrameHeader header, bool reservedBit, ReadOnlySpan<byte> payload)
    {
        FrameFlags known = header.Type switch
        {
            FrameType.Data => FrameFlags.EndStream,
            FrameType.Headers => FrameFlags.EndStream | FrameFlags.EndHeaders,
            FrameType.Continuation => FrameFlags.EndHeaders,
            FrameType.Settings or FrameType.Ping => FrameFlags.Ack,
            _ => FrameFlags.None,
        };
        if (!_started && (header.Type != FrameType.Settings || header.Has(FrameFlags.Ack)))
        {
            return "the first frame has to be SETTINGS (section 3.4)";
        }

        _started = true;
        if (_blockOf != 0 && (header.Type != FrameType.Continuation || header.StreamId != _blockOf))
        {
            return "a frame between those of a field block (section 4.3)";
        }

        return payload.Length > _maxFrameSize ? "longer than the peer's SETTINGS_MAX_FRAME_SIZE (section 4.2)"
            : reservedBit ? "the reserved bit is set (section 4.1)"
            : (header.Flags & ~known) != 0 ? "a flag that has no meaning here, or padding, which we never send (section 4.1)"
            : header.Type is FrameType.PushPromise or FrameType.Priority or > FrameType.Continuation ? "a type that we never send"
            : null;
    }

    private string? JudgeSettings(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (header.StreamId != 0 || payload.Length % 6 != 0)
        {
            return "SETTINGS on a stream, or with part of a setting (section 6.5)";
        }

        if (header.Has(FrameFlags.Ack))
        {
            return payload.Length != 0 ? "an acknowledgement with a payload (section 6.5)"
                : _settings.TryDequeue(out (SettingId, uint)[]? acknowledged) ? Apply(acknowledged)
                : "an acknowledgement of nothing (section 6.5.3)";
        }

        foreach ((SettingId id, uint value) in Read(payload))
        {
            if ((id == SettingId.EnablePush && value > (engine == Role.Client ? 1 : 0))
                || (id == SettingId.InitialWindowSize && value > int.MaxValue)
                || (id == SettingId.MaxFrameSize && value is < 16_384 or > 16_777_215))
            {
                return $"{id}={value} is out of range (section 6.5.2)";
            }
        }

        return null;
    }

    private string? JudgePing(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (header.StreamId != 0 || payload.Length != 8)
        {
            return "PING on a stream, or without its eight octets (section 6.7)";
        }

        if (!header.Has(FrameFlags.Ack))
        {
            return null;
        }

        if (!_pings.TryDequeue(out (ulong Data, int[] Heard, bool GoAway) ping) || ping.Data != BinaryPrimitives.ReadUInt64BigEndian(payload))
        {
            return "the answer to a PING that was never sent (section 6.7)";
        }

        _goAwayHeard |= ping.GoAway;
        Array.ForEach(ping.Heard, id => _streams[id].EndHeard = true);
        return null;
    }

    private string? JudgeGoAway(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (header.StreamId != 0 || payload.Length < 8)
        {
            return "GOAWAY on a stream, or too short (section 6.8)";
        }

        uint last = BinaryPrimitives.ReadUInt32BigEndian(payload);
        if (last > _lastStreamId)
        {
            return $"the last stream identifier rises from {_lastStreamId} to {last} (section 6.8)";
        }

        _lastStreamId = last;
        return null;
    }

    private string? Apply((SettingId Id, uint Value)[] settings)
    {
        foreach ((SettingId id, uint value) in settings)
        {
            _maxFrameSize = id == SettingId.MaxFrameSize ? value : _maxFrameSize;
            _maxConcurrent = id == SettingId.MaxConcurrentStreams ? value : _maxConcurrent;
            _initialWindow = id == SettingId.InitialWindowSize ? value : _initialWindow; // for streams to come and those there are (section 6.9.2)
        }

        return null;
    }

    private void Hear(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        bool ack = header.Has(FrameFlags.Ack);
        switch (header.Type)
        {
            case FrameType.Settings when !ack && header.StreamId == 0 && payload.Length % 6 == 0:
                _settings.Enqueue(Read(payload));
                break;
            case FrameType.Ping when !ack && header.StreamId == 0 && payload.Length == 8:
                int[] over = [.. _streams.Where(stream => stream.Value.PeerEnded || stream.Value.PeerReset).Select(stream => stream.Key)];
                _pings.Enqueue((BinaryPrimitives.ReadUInt64BigEndian(payload), over, _goAwaySent));
                break;
            case FrameType.GoAway:
                _goAwaySent = true;
                break;
            case FrameType.WindowUpdate when payload.Length == 4:
                int increment = (int)(BinaryPrimitives.ReadUInt32BigEndian(payload) & int.MaxValue);
                _connectionWindow += header.StreamId == 0 ? increment : 0;
                if (_streams.TryGetValue(header.StreamId, out View? credited))
                {
                    credited.Credit += increment;
                }

                break;
            case FrameType.RstStream when _streams.TryGetValue(header.StreamId, out View? reset):
                reset.PeerReset = true;
                break;
            case FrameType.Headers or FrameType.Data:
                if (engine == Role.Server && header.Type == FrameType.Headers)
                {
                    _streams.TryAdd(header.StreamId, new View());
                }

                if (_streams.TryGetValue(header.StreamId, out View? stream))
                {
                    stream.PeerEnded |= header.Has(FrameFlags.EndStream);
                }

                break;
            default:
                break;
        }
    }

    private static (SettingId Id, uint Value)[] Read(ReadOnlySpan<byte> payload)
    {
        var settings = new (SettingId, uint)[payload.Length / 6];
        for (int i = 0; i < settings.Length; i++)
        {
            settings[i] = ((SettingId)BinaryPrimitives.ReadUInt16BigEndian(payload[(6 * i)..]), BinaryPrimitives.ReadUInt32BigEndian(payload[((6 * i) + 2)..]));
        }

        return settings;
    }

    /// <summary>A stream as the raw peer knows it.</summary>
    private sealed class View
    {
        /// <summary>The engine has sent END_STREAM.</summary>
        public bool HasEnded { get; set; }

        /// <summary>The engine has sent RST_STREAM.</summary>
        public bool WasReset { get; set; }

        /// <summary>The raw peer has sent END_STREAM.</summary>
        public bool PeerEnded { get; set; }

        /// <summary>The raw peer has sent RST_STREAM.</summary>
        public bool PeerReset { get; set; }

        /// <summary>The engine has heard of it.</summary>
        public bool EndHeard { get; set; }

        /// <summary>What the peer's WINDOW_UPDATE have granted, less what was used.</summary>
        public long Credit { get; set; }

        /// <summary>Whether it no longer counts, as far as the engine may know.</summary>
        public bool IsOver => WasReset || PeerReset || (HasEnded && PeerEnded);

        public string? Refuses(FrameType type) =>
            WasReset ? "a frame after RST_STREAM (section 5.4.2)"
            : EndHeard && PeerReset ? "a frame on a stream that the peer has reset (section 6.4)"
            : EndHeard && PeerEnded && HasEnded ? "a frame on a stream that both ends have ended (section 5.1)"
            : HasEnded && type is FrameType.Data or FrameType.Headers ? "a frame after END_STREAM (section 5.1)"
            : null;
    }
}
