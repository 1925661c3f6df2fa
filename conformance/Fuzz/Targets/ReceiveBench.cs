using System.Runtime.CompilerServices;
using MiniGrpc.Conformance.Fuzz.Engine;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Hpack;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Fuzz.Targets;

/// <summary>What the outbound half does meanwhile; it stands in the input as a frame of a type that the engine ignores.</summary>
internal enum LocalCommand : byte
{
    /// <summary>A client opens its next stream.</summary>
    Open,

    /// <summary>Our half of a stream ends.</summary>
    End,

    /// <summary>We reset a stream.</summary>
    Reset,

    /// <summary>A server sends the header list of its response.</summary>
    Answer,
}

/// <summary>
/// A <see cref="ReceiveSide"/> between octets and a log of its reports. It takes part as the outbound half would, and checks
/// what must always hold.
/// </summary>
internal sealed class ReceiveBench : IReceiveSink
{
    /// <summary>How many combinations of role and limits there are.</summary>
    public const int Configurations = 2 * 3;

    /// <summary>Frames of unknown types are ignored (RFC 9113 section 5.5): these carry commands.</summary>
    private const byte FirstCommandType = 0xf0;

    private static readonly ReceiveLimits[] s_limits =
    [
        new(),
        new(MaxHeaderListSize: 200, HeaderTableSize: 100, MaxConcurrentStreams: 2),
        new(StreamWindow: 100, ConnectionWindow: 200) { Abuse = new AbuseLimits { ReceiveQueue = 100 } },
    ];

    private readonly ReceiveLimits _limits;
    private readonly Role _role;
    private readonly Features? _features;
    private readonly bool _forgets;
    private readonly StreamStack _retired = new();
    private readonly ReceiveSide _side;
    private readonly Dictionary<int, BenchStream> _all = [];
    private Http2Stream? _opened;
    private int _nextId = 1;

    /// <summary>
    /// A bench that <paramref name="forgets"/> knows no field block of before: it decodes each of them, however often it comes.
    /// </summary>
    public ReceiveBench(byte configuration, Features? features, bool forgets = false)
    {
        _forgets = forgets;
        _role = RoleOf(configuration);
        _limits = s_limits[configuration / 2 % s_limits.Length];
        _features = features;
        _side = new ReceiveSide(_role, _limits, this, _retired);
    }

    /// <summary>The reports, but for those of credit, which depend on how the octets are cut.</summary>
    public List<string> Log { get; } = [];

    /// <summary>The role that an input asks for.</summary>
    public static Role RoleOf(byte configuration) => configuration % 2 == 0 ? Role.Server : Role.Client;

    /// <summary>Whether the connection's window is so small that an input can use it up.</summary>
    public static bool WindowMatters(byte configuration) => s_limits[configuration / 2 % s_limits.Length].ConnectionWindow < 64 * 1024;

    /// <summary>Writes a command.</summary>
    public static void WriteCommand(OutputBuffer output, LocalCommand command, int streamId) =>
        new FrameHeader(0, (FrameType)(FirstCommandType + (byte)command), FrameFlags.None, streamId).Write(output);

    /// <summary>Feeds octets up to each of <paramref name="cuts"/>; what was not consumed comes again with the next piece.</summary>
    public void Feed(byte[] octets, IEnumerable<int> cuts)
    {
        int consumed = 0;
        int commands = 0; // where the next frame begins that has not been looked at for a command
        foreach (int cut in cuts)
        {
            while (NextCommand(octets, ref commands, cut) is { } command)
            {
                consumed += Receive(octets.AsSpan(consumed..commands));
                Obey(command);
            }

            consumed += Receive(octets.AsSpan(consumed..cut));
        }

        if (_side.Error is { } error)
        {
            int reports = Log.Count;
            FuzzException.RequireEqual(0, _side.Receive(octets.AsSpan(consumed), now: 0), "octets taken after the end");
            FuzzException.RequireEqual(reports, Log.Count, "reports after the end");
            FuzzException.RequireEqual(ErrorScope.Connection, error.Scope, "the scope of what ended the connection");
            Note($"connection error {error.Code} {error.Section}", error.Section, (int)error.Code);
        }
    }

    private int Receive(ReadOnlySpan<byte> octets)
    {
        if (_forgets)
        {
            Repeated(_side) = null;
        }

        int consumed = _side.Receive(octets, now: 0);
        ReadOnlySpan<byte> rest = octets[consumed..];
        FuzzException.Require(
            _side.Error is not null || rest.Length < FrameHeader.Size || rest.Length < FrameHeader.Size + FrameHeader.Read(rest).Length,
            "a whole frame was left lying");
        FuzzException.Require(_role == Role.Client || _side.Streams.Count <= _limits.MaxConcurrentStreams, "more streams than allowed");
        long available = Available(_side.Window);
        FuzzException.Require(available >= 0 || _side.Error is { Code: ErrorCode.FlowControlError }, "the window is below zero");
        FuzzException.Require(
            _side.Error is not null || available + Owed(_side.Window) == _side.Window.Size, "octets of the window have got lost");
        foreach (Http2Stream stream in _side.Streams)
        {
            FuzzException.Require(stream.State.Current is not (StreamState.Closed or StreamState.Idle), $"{stream.Id} is {stream.State.Current} and still there");
        }

        return consumed;
    }

    /// <summary>The next command whose frame lies before <paramref name="end"/>; the frames before it have been passed.</summary>
    private static FrameHeader? NextCommand(byte[] octets, ref int position, int end)
    {
        while (position + FrameHeader.Size <= end)
        {
            FrameHeader header = FrameHeader.Read(octets.AsSpan(position));
            if (position + FrameHeader.Size + header.Length > end)
            {
                return null;
            }

            position += FrameHeader.Size + header.Length;
            if ((byte)header.Type >= FirstCommandType)
            {
                return header;
            }
        }

        return null;
    }

    private void Obey(in FrameHeader header)
    {
        if (_side.Error is not null)
        {
            return;
        }

        var command = (LocalCommand)(((byte)header.Type - FirstCommandType) % 4);
        if (command == LocalCommand.Open && _role == Role.Client)
        {
            var opened = new BenchStream(this) { Id = _nextId, NextOpened = _opened };
            opened.State.Apply(StreamInput.SendHeaders);
            _nextId += 2;
            _all[opened.Id] = opened;
            _opened = opened;
        }
        else if (_all.TryGetValue(header.StreamId, out BenchStream? stream))
        {
            Apply(stream, command);
        }
    }

    private void Apply(BenchStream stream, LocalCommand command)
    {
        StreamInput input = command switch
        {
            LocalCommand.Reset => StreamInput.SendRstStream,
            LocalCommand.End => StreamInput.SendDataEndStream,
            _ => StreamInput.SendHeaders,
        };
        stream.WasResetByUs |= command == LocalCommand.Reset;
        if (stream.State.Apply(input) is { IsAllowed: true, BecameClosed: true })
        {
            stream.IsOver = true;
            _retired.Push(stream);
        }
    }

    private void Note(string report, string feature, long detail = 0)
    {
        Log.Add(report);
        _features?.Add(feature, (long)_role, detail);
    }

    bool IReceiveSink.IsBacklogged => false;

    Http2Stream? IReceiveSink.OpenStream(int id)
    {
        FuzzException.Require(!_all.ContainsKey(id), $"stream {id} is opened twice");
        return _all[id] = new BenchStream(this);
    }

    Http2Stream? IReceiveSink.TakeOpened() => Interlocked.Exchange(ref _opened, null);

    void IReceiveSink.OnClosed(Http2Stream stream)
    {
        FuzzException.RequireEqual(StreamState.Closed, stream.State.Current, "the state of a stream that is reported as closed");
        Note($"{stream.Id} closed", "closed");
    }

    void IReceiveSink.OnStreamError(Http2Stream? stream, ProtocolError error)
    {
        FuzzException.RequireEqual(ErrorScope.Stream, error.Scope, "the scope of a stream error");
        FuzzException.Require(error.StreamId != 0, "a stream error without a stream");
        Note($"{error.StreamId} stream error {error.Code} {error.Section}", error.Section, -(int)error.Code);
        if (stream is BenchStream known)
        {
            Apply(known, LocalCommand.Reset);
        }
    }

    ProtocolError? IReceiveSink.OnSettings(in SettingsFrame frame)
    {
        Note($"settings {frame.Count}", "settings");
        return null;
    }

    void IReceiveSink.OnSettingsAcknowledged() => Note("settings acknowledged", "settings acknowledged");

    ProtocolError? IReceiveSink.OnPing(in PingFrame frame, long now)
    {
        Note($"ping {frame.IsAck}", "ping", frame.IsAck ? 1 : 0);
        return null;
    }

    void IReceiveSink.OnGoAway(in GoAwayFrame frame) => Note($"goaway {frame.ErrorCode}", "goaway");

    ProtocolError? IReceiveSink.OnWindowUpdate(Http2Stream? stream, int increment)
    {
        FuzzException.Require(increment > 0, "an increment of nothing");
        Note($"{stream?.Id ?? 0} window", "window", (int)(stream?.State.Current ?? StreamState.Idle));
        return null;
    }

    ProtocolError? IReceiveSink.OnLateWindowUpdate()
    {
        Note("late window", "late window");
        return null;
    }

    void IReceiveSink.OnConnectionCredit(int increment, bool withPing) => FuzzException.Require(increment > 0, "credit of nothing");

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_repeated")]
    private static extern ref RepeatedBlocks? Repeated(ReceiveSide side);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_available")]
    private static extern ref long Available(ConnectionReceiveWindow window);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_owed")]
    private static extern ref long Owed(ConnectionReceiveWindow window);

    private static string Text(HeaderList fields) => $"{fields.Count} #{OctetHash.Of(fields.ToArray())}";

    /// <summary>A stream that knows in which order it may be told what.</summary>
    private sealed class BenchStream(ReceiveBench bench) : Http2Stream
    {
        private bool _headers;
        private bool _ended;

        /// <summary>Whether our half has closed it.</summary>
        public bool IsOver { get; set; }

        internal override ProtocolError? OnHeaders(HeaderList fields, bool endStream)
        {
            RequireOrder(!_headers && !_ended, "headers");
            _headers = true;
            _ended = endStream;
            bench.Note($"{Id} headers {Text(fields)} {endStream}", "headers", (int)State.Current);
            return null;
        }

        internal override ProtocolError? OnTrailers(HeaderList fields)
        {
            RequireOrder(_headers && !_ended, "trailers");
            _ended = true;
            bench.Note($"{Id} trailers {Text(fields)}", "trailers", (int)State.Current);
            return null;
        }

        internal override ProtocolError? OnData(ReadOnlySpan<byte> data, int padding, bool endStream)
        {
            RequireOrder(_headers && !_ended, "data");
            _ended = endStream;
            bench.Note($"{Id} data {data.Length} +{padding} {endStream}", "data", (int)State.Current);
            return null;
        }

        internal override void OnReset(ErrorCode code)
        {
            RequireOrder(true, "a reset");
            bench.Note($"{Id} reset {code}", "reset");
        }

        internal override void OnStreamError(ProtocolError error) => bench.Note($"{Id} told of {error.Code}", "told");

        internal override void OnConnectionEnded(string reason) => bench.Note($"{Id} connection ended", "connection ended");

        internal override void OnSendCapacity() => bench.Note($"{Id} capacity", "capacity");

        private void RequireOrder(bool inOrder, string what) =>
            FuzzException.Require(inOrder && !IsOver, $"{what} on stream {Id}, out of order (headers {_headers}, ended {_ended}, closed by us {IsOver})");
    }
}
