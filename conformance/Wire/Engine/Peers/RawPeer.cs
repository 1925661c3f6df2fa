using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Text;
using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Hpack;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>
/// One end of a connection that is driven by hand: it sends what it is told to, right or wrong, and reads frames one by one.
/// </summary>
/// <remarks>
/// A frame that a test doesn't ask for is kept for when it does, except those that would make the wait pointless: GOAWAY, or
/// RST_STREAM on the stream in question, fail the test at once. It keeps count of the connection's flow-control credit, and
/// fails the test when the engine at the other end sends what it must not (<see cref="SenderRules"/>).
/// </remarks>
/// <param name="transport">What connects the two.</param>
/// <param name="engine">The role of the engine at the other end.</param>
/// <param name="below">What is under its TLS, if there is TLS.</param>
internal partial class RawPeer(ITransport transport, Role engine, ITransport? below = null) : IAsyncDisposable
{
    /// <summary>How long a test waits for what must come. No test depends on it but to fail.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly HpackEncoder _encoder = new();
    private readonly HpackDecoder _decoder = new();
    private readonly List<RawFrame> _kept = [];
    private readonly List<string> _seen = [];
    private readonly List<byte> _block = [];
    private readonly SenderRules _rules = new(engine);
    private Task<TransportFailure?>? _opening;
    private bool _ended;

    /// <summary>What this end may still send on the connection.</summary>
    public long ConnectionCredit { get; private set; } = 65_535;

    /// <summary>The transport, for tests that write in pieces, or look at what they don't take.</summary>
    public ITransport Transport => transport;

    /// <summary>What holds the octets that are under way: the transport itself, or the one under its TLS.</summary>
    public ITransport Below => below ?? transport;

    /// <summary>How the fields of this end's blocks are encoded.</summary>
    public Indexing Indexing { get; set; } = Indexing.Incremental;

    /// <summary>Holds the peer to a smaller header table, which the test has announced.</summary>
    public void LimitHeaderTable(int size) => _decoder.SetMaxTableSize(size);

    /// <summary>Sends octets as they are.</summary>
    public async Task SendAsync(ReadOnlyMemory<byte> octets)
    {
        await OpenAsync();
        await Within(WriteAsync(octets).AsTask(), "the peer to read what was sent");
    }

    /// <summary>Starts to send octets; it is for the test to wait until the peer has read them.</summary>
    public ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> octets)
    {
        Count(octets.Span);
        _rules.Sent(octets.Span);
        return transport.Output.WriteAsync(octets);
    }

    /// <summary>Sends frames.</summary>
    public Task SendAsync(Action<OutputBuffer> write)
    {
        var output = new OutputBuffer();
        write(output);
        return SendAsync(output.WrittenSpan.ToArray());
    }

    /// <summary>Sends a header block, in one HEADERS frame if it fits.</summary>
    public Task HeadersAsync(int streamId, bool endStream, params string[] fields) => SendAsync(o => Headers(o, streamId, endStream, fields));

    /// <summary>Sends DATA.</summary>
    public Task DataAsync(int streamId, byte[] data, bool endStream = false) => SendAsync(o => DataFrame.Write(o, streamId, data, endStream));

    /// <summary>Writes a header block whose fields are given as name=value.</summary>
    public void Headers(OutputBuffer output, int streamId, bool endStream, params ReadOnlySpan<string> fields)
    {
        int offset = HeadersFrame.Begin(output);
        Block(output, fields);
        HeadersFrame.End(output, offset, streamId, endStream, 16_384);
    }

    /// <summary>Encodes a field block without a frame around it.</summary>
    public byte[] Block(params ReadOnlySpan<string> fields)
    {
        var output = new OutputBuffer();
        Block(output, fields);
        return output.WrittenSpan.ToArray();
    }

    /// <summary>The next frame of a type on a stream; whatever else comes is kept.</summary>
    public Task<RawFrame> ExpectAsync(FrameType type, int streamId = 0, FrameFlags flags = FrameFlags.None) => ExpectAsync(
        $"{type} on stream {streamId}",
        streamId,
        frame => frame.Type == type && (frame.Header.Flags & flags) == flags && (flags != FrameFlags.None || !IsAck(frame)));

    /// <summary>The next frame on a stream that is what the test waits for.</summary>
    public async Task<RawFrame> ExpectAsync(string what, int streamId, Func<RawFrame, bool> matches)
    {
        int kept = _kept.FindIndex(frame => frame.StreamId == streamId && matches(frame));
        if (kept >= 0)
        {
            RawFrame found = _kept[kept];
            _kept.RemoveAt(kept);
            return found;
        }

        while (true)
        {
            RawFrame frame = await ReadAsync(what) ?? throw Failure($"the connection ended before {what}");
            if (frame.StreamId == streamId && matches(frame))
            {
                return frame;
            }

            if (frame.Type == FrameType.GoAway || (frame.Type == FrameType.RstStream && frame.StreamId == streamId))
            {
                throw Failure($"{frame} came instead of {what}: {(frame.Type == FrameType.GoAway ? frame.DebugData : "")}");
            }

            _kept.Add(frame);
        }
    }

    /// <summary>RST_STREAM with a code.</summary>
    public async Task ExpectResetAsync(int streamId, ErrorCode code)
    {
        RawFrame frame = await ExpectAsync(FrameType.RstStream, streamId);
        Assert.True(code == frame.ErrorCode, $"RST_STREAM with {frame.ErrorCode} instead of {code}");
    }

    /// <summary>The answer to a connection error: GOAWAY with a code and the last stream, then the end of the connection.</summary>
    public async Task<RawFrame> ExpectGoAwayAndEndAsync(ErrorCode code, int lastStreamId, string section)
    {
        RawFrame frame = await ExpectAsync(FrameType.GoAway);
        Assert.True(code == frame.ErrorCode, $"GOAWAY with {frame.ErrorCode} ({frame.DebugData}) instead of {code}");
        Assert.Equal(lastStreamId, frame.Number);
        Assert.Contains($"section {section})", frame.DebugData, StringComparison.Ordinal);
        await ExpectEndAsync();
        return frame;
    }

    /// <summary>The end of the connection; frames that come before it are kept.</summary>
    public async Task ExpectEndAsync()
    {
        while (await ReadAsync("the end of the connection") is { } frame)
        {
            _kept.Add(frame);
        }
    }

    /// <summary>
    /// Waits until the other end has seen that its SETTINGS were acknowledged: it has answered SETTINGS that were sent after that. A clock
    /// that is moved far would otherwise find it waiting.
    /// </summary>
    protected async Task ExpectAcknowledgedAsync()
    {
        await SendAsync(o => SettingsFrame.Write(o, []));
        await ExpectAsync(FrameType.Settings, 0, FrameFlags.Ack);
    }

    /// <summary>
    /// A round trip: when it is over, the peer has seen everything that was sent, and everything that it sent at once in
    /// answer to that has come in. Frames that come meanwhile are kept.
    /// </summary>
    public async Task RoundTripAsync()
    {
        for (ulong i = 1; i <= 2; i++)
        {
            await SendAsync(o => PingFrame.Write(o, isAck: false, i));
            await ExpectAsync(FrameType.Ping, 0, FrameFlags.Ack);
        }
    }

    /// <summary>Answers a PING.</summary>
    public Task AnswerAsync(RawFrame ping) => SendAsync(o =>
        PingFrame.Write(o, isAck: true, BinaryPrimitives.ReadUInt64BigEndian(ping.Payload)));

    /// <summary>Asserts that nothing has come on a stream but what the test has asked for, up to now.</summary>
    public async Task AssertNothingOnAsync(int streamId)
    {
        await RoundTripAsync();
        Assert.DoesNotContain(_kept, frame => frame.StreamId == streamId && frame.Type != FrameType.WindowUpdate);
    }

    /// <summary>Whether a frame of a type, no answer to one of ours, has come that the test has not asked for.</summary>
    public bool HasKept(FrameType type) => _kept.Exists(frame => frame.Type == type && !IsAck(frame));

    /// <summary>How many frames of a type have come that the test has not asked for.</summary>
    public int CountKept(FrameType type) => _kept.Count(frame => frame.Type == type);

    /// <summary>Sends a frame as it is given, right or wrong.</summary>
    public Task FrameAsync(FrameType type, FrameFlags flags, int streamId, params byte[] payload) => SendAsync(o =>
    {
        new FrameHeader(payload.Length, type, flags, streamId).Write(o);
        o.Write(payload);
    });

    /// <summary>What WINDOW_UPDATE frames that were kept grant to a stream, all together.</summary>
    public int TakeCredit(int streamId)
    {
        int credit = _kept.Where(frame => frame.Type == FrameType.WindowUpdate && frame.StreamId == streamId).Sum(frame => frame.Number);
        _kept.RemoveAll(frame => frame.Type == FrameType.WindowUpdate && frame.StreamId == streamId);
        return credit;
    }

    /// <summary>Waits until at least <paramref name="octets"/> may be sent on the connection; frames that come meanwhile are kept.</summary>
    public async Task WaitForCreditAsync(int octets)
    {
        while (ConnectionCredit < octets)
        {
            _kept.Add(await ReadAsync("WINDOW_UPDATE") ?? throw Failure("the connection ended before WINDOW_UPDATE"));
        }
    }

    /// <summary>Ends this end's direction, as closing a socket does.</summary>
    public Task CloseOutputAsync() => transport.Output.CompleteAsync().AsTask();

    /// <summary>Cuts the connection: the peer's reads and writes fail.</summary>
    public void Cut() => transport.Abort();

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await transport.DisposeAsync();
    }

    /// <summary>Waits for what must come, and says what it was if it doesn't.</summary>
    public static async Task<T> Within<T>(Task<T> task, string what)
    {
        try
        {
            return await task.WaitAsync(Patience);
        }
        catch (TimeoutException)
        {
            throw new Xunit.Sdk.XunitException($"Waited {Patience.TotalSeconds} s in vain for {what}.");
        }
    }

    /// <inheritdoc cref="Within{T}(Task{T}, string)"/>
    public static Task Within(Task task, string what) => Within(AsTask(task), what);

    /// <summary>The TLS handshake, where there is TLS; before the first octet either way.</summary>
    private async Task OpenAsync()
    {
        _opening ??= transport.OpenAsync().AsTask();
        if (await Within(_opening, "the transport to open") is { } failure)
        {
            throw new IOException(failure.Reason, failure.Exception);
        }
    }

    private static async Task<bool> AsTask(Task task)
    {
        await task;
        return true;
    }

    private void Count(ReadOnlySpan<byte> octets)
    {
        while (octets.Length >= FrameHeader.Size && !octets.StartsWith(ConnectionPreface.Octets))
        {
            var header = FrameHeader.Read(octets);
            ConnectionCredit -= header.Type == FrameType.Data ? header.Length : 0;
            octets = octets[int.Min(octets.Length, FrameHeader.Size + header.Length)..];
        }
    }

    private void Block(OutputBuffer output, ReadOnlySpan<string> fields)
    {
        _encoder.BeginBlock(output);
        foreach (string field in fields)
        {
            int equals = field.StartsWith('=') ? 0 : field.IndexOf('=', 1);
            _encoder.Encode(output, Encoding.Latin1.GetBytes(field[..equals]), Encoding.Latin1.GetBytes(field[(equals + 1)..]), Indexing);
        }
    }

    private static bool IsAck(RawFrame frame) => frame.Type is FrameType.Settings or FrameType.Ping && frame.Header.Has(FrameFlags.Ack);

    private Xunit.Sdk.XunitException Failure(string message) =>
        new($"{message}.{Environment.NewLine}Frames so far:{Environment.NewLine}  {string.Join(Environment.NewLine + "  ", _seen)}");
}
