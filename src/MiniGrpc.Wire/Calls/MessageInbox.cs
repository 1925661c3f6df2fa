using System.Buffers;

using MiniGrpc.Wire.Grpc;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Wire.Calls;

/// <summary>What a reader found in the inbox.</summary>
internal enum InboxStatus : byte
{
    /// <summary>No complete message yet: the reader will be woken.</summary>
    Waiting,

    /// <summary>A message.</summary>
    Message,

    /// <summary>The peer's half has ended, and every message was read.</summary>
    End,

    /// <summary>What came is no message, or one over the limit.</summary>
    Error,
}

/// <summary>What came of adding octets to the inbox.</summary>
/// <param name="WithinWindow">False when the peer sent more than its window allowed.</param>
/// <param name="Credit">The stream's WINDOW_UPDATE increment that is due, or 0.</param>
/// <param name="Wake">Whether a waiting reader can go on.</param>
internal readonly record struct InboxAppend(bool WithinWindow, int Credit, bool Wake);

/// <summary>
/// The octets of a stream's messages between the receive loop, which copies them in and moves on, and the call, which reads
/// one message after the other in its own time.
/// </summary>
/// <remarks>
/// Crosses between the receive loop and one reader; every member takes the inbox's lock, which is held for a copy at the
/// most. It owns the stream's receive window: stream credit goes back when a message was consumed, and early when a reader
/// waits for a message longer than the window (RFC 9113 section 6.9.1 leaves that to the receiver).
/// </remarks>
internal sealed partial class MessageInbox
{
    /// <summary>What fits an array with its prefix. "No limit" means this: no marshaller could be given a longer message.</summary>
    private static readonly int s_largestMessage = Array.MaxLength - MessagePrefix.Size;

    private readonly ConnectionReceiveWindow _connectionWindow;
    private int _maxMessageSize;
    private readonly int _largestWindow;
    private readonly Lock _lock = new();
    private ReceiveWindow _window;
    private InboxOctets _octets;
    private int _uncharged;
    private int _charged;
    private int _readSinceGrowth;
    private int _growth;
    private long _consumed;
    private bool _ended;
    private bool _waiting;
    private bool _waitsForEnd;
    private bool _reading;
    private bool _discarded;

    public MessageInbox(ConnectionReceiveWindow connectionWindow, int streamWindow, int maxMessageSize, int largestStreamWindow = 0)
    {
        _connectionWindow = connectionWindow;
        _window = new ReceiveWindow(streamWindow);
        _largestWindow = largestStreamWindow;
        MaxMessageSize = maxMessageSize;
    }

    /// <summary>
    /// Whether the peer's half has ended and its last message was consumed: nothing will change any more. For the reader alone, who
    /// needs no lock for it; the octets were added before the end was noted.
    /// </summary>
    public bool IsAtEnd => Volatile.Read(ref _ended) && _octets.Length == 0;

    /// <summary>Whether there are octets that a reader has not let go of yet. Any thread.</summary>
    public bool HasUnread
    {
        get
        {
            lock (_lock)
            {
                return _octets.Length > 0 && !_discarded;
            }
        }
    }

    /// <summary>The octets of all messages that have come in whole, as they came, without their prefixes: those that were read, and those that still can be.</summary>
    public long MessageOctets
    {
        get
        {
            lock (_lock)
            {
                long octets = _consumed;
                ReadOnlySequence<byte> rest = _octets.Unread;
                while (MessageReader.TryRead(rest, _maxMessageSize, out MessagePrefix prefix, out _, out _, out _) == MessageReadStatus.Message)
                {
                    octets += prefix.Length;
                    rest = rest.Slice(prefix.TotalLength);
                }

                return octets;
            }
        }
    }

    /// <summary>The largest message to take, in octets; negative for no limit. Set before anything comes in.</summary>
    public int MaxMessageSize
    {
        set => _maxMessageSize = value < 0 ? s_largestMessage : Math.Min(value, s_largestMessage);
    }

    /// <summary>Makes an inbox that was read to its end ready for the next call. Nobody else holds it.</summary>
    public void Renew(int streamWindow)
    {
        System.Diagnostics.Debug.Assert(IsAtEnd && !_discarded && !_reading && !_waiting && !_octets.HoldsMemory && _charged == 0 && _uncharged == 0, "the call before has left nothing");
        _window = new ReceiveWindow(streamWindow);
        _readSinceGrowth = 0;
        _consumed = 0;
        _ended = false;
        _waitsForEnd = false;
    }

    /// <summary>Adds the octets of a DATA frame.</summary>
    public InboxAppend Append(ReadOnlySpan<byte> data, int padding, bool ended)
    {
        lock (_lock)
        {
            if (!_window.TryReceive(data.Length + padding))
            {
                return new InboxAppend(false, 0, false);
            }

            if (_discarded)
            {
                return new InboxAppend(true, _window.Release(data.Length + padding), false);
            }

            int credit = padding > 0 ? _window.Release(padding) : 0;
            _octets.Append(data, _waiting ? _uncharged : 0);
            if (ended)
            {
                NoteEnd();
            }

            bool wake = _waiting && IsSatisfied(ref credit);
            _waiting &= !wake;
            Charge();
            return new InboxAppend(true, credit, wake);
        }
    }

    /// <summary>The peer's half has ended without more octets. Answers whether a waiting reader can go on.</summary>
    public bool End()
    {
        lock (_lock)
        {
            NoteEnd();
            bool wake = _waiting;
            _waiting = false;
            return wake;
        }
    }

    /// <summary>
    /// The peer's half has ended and the call with it: what is left unread no longer holds the connection's credit back, for it can't
    /// grow.
    /// </summary>
    public void EndUncharged()
    {
        lock (_lock)
        {
            NoteEnd();
            ReturnGrowth(0);
            _waiting = false;
            _uncharged = _octets.Length;
            Charge();
        }
    }

    /// <summary>
    /// From now on the reader waits until the peer's half has ended with its one message in it, as a call with a single
    /// message each way does. Answers whether it can go on at once.
    /// </summary>
    public bool WaitForEnd()
    {
        lock (_lock)
        {
            int credit = 0;
            _waitsForEnd = true;
            _waiting = !IsSatisfied(ref credit);
            System.Diagnostics.Debug.Assert(credit == 0, "called before anything came in");
            return !_waiting;
        }
    }

    /// <summary>
    /// Looks for the next message. When there is none yet, the reader counts as waiting from here on, and
    /// <paramref name="credit"/> is the stream's WINDOW_UPDATE increment that is due so that the message can come.
    /// </summary>
    public InboxStatus Read(out MessagePrefix prefix, out ReadOnlySequence<byte> payload, out GrpcError? error, out int credit)
    {
        lock (_lock)
        {
            credit = 0;
            if (_discarded)
            {
                prefix = default;
                payload = default;
                error = null;
                return InboxStatus.End;
            }

            switch (MessageReader.TryRead(_octets.Unread, _maxMessageSize, out prefix, out payload, out _, out error))
            {
                case MessageReadStatus.Message:
                    _reading = true;
                    return InboxStatus.Message;
                case MessageReadStatus.Error:
                    return InboxStatus.Error;
            }

            if (_ended)
            {
                if (_octets.Length == 0)
                {
                    return InboxStatus.End;
                }

                error = new GrpcError(GrpcStatusCode.Internal, $"The stream ended in the middle of a message, {_octets.Length} octets into it.");
                return InboxStatus.Error;
            }

            _waiting = !IsSatisfied(ref credit);
            System.Diagnostics.Debug.Assert(_waiting, "an incomplete message is waited for");
            credit += GrowIfOutrun();
            Charge();
            return InboxStatus.Waiting;
        }
    }

    /// <summary>
    /// Why a reader that waits for the end was woken before it: <see cref="InboxStatus.Error"/> for what can't be a message,
    /// <see cref="InboxStatus.Message"/> for more than one. Consumes nothing, so it may be asked beside a reader.
    /// </summary>
    public InboxStatus JudgeOverfull(out GrpcError? error)
    {
        lock (_lock)
        {
            MessageReadStatus status = MessageReader.TryRead(_octets.Unread, _maxMessageSize, out MessagePrefix prefix, out _, out _, out error);
            return status switch
            {
                MessageReadStatus.Error => InboxStatus.Error,
                MessageReadStatus.Message when _octets.Length > prefix.TotalLength => InboxStatus.Message,
                _ => InboxStatus.Waiting,
            };
        }
    }

    /// <summary>The message that was read last has been used: its memory is free. Returns the stream credit due.</summary>
    public int Consume(long octets)
    {
        lock (_lock)
        {
            _reading = false;
            _consumed += octets - MessagePrefix.Size;
            if (_discarded)
            {
                _octets.FreeAll();
                return 0;
            }

            int count = (int)octets;
            _uncharged = Math.Max(0, _uncharged - count);
            _octets.Free(count);
            NoteRead(count);
            Charge();
            return _window.Release(count);
        }
    }

    /// <summary>Throws away what is unread and what may still come; the message being read stays until it is consumed.</summary>
    public void Discard()
    {
        lock (_lock)
        {
            _discarded = true;
            _waiting = false;
            ReturnGrowth(0);
            _uncharged = _octets.Length;
            Charge();
            if (!_reading)
            {
                _octets.FreeAll();
            }
        }
    }
}
