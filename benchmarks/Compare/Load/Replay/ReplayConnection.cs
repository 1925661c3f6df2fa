using System.Buffers;
using System.Diagnostics;
using System.Numerics;

namespace MiniGrpc.Benchmarks.Compare.Load.Replay;

/// <summary>
/// One connection: sends requests as long as fewer than the wanted number are open, all that are due in one write, and reads.
/// One loop, so that there is nothing to lock.
/// </summary>
internal sealed class ReplayConnection
{
    // Whole frames are looked at; the largest is 16,384 octets, since no other size was announced.
    private const int InputSize = 64 * 1024;

    private readonly Stream _stream;
    private readonly ReplayRequest _request;
    private readonly int _inFlight;
    private readonly PeerFrames _peer;
    private readonly ArrayBufferWriter<byte> _output = new();
    private readonly byte[] _input = new byte[InputSize];
    private readonly long[] _started;
    private int _inputLength;
    private int _nextId = 1;
    private int _open;
    private long _replies;

    private ReplayConnection(Stream stream, ReplayRequest request, int inFlight)
    {
        _stream = stream;
        _request = request;
        _inFlight = inFlight;
        _peer = new PeerFrames(_output);

        // Streams end out of order. A place is taken again only when its stream has ended, so some to spare keep the load even.
        _started = new long[BitOperations.RoundUpToPowerOf2((uint)inFlight * 4)];
    }

    /// <summary>Opens the connection and waits for the server's SETTINGS.</summary>
    public static async Task<ReplayConnection> OpenAsync(Stream stream, ReplayRequest request, int inFlight)
    {
        var connection = new ReplayConnection(stream, request, inFlight);
        connection._peer.WritePreface();
        while (connection._peer.MaxConcurrentStreams is null)
        {
            await connection.SendAsync();
            await connection.ReceiveAsync();
            connection.Scan(null);
        }

        if (connection._peer.MaxConcurrentStreams < inFlight)
        {
            throw new InvalidOperationException($"The server takes {connection._peer.MaxConcurrentStreams} calls on a connection, not {inFlight}.");
        }

        return connection;
    }

    /// <summary>Makes calls until the load ends, and waits for the last reply.</summary>
    public async Task RunAsync(LoadGenerator load)
    {
        while (true)
        {
            AppendRequests(load);
            await SendAsync();
            if (_open == 0 && !load.Running)
            {
                break;
            }

            await ReceiveAsync();
            Scan(load);
        }

        // A call that fails ends, too, but without a message.
        if (_peer.DataReceived != _replies * _request.DataLength)
        {
            throw new InvalidDataException($"{_replies} replies of {_request.DataLength} B were to come, {_peer.DataReceived} B did.");
        }
    }

    private void AppendRequests(LoadGenerator load)
    {
        long now = Stopwatch.GetTimestamp();
        while (_open < _inFlight && load.Running && _peer.SendWindow >= _request.DataLength && Started(_nextId) == 0)
        {
            Started(_nextId) = now;
            _output.Write(_request.On(_nextId));
            _peer.SendWindow -= _request.DataLength;
            _nextId += 2;
            _open++;
        }
    }

    private ref long Started(int id) => ref _started[(id >> 1) & (_started.Length - 1)];

    private async ValueTask SendAsync()
    {
        if (_output.WrittenCount > 0)
        {
            await _stream.WriteAsync(_output.WrittenMemory);
            _output.ResetWrittenCount();
        }
    }

    private async ValueTask ReceiveAsync()
    {
        int read = await _stream.ReadAsync(_input.AsMemory(_inputLength));
        _inputLength += read;
        if (read == 0)
        {
            throw new EndOfStreamException("The server has closed the connection.");
        }
    }

    /// <summary>Looks at the frames that are whole, and keeps the rest. Without a load there are no streams yet.</summary>
    private void Scan(LoadGenerator? load)
    {
        long now = Stopwatch.GetTimestamp();
        ReadOnlySpan<byte> rest = _input.AsSpan(0, _inputLength);
        while (_peer.TryTake(ref rest, out int endedStream))
        {
            if (endedStream != 0)
            {
                load!.Count(Started(endedStream), now);
                Started(endedStream) = 0;
                _open--;
                _replies++;
            }
        }

        rest.CopyTo(_input);
        _inputLength = rest.Length;
    }
}
