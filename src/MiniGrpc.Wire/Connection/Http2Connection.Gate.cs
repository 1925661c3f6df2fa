using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Wire.Connection;

/// <content>The send gate: the one way to the outbound half, and what happens on leaving it.</content>
internal sealed partial class Http2Connection
{
    private int _ownStarted;
    private int _ownOpen;

    /// <summary>Guards the outbound half.</summary>
    internal Lock Gate { get; } = new();

    /// <summary>Whether a call was ever started on it, other than the owner's own.</summary>
    public bool HasCarriedCalls => Carried.Started > 0;

    /// <summary>How many calls are open, and how many were ever started, but for the owner's own.</summary>
    public (int Open, int Started) Carried
    {
        get
        {
            lock (Gate)
            {
                return (_send.OpenStreams - Volatile.Read(ref _ownOpen), CallsStarted - Volatile.Read(ref _ownStarted));
            }
        }
    }

    /// <summary>How many calls were started on it.</summary>
    public int CallsStarted
    {
        get
        {
            lock (Gate)
            {
                return _send.LastOpenedId == 0 ? 0 : (_send.LastOpenedId / 2) + 1; // a client's streams have the odd numbers (section 5.1.1)
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

    /// <summary>Under the gate: the stream that is about to be opened is for a call of the owner's own, which is no use of the connection.</summary>
    public void NoteOwnCall()
    {
        Interlocked.Increment(ref _ownStarted);
        Interlocked.Increment(ref _ownOpen);
    }

    /// <summary>A call of the owner's own has ended.</summary>
    public void NoteOwnCallEnded() => Interlocked.Decrement(ref _ownOpen);

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
            _connection.KeepAlive.OnOpenStreams(_connection._send.OpenStreams);
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
