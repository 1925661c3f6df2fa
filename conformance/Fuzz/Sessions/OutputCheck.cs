using System.Buffers;
using System.IO.Pipelines;
using MiniGrpc.Conformance.Fuzz.Engine;
using MiniGrpc.Wire.Hpack;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Conformance.Fuzz.Sessions;

/// <summary>
/// Reads what our side of a connection sends, and holds it to the RFC whatever the other side has done: whole frames, blocks
/// that decode, and nothing on a stream that we have ended (RFC 9113 sections 4, 5.1 and 6).
/// </summary>
internal sealed class OutputCheck : IFieldSink
{
    private readonly Features _features;
    private readonly HpackDecoder _hpack = new(int.MaxValue);
    private readonly List<byte> _block = [];
    private readonly HashSet<int> _ended = [];
    private readonly HashSet<int> _reset = [];
    private readonly Lock _lock = new();
    private readonly List<(int Count, TaskCompletionSource Signal)> _waiting = [];
    private int _openBlock;
    private int _opened;
    private int _frames;
    private bool _started;
    private bool _over;

    /// <summary>Begins to read the other end of our side's connection.</summary>
    public OutputCheck(ITransport transport, Features features)
    {
        Transport = transport;
        _features = features;
        Reading = ReadAsync();
    }

    /// <summary>How many frames have come.</summary>
    public int Frames => Volatile.Read(ref _frames);

    /// <summary>What is read.</summary>
    public ITransport Transport { get; }

    /// <summary>Completes at the end of what is sent; fails when it breaks a rule.</summary>
    public Task Reading { get; }

    private async Task ReadAsync()
    {
        try
        {
            ReadResult result;
            do
            {
                result = await Transport.Input.ReadAsync();
                long consumed = Read(result.Buffer);
                Transport.Input.AdvanceTo(result.Buffer.GetPosition(consumed), result.Buffer.End);
            }
            while (!result.IsCompleted);
        }
        catch (IOException)
        {
            _features.Add("aborted");
        }
        finally
        {
            lock (_lock)
            {
                _over = true;
                _waiting.ForEach(waiting => waiting.Signal.TrySetResult());
            }
        }
    }

    /// <summary>Completes when so many streams have been opened, or the end has come.</summary>
    public Task OpenedAsync(int count)
    {
        lock (_lock)
        {
            if (_opened >= count || _over)
            {
                return Task.CompletedTask;
            }

            var signal = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Add((count, signal));
            return signal.Task;
        }
    }

    /// <inheritdoc />
    public void OnField(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        if (name.SequenceEqual("grpc-status"u8) || name.SequenceEqual(":status"u8))
        {
            _features.Add(System.Text.Encoding.Latin1.GetString(value));
        }
    }

    private long Read(in ReadOnlySequence<byte> buffer)
    {
        byte[] octets = buffer.ToArray();
        int position = 0;
        if (!_started)
        {
            if (octets.AsSpan().StartsWith("HTTP/1.1 400"u8))
            {
                return octets.Length;
            }

            position = octets.AsSpan().StartsWith(ConnectionPreface.Octets) ? ConnectionPreface.Length : 0;
        }

        while (octets.Length - position >= FrameHeader.Size)
        {
            FrameHeader header = FrameHeader.Read(octets.AsSpan(position));
            if (octets.Length - position - FrameHeader.Size < header.Length)
            {
                break;
            }

            OnFrame(header, octets.AsSpan(position + FrameHeader.Size, header.Length));
            position += FrameHeader.Size + header.Length;
        }

        return position;
    }

    private void OnFrame(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        FuzzException.Require(_started || header.Type == FrameType.Settings, $"our first frame is {header}");
        FuzzException.Require(_openBlock == 0 || header is { Type: FrameType.Continuation } && header.StreamId == _openBlock, $"{header} within a field block");
        _started = true;
        Interlocked.Increment(ref _frames);
        int id = header.StreamId;
        if (id != 0)
        {
            FuzzException.Require(!_reset.Contains(id), $"{header} after RST_STREAM");
            FuzzException.Require(
                !_ended.Contains(id) || header.Type is FrameType.RstStream or FrameType.WindowUpdate, $"{header} after END_STREAM");
        }

        switch (header.Type)
        {
            case FrameType.Headers or FrameType.Continuation:
                OnBlock(header, payload);
                break;
            case FrameType.RstStream:
                _reset.Add(id);
                _features.Add("our reset", payload[3]);
                return;
            case FrameType.GoAway:
                string reason = System.Text.Encoding.Latin1.GetString(payload[8..]);
                _features.Add(reason[int.Max(0, reason.LastIndexOf('('))..], payload[7]); // the section that was broken
                return;
            case FrameType.WindowUpdate:
                FuzzException.Require(payload.ContainsAnyExcept((byte)0), "a WINDOW_UPDATE of nothing");
                break;
        }

        if (header.Type is FrameType.Data or FrameType.Headers && header.Has(FrameFlags.EndStream))
        {
            _ended.Add(id);
        }

        _features.Add("our frame", (byte)header.Type, (byte)header.Flags);
    }

    private void OnBlock(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        _block.AddRange(payload);
        _openBlock = header.Has(FrameFlags.EndHeaders) ? 0 : header.StreamId;
        if (_openBlock == 0)
        {
            HpackError? error = _hpack.Decode(_block.ToArray(), this);
            FuzzException.Require(error is null, $"our field block can't be decoded: {error}");
            _block.Clear();
        }

        if (header.Type == FrameType.Headers)
        {
            lock (_lock)
            {
                _opened++;
                _waiting.ForEach(waiting => _ = _opened >= waiting.Count && waiting.Signal.TrySetResult());
            }
        }
    }
}
