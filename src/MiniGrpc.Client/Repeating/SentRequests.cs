using System.Numerics;

using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Client.Repeating;

/// <summary>
/// The stream that the requests of a streaming call go to, and what has gone there, for as long as it may have to go to another one: until
/// it answers, a server may refuse the stream, which says that it has processed nothing of it (RFC 9113 sections 6.8 and 8.7).
/// <code>
/// kept --refused--> no stream --another one is open--> sent again as it was, and not kept any more
///   '--response header list, more than there is room for, or the call's end--> let go: a refusal ends the call
/// </code>
/// </summary>
/// <remarks>
/// Kept are the octets of the stream's DATA, one message behind the other: nothing is written or compressed twice. No frame but the
/// response's HEADERS ends it. WINDOW_UPDATE says that octets were taken, by a proxy perhaps, and not that they were processed; an
/// acknowledgement of SETTINGS or PING, or a GOAWAY that the stream stands below, says only that the stream is known.
/// Threading: a lock guards all of it. It may be taken under the send gate; nothing is waited for under it, and no gate is entered.
/// </remarks>
internal sealed class SentRequests(ClientCall call, RetryBuffer room, long? limit, bool keeps)
{
    /// <summary>
    /// The most octets to keep of a call, as many as a stream's first window has (RFC 9113 section 6.9.2): a refusal comes within a round
    /// trip, and before a server has said anything of a stream it takes no more of it. Every call of many requests may hold that much until
    /// it is answered, and pays a copy of it; the 256 KiB of other implementations are more than most calls send without an answer.
    /// </summary>
    internal const int MostOctets = 64 * 1024;

    /// <summary>What a call that can't be sent again for that reason is told besides.</summary>
    internal const string Overfull = " (More requests had been sent than are kept to be sent again.)";

    /// <summary>The smallest array that octets are kept in.</summary>
    private const int SmallestRoom = 512;

    private readonly Lock _lock = new();
    private readonly int _most = (int)Math.Min(limit ?? MostOctets, MostOctets);
    private OutputBuffer? _octets;
    private ClientStream? _stream;
    private Wait? _wait;
    private int _messages;
    private int _roomTaken;
    private bool _keeps = keeps;
    private bool _isComplete;
    private bool _wasTakenBack;

    /// <summary>The stream that requests go to; null while there is none.</summary>
    public ClientStream? Stream => Volatile.Read(ref _stream);

    /// <summary>Whether requests are kept. Once they aren't, they never are again, and there is no other stream than the one there is.</summary>
    public bool Keeps => Volatile.Read(ref _keeps);

    /// <summary>Whether nothing is kept because it was too much.</summary>
    public bool IsOverfull { get; private set; }

    /// <summary>Who waits for a stream, to be run away from locks; null for nobody.</summary>
    public IThreadPoolWorkItem? Waiter
    {
        get
        {
            lock (_lock)
            {
                return _wait;
            }
        }
    }

    /// <summary>
    /// Keeps a message that is about to be sent on <paramref name="stream"/>. False: it isn't kept, either because nothing is any more, or
    /// because the stream was refused and takes nothing.
    /// </summary>
    public bool Keep(ClientStream stream, ReadOnlySpan<byte> message)
    {
        lock (_lock)
        {
            if (!_keeps || _stream != stream)
            {
                return false;
            }

            if (!TryTakeRoom((long)message.Length + (_octets?.Length ?? 0)))
            {
                IsOverfull = true;
                Release();
                return false;
            }

            _octets ??= new OutputBuffer();
            _octets.Write(message);
            _messages++;
            return true;
        }
    }

    /// <summary>Keeps in mind that no more messages follow on <paramref name="stream"/>; false as above.</summary>
    public bool KeepEnd(ClientStream stream)
    {
        lock (_lock)
        {
            bool isKept = _keeps && _stream == stream;
            _isComplete |= isKept;
            return isKept;
        }
    }

    /// <summary>The server has refused the stream, on which nothing can be sent any more: true if all that was is there to be sent again.</summary>
    public bool TakeBack()
    {
        lock (_lock)
        {
            if (!_keeps)
            {
                return false;
            }

            // Between the streams there is none: a request too large to be kept that were taken to be the first one's would let go of all.
            _wasTakenBack = true;
            Volatile.Write(ref _stream, null);
            return true;
        }
    }

    /// <summary>
    /// Under the gate, before anybody else can send on it: <paramref name="stream"/> is open. If it is the second one it takes what the
    /// first one took, unless the call has just ended: then it isn't told that what it has got were all requests.
    /// </summary>
    public void OnOpened(SendSide send, ClientStream stream)
    {
        lock (_lock)
        {
            if (_wasTakenBack && _keeps)
            {
                SendAgain(send, stream);
                Release();
            }

            Volatile.Write(ref _stream, stream);
        }
    }

    /// <summary>Nothing will be sent again.</summary>
    public void LetGo()
    {
        lock (_lock)
        {
            Release();
        }
    }

    /// <summary>Completes when there is a stream, and not <paramref name="otherThan"/>; with null when the call has ended.</summary>
    public Task<ClientStream?> WaitForStreamAsync(ClientStream? otherThan)
    {
        Wait wait;
        lock (_lock)
        {
            if (_wait is not { Task.IsCompleted: false })
            {
                _wait = new Wait(call, this, otherThan);
            }

            wait = _wait;
        }

        wait.Execute();
        return wait.Task;
    }

    private void SendAgain(SendSide send, ClientStream stream)
    {
        if (_octets is { Length: > 0 })
        {
            stream.Send(send, _octets, _isComplete, _messages);
        }
        else if (_isComplete)
        {
            send.EndStream(stream);
        }
    }

    /// <summary>Room is taken as the pool gives it, in arrays that double.</summary>
    private bool TryTakeRoom(long octets)
    {
        if (octets > _most)
        {
            return false;
        }

        int more = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(octets, SmallestRoom)) - _roomTaken;
        if (more > 0 && !room.TryTakeSpare(more))
        {
            return false;
        }

        _roomTaken += Math.Max(more, 0);
        return true;
    }

    private void Release()
    {
        Volatile.Write(ref _keeps, false);
        _octets?.Release();
        _octets = null;
        room.Return(_roomTaken);
        _roomTaken = 0;
    }

    /// <summary>The wait of a writer for a stream.</summary>
    private sealed class Wait(ClientCall call, SentRequests sent, ClientStream? otherThan) : TaskCompletionSource<ClientStream?>, IThreadPoolWorkItem
    {
        /// <summary>Ends the wait if it is over.</summary>
        public void Execute()
        {
            if (call.HasEnded)
            {
                TrySetResult(null);
            }
            else if (sent.Stream is { } stream && stream != otherThan)
            {
                TrySetResult(stream);
            }
        }
    }
}
