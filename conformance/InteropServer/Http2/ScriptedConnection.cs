using System.Buffers;
using System.IO.Pipelines;

using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Hpack;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Conformance.InteropServer.Http2;

/// <summary>
/// A connection whose frames are sent one by one, as a case wants them: it keeps the windows and gives back what the client asks for,
/// and nothing else is done by itself. For one client that behaves.
/// </summary>
internal sealed class ScriptedConnection(ITransport transport) : IDisposable
{
    /// <summary>So much that a client is never held up by it.</summary>
    private const int Window = 64 * 1024 * 1024;

    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly Lock _lock = new();
    private readonly HpackEncoder _hpack = new();
    private readonly Dictionary<int, long> _credits = [];
    private readonly HashSet<ulong> _unanswered = [];
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _connectionCredit = 65_535;
    private long _initialCredit = 65_535;
    private ulong _pings;

    /// <summary>Streams whose request has begun and whose response hasn't ended.</summary>
    public int OpenStreams { get; private set; }

    /// <summary>Reads to the end of the connection; <paramref name="onRequest"/> is told of every request that is complete.</summary>
    public async Task RunAsync(int? maxConcurrentStreams, Action<int> onRequest)
    {
        await SendAsync(output =>
        {
            List<(SettingId, uint)> settings = [(SettingId.InitialWindowSize, Window)];
            if (maxConcurrentStreams is { } most)
            {
                settings.Add((SettingId.MaxConcurrentStreams, (uint)most));
            }

            SettingsFrame.Write(output, [.. settings]);
            WindowUpdateFrame.Write(output, 0, Window);
        });
        bool isFirst = true;
        while (true)
        {
            ReadResult result = await transport.Input.ReadAsync();
            byte[] octets = result.Buffer.ToArray();
            int consumed = 0;
            if (isFirst && octets.Length >= ConnectionPreface.Length)
            {
                isFirst = false;
                consumed = ConnectionPreface.Length;
            }

            while (!isFirst && octets.Length - consumed >= FrameHeader.Size)
            {
                FrameHeader header = FrameHeader.Read(octets.AsSpan(consumed));
                if (octets.Length - consumed < FrameHeader.Size + header.Length)
                {
                    break;
                }

                await OnFrameAsync(header, octets.AsMemory(consumed + FrameHeader.Size, header.Length), onRequest);
                consumed += FrameHeader.Size + header.Length;
            }

            transport.Input.AdvanceTo(result.Buffer.GetPosition(consumed), result.Buffer.End);
            if (result.IsCompleted)
            {
                return;
            }
        }
    }

    /// <summary>Sends what <paramref name="write"/> writes, in one piece.</summary>
    public async Task SendAsync(Action<OutputBuffer> write)
    {
        await _writing.WaitAsync();
        try
        {
            var output = new OutputBuffer();
            write(output);
            await transport.Output.WriteAsync(output.WrittenMemory);
            output.Release();
        }
        finally
        {
            _writing.Release();
        }
    }

    /// <summary>Sends a header list.</summary>
    public Task SendHeadersAsync(int id, bool endStream, params (string Name, string Value)[] fields) => SendAsync(output =>
    {
        int offset = HeadersFrame.Begin(output);
        _hpack.BeginBlock(output);
        foreach ((string name, string value) in fields)
        {
            _hpack.Encode(output, System.Text.Encoding.ASCII.GetBytes(name), System.Text.Encoding.ASCII.GetBytes(value), Indexing.Without);
        }

        HeadersFrame.End(output, offset, id, endStream, 16_384);
        if (endStream)
        {
            NoteEnd(id);
        }
    });

    /// <summary>Sends a DATA frame, as soon as the windows have room for it and its padding.</summary>
    public async Task SendDataAsync(int id, ReadOnlyMemory<byte> data, byte? padding = null)
    {
        int octets = data.Length + (padding is { } length ? 1 + length : 0);
        await WaitUntilAsync(() =>
        {
            if (_connectionCredit < octets || CreditOf(id) < octets)
            {
                return false;
            }

            _connectionCredit -= octets;
            _credits[id] = CreditOf(id) - octets;
            return true;
        });
        await SendAsync(output =>
        {
            if (padding is { } pad)
            {
                DataFrame.Write(output, id, data.Span, endStream: false, pad);
            }
            else
            {
                DataFrame.Write(output, id, data.Span, endStream: false);
            }
        });
    }

    public Task SendResetAsync(int id, ErrorCode code) => SendAsync(output =>
    {
        RstStreamFrame.Write(output, id, code);
        NoteEnd(id);
    });

    public Task SendPingAsync() => SendAsync(output =>
    {
        lock (_lock)
        {
            _unanswered.Add(++_pings);
        }

        PingFrame.Write(output, isAck: false, _pings);
    });

    /// <summary>Done when the client has answered every PING.</summary>
    public Task WaitForAnswersAsync() => WaitUntilAsync(() => _unanswered.Count == 0);

    public void Dispose() => _writing.Dispose();

    private async Task OnFrameAsync(FrameHeader header, ReadOnlyMemory<byte> payload, Action<int> onRequest)
    {
        switch (header.Type)
        {
            case FrameType.Settings when !header.Has(FrameFlags.Ack):
                SettingsFrame.Parse(header, payload.Span, out SettingsFrame settings);
                for (int i = 0; i < settings.Count; i++)
                {
                    if (settings[i] is ((ushort)SettingId.InitialWindowSize, var size))
                    {
                        Change(() => _initialCredit = size);
                    }
                }

                await SendAsync(SettingsFrame.WriteAck);
                break;
            case FrameType.Ping:
                PingFrame.Parse(header, payload.Span, out PingFrame ping);
                if (ping.IsAck)
                {
                    Change(() => _unanswered.Remove(ping.OpaqueData));
                }
                else
                {
                    await SendAsync(output => PingFrame.Write(output, isAck: true, ping.OpaqueData));
                }

                break;
            case FrameType.WindowUpdate:
                WindowUpdateFrame.Parse(header, payload.Span, out WindowUpdateFrame update);
                Change(() =>
                {
                    if (header.StreamId == 0)
                    {
                        _connectionCredit += update.Increment;
                    }
                    else
                    {
                        _credits[header.StreamId] = CreditOf(header.StreamId) + update.Increment;
                    }
                });
                break;
            case FrameType.Headers:
                Change(() => OpenStreams++);
                goto case FrameType.Data;
            case FrameType.Data:
                if (header.Length > 0 && header.Type == FrameType.Data)
                {
                    await SendAsync(output => WindowUpdateFrame.Write(output, 0, header.Length));
                }

                if (header.Has(FrameFlags.EndStream))
                {
                    onRequest(header.StreamId);
                }

                break;
        }
    }

    private long CreditOf(int id) => _credits.TryGetValue(id, out long credit) ? credit : _initialCredit;

    private void NoteEnd(int id) => Change(() =>
    {
        OpenStreams--;
        _credits.Remove(id);
    });

    private void Change(Action change)
    {
        TaskCompletionSource changed;
        lock (_lock)
        {
            change();
            changed = _changed;
            _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        changed.SetResult();
    }

    /// <summary>Asks again after every change. A client that never does what is waited for ends the wait with its connection.</summary>
    private async Task WaitUntilAsync(Func<bool> condition)
    {
        while (true)
        {
            Task changed;
            lock (_lock)
            {
                if (condition())
                {
                    return;
                }

                changed = _changed.Task;
            }

            await changed;
        }
    }
}
