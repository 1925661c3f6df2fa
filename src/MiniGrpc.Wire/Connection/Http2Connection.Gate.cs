using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Wire.Connection;

/// <content>The send gate: the one way to the outbound half, and what happens on leaving it.</content>
internal sealed partial class Http2Connection
{
    /// <summary>Guards the outbound half.</summary>
    internal Lock Gate { get; } = new();

    /// <summary>Whether a call was ever started on it.</summary>
    public bool HasCarriedCalls => Carried.LastId > 0;

    /// <summary>The calls that are open, and the identifier of the last stream that was ever opened for one.</summary>
    public (int Open, int LastId) Carried
    {
        get
        {
            lock (Gate)
            {
                return (_send.OpenStreams, _send.LastOpenedId);
            }
        }
    }

    /// <summary>Whether a stream could be opened now.</summary>
    public OpenResult CanOpen
    {
        get
        {
            lock (Gate)
            {
                return _send.CanOpen;
            }
        }
    }

    /// <summary>Enters the send gate.</summary>
    public GateScope Enter() => new(this, mayFlush: false);

    /// <summary>
    /// Enters the send gate with all that a call has to send. If no other call is under way, there is nothing to gather it with, and it
    /// is sent on leaving the gate, by the caller itself. Not for the receive loop.
    /// </summary>
    public GateScope EnterToSend() => new(this, mayFlush: true);

    /// <summary>The send gate, entered. Disposing of it leaves the gate and kicks the flush loop if there is something to send.</summary>
    internal readonly ref struct GateScope
    {
        private readonly Http2Connection _connection;
        private readonly bool _mayFlush;

        public GateScope(Http2Connection connection, bool mayFlush)
        {
            _connection = connection;
            _mayFlush = mayFlush;
            connection.Gate.Enter();
        }

        /// <summary>The outbound half.</summary>
        public SendSide Send => _connection._send;

        /// <summary>What sends it.</summary>
        public FlushLoop Flush => _connection._flush;

        public void Dispose()
        {
            _connection.CompleteIfDrained();
            _connection.WatchQueues();
            _connection.Life?.OnOpenStreams(_connection._send.OpenStreams);
            bool kick = _connection._flush.TryClaim();
            bool isAlone = _mayFlush && _connection._send.OpenStreams <= (_connection._role == Role.Client ? 1 : 0);
            bool mayOpen = _connection._send.TakeMayOpen();
            Volatile.Write(ref _connection._backlogged, _connection._send.IsBacklogged);
            _connection.Gate.Exit();
            if (kick && isAlone)
            {
                _connection._flush.Execute();
            }
            else if (kick)
            {
                _connection._flush.Kick();
            }

            if (mayOpen)
            {
                _connection._owner.OnStreamsAvailable(_connection);
            }
        }
    }
}
