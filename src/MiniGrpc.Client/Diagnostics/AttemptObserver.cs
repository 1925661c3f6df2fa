using Grpc.Core;

using MiniGrpc.Wire.Calls;

namespace MiniGrpc.Client.Diagnostics;

/// <summary>
/// The attempts that one <see cref="ClientCall"/> makes: one, or a second in place of the first that no server has looked at (gRFC A6,
/// transparent retries). What happens is noted where it happens, and told where user code may run.
/// </summary>
/// <remarks>Thread-safe: a lock guards what is noted; listeners don't run under it.</remarks>
internal sealed class AttemptObserver(CallObserver call)
{
    private readonly Lock _lock = new();
    private GrpcStream? _stream;
    private AttemptEnd? _ended;
    private long _startedAt;
    private bool _isUnderWay;
    private bool _isOver;
    private object? _finalStatus;

    /// <summary>What the server is told of the span; null for nothing.</summary>
    public Metadata? TraceHeaders => call.TraceHeaders;

    /// <summary>The status, once listeners have been told everything of the attempt.</summary>
    public Status? FinalStatus => (Status?)Volatile.Read(ref _finalStatus);

    /// <summary>An attempt begins: a connection is looked for. User code runs here.</summary>
    public void Begin()
    {
        ReportAttempt();
        lock (_lock)
        {
            if (_isOver)
            {
                return;
            }

            _isUnderWay = true;
            _startedAt = call.Now;
        }

        call.OnAttemptStarted();
    }

    /// <summary>Its stream is about to be opened. Under the gate.</summary>
    public void OnStream(GrpcStream stream) => Volatile.Write(ref _stream, stream);

    /// <summary>
    /// It has ended, and is the last one if <paramref name="isLast"/>: what there is to measure is measured, before unread messages are
    /// thrown away. Any thread.
    /// </summary>
    public void End(StatusCode code, bool isLast)
    {
        lock (_lock)
        {
            _isOver |= isLast;
            if (_isUnderWay)
            {
                _isUnderWay = false;
                _ended = new AttemptEnd(code, call.Since(_startedAt), _stream?.SentMessageOctets ?? 0, _stream?.Inbox.MessageOctets ?? 0);
                _stream = null;
            }
        }
    }

    /// <summary>Tells what an attempt was like that has ended; the call may go on. On the pool or on the caller's thread: user code runs here.</summary>
    public void ReportAttempt()
    {
        AttemptEnd? ended;
        lock (_lock)
        {
            ended = _ended;
            _ended = null;
        }

        if (ended is not null)
        {
            call.OnAttemptEnded(ended);
        }
    }

    /// <summary>The call has ended for its caller, with <paramref name="status"/>. User code runs here. May be said more than once.</summary>
    public void Report(Status status)
    {
        ReportAttempt();
        Interlocked.CompareExchange(ref _finalStatus, status, null); // a full fence: who chooses the attempt looks at it afterwards
        call.OnAttemptOver(this, status);
    }
}
