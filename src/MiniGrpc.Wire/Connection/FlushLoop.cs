using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Wire.Connection;

/// <summary>
/// Sends what the <see cref="SendSide"/> has for the peer. It is not a thread: a kick posts it, and it goes on for as long
/// as there is something to send. Between kick and run, other calls add their replies, and one system call takes them all.
/// </summary>
/// <remarks>
/// Threading: <see cref="TryClaim"/> and the taking of the output buffer happen under the gate; the write itself outside of
/// it. At most one run at a time, which the claim ensures. Two buffers alternate: one is filled while the other is sent.
/// </remarks>
internal sealed class FlushLoop : IThreadPoolWorkItem
{
    private readonly Http2Connection _connection;
    private readonly SendSide _send;
    private OutputBuffer? _spare = new();
    private bool _running;
    private bool _completeWhenEmpty;
    private bool _completed;

    /// <summary>The writes that were started and those that were completed, together: odd while one is under way. Guarded by the gate.</summary>
    public long Writes { get; private set; }

    public FlushLoop(Http2Connection connection, SendSide send)
    {
        _connection = connection;
        _send = send;
    }

    /// <summary>Under the gate: whether the caller is to <see cref="Kick"/> after leaving it.</summary>
    public bool TryClaim()
    {
        if (_running || (!_send.HasWork && !CompletionIsDue))
        {
            return false;
        }

        _running = true;
        return true;
    }

    /// <summary>Starts a run that was claimed.</summary>
    public void Kick() => _connection.Options.Dispatcher.Post(this);

    /// <summary>Under the gate: once everything is sent, end our direction of the transport.</summary>
    public void CompleteWhenEmpty() => _completeWhenEmpty = true;

    /// <inheritdoc />
    public void Execute() => _ = RunAsync();

    private bool CompletionIsDue => _completeWhenEmpty && !_completed;

    private async Task RunAsync()
    {
        OutputBuffer? output = null;
        try
        {
            while ((output = TakeOutput()) is not null)
            {
                _connection.Trace?.Sent(output.WrittenSpan);
                await _connection.Transport.Output.WriteAsync(output.WrittenMemory).ConfigureAwait(false);
                output.Clear();
                _spare = output;
            }
        }
        catch (Exception e)
        {
            // Whatever the transport throws ends the connection and is told to every call on it; _running stays set.
            output?.Release();
            _connection.Abort(new ConnectionEnd($"sending to {_connection.Transport.RemoteAddress} failed: {e.Message}", Exception: e));
        }
    }

    /// <summary>Swaps the buffers, or ends the run when there is nothing to send.</summary>
    private OutputBuffer? TakeOutput()
    {
        bool complete;
        lock (_connection.Gate)
        {
            Writes += Writes & 1; // the write before this has completed
            _send.Produce();
            if (_send.Output.Length > 0)
            {
                Writes++;
                OutputBuffer output = _send.TakeOutput(_spare!);
                _connection.OnOutputTaken();
                return output;
            }

            // Nothing to send: an idle connection holds no output memory.
            _send.Output.Release();
            _spare!.Release();
            _running = false;
            complete = CompletionIsDue;
            if (complete)
            {
                _completed = true;
                _send.Close(); // what is still answered to late frames has no way out
            }
        }

        if (complete)
        {
            _connection.Transport.Output.Complete();
            _connection.OnOutputCompleted();
        }

        return null;
    }
}
