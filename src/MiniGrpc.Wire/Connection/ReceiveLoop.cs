using System.Buffers;
using System.IO.Pipelines;

using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Wire.Connection;

/// <summary>
/// Reads the transport and feeds the <see cref="ReceiveSide"/>, until the transport ends or the peer breaks the connection.
/// </summary>
/// <remarks>
/// Threading: it owns the inbound half, but for the time in which it waits: then whoever tidies up may take it. It never runs user
/// code and never waits for anything but input.
/// </remarks>
internal sealed class ReceiveLoop
{
    private static readonly ConnectionEnd s_aborted = new("the connection was aborted");

    private readonly Http2Connection _connection;
    private readonly ReceiveSide _receive;
    private readonly Role _role;
    private Loan _inbound;
    private bool _prefaceReceived;

    public ReceiveLoop(Http2Connection connection, ReceiveSide receive, Role role)
    {
        _connection = connection;
        _receive = receive;
        _role = role;
    }

    /// <summary>Runs to the end of the input and says why it ended. Doesn't throw.</summary>
    public async Task<ConnectionEnd> RunAsync()
    {
        PipeReader input = _connection.Transport.Input;
        LoopPosts posts = _connection.Posts;
        bool held = false;
        try
        {
            while (true)
            {
                ReadResult result;
                _inbound.Lend();
                try
                {
                    if (!held)
                    {
                        // Whatever the connection waits for next, it holds no buffer meanwhile: an idle one may still have streams open now.
                        await posts.WhileWaiting(_connection.Transport.WaitForInputAsync());
                    }

                    posts.PostAlone(); // there was no wait: the pool runs it
                    result = await input.ReadAsync().ConfigureAwait(false);
                }
                finally
                {
                    _inbound.TakeBack();
                }

                ReadOnlySequence<byte> buffer = result.Buffer;
                posts.BeginBatch();
                ConnectionEnd? end = Receive(buffer, out long consumed);
                posts.EndBatch();
                held = end is null && _connection.IsBacklogged;
                if (end is null && result.IsCompleted && !held)
                {
                    end = EndOfInput(buffer.Slice(consumed));
                }

                // What is held back counts as not looked at, so that the next read gives it again at once.
                SequencePosition position = end is null ? buffer.GetPosition(consumed) : buffer.End;
                input.AdvanceTo(position, held ? position : buffer.End);
                if (end is not null || result.IsCanceled)
                {
                    return end ?? s_aborted;
                }

                if (held)
                {
                    await _connection.WaitForAnswersToLeaveAsync().ConfigureAwait(false);
                    if (_connection.IsEnding)
                    {
                        // The octets that are held would be read again and again: the transport doesn't tell of its end before it has given them.
                        return s_aborted;
                    }
                }
            }
        }
        catch (Exception e) when (e is IOException or System.Net.Sockets.SocketException or ObjectDisposedException or OperationCanceledException)
        {
            return new ConnectionEnd($"the connection to {_connection.Transport.RemoteAddress} broke: {e.Message}", Exception: e);
        }
        catch (Exception e)
        {
            // A trace or a logger that throws, or a mistake of ours: whatever it is, it ends this connection and is told to its calls.
            return new ConnectionEnd($"an internal error ended the connection to {_connection.Transport.RemoteAddress}: {e.Message}", Exception: e);
        }
        finally
        {
            posts.EndBatch();
            posts.PostAlone();
        }
    }

    /// <summary>
    /// From another thread: while the loop waits, lets go of what the next frame would let go of, and of what only a busy connection
    /// needs. False when the loop is at work and will do it itself.
    /// </summary>
    public bool TryTidy()
    {
        if (!_inbound.TryBorrow())
        {
            return false;
        }

        try
        {
            _receive.Tidy();
        }
        finally
        {
            _inbound.GiveBack();
        }

        return true;
    }

    /// <summary>Reads on and throws away, so that closing doesn't cut off what the peer has yet to receive from us.</summary>
    public async Task DrainAsync()
    {
        PipeReader input = _connection.Transport.Input;
        try
        {
            ReadResult result;
            do
            {
                result = await input.ReadAsync().ConfigureAwait(false);
                input.AdvanceTo(result.Buffer.End);
            }
            while (!result.IsCompleted && !result.IsCanceled);
        }
        catch (Exception e) when (e is IOException or System.Net.Sockets.SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // The end is what was waited for; how it came about no longer matters.
        }
    }

    private ConnectionEnd? Receive(in ReadOnlySequence<byte> buffer, out long consumed)
    {
        if (buffer.IsSingleSegment)
        {
            return Receive(buffer.FirstSpan, out consumed);
        }

        // The slow path gathers the segments and calls the same parser.
        int length = checked((int)buffer.Length);
        byte[] gathered = BytePool.Rent(length);
        buffer.CopyTo(gathered);
        ConnectionEnd? end = Receive(gathered.AsSpan(0, length), out consumed);
        BytePool.Return(gathered);
        return end;
    }

    private ConnectionEnd? Receive(ReadOnlySpan<byte> octets, out long consumed)
    {
        consumed = 0;
        if (!_prefaceReceived)
        {
            PrefaceVerdict verdict = _role == Role.Server ? ConnectionPreface.Judge(octets) : ConnectionPreface.JudgeServer(octets);
            if (verdict == PrefaceVerdict.NeedMore)
            {
                return null;
            }

            if (verdict != PrefaceVerdict.Valid || _connection.IsUnexpectedPlaintext)
            {
                return _connection.OnWrongProtocol(verdict);
            }

            _prefaceReceived = true;
            if (_role == Role.Server)
            {
                consumed = ConnectionPreface.Length;
                _connection.Trace?.ReceivedPreface();
                _connection.Start();
            }
        }

        // Before the frames take effect, so that a trace shows causes before effects.
        _connection.Trace?.Received(octets[(int)consumed..]);
        long now = _connection.Now;
        _connection.KeepAlive.OnInput(now);
        consumed += _receive.Receive(octets[(int)consumed..], now);
        return _receive.Error is { } error ? new ConnectionEnd($"the peer broke the protocol: {error}", error) : null;
    }

    private ConnectionEnd EndOfInput(in ReadOnlySequence<byte> rest)
    {
        string peer = _connection.Transport.RemoteAddress;
        if (_connection.GoAwayReason is { } announced)
        {
            return new ConnectionEnd($"{peer} closed the connection after {announced}", IsClean: _receive.Streams.Count == 0);
        }

        if (!_prefaceReceived)
        {
            string hint = _role == Role.Client && _connection.Transport.PeerProperties.Count == 0 ? "; does it expect TLS on this port?" : "";
            return new ConnectionEnd($"{peer} closed the connection before it said anything in HTTP/2{hint}");
        }

        return rest.IsEmpty && _receive.Streams.Count == 0
            ? new ConnectionEnd($"{peer} closed the connection", IsClean: true)
            : new ConnectionEnd($"{peer} closed the connection in the middle of {(rest.IsEmpty ? "a call" : "a frame")}");
    }
}
