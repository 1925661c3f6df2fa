using Microsoft.Extensions.Logging;

using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Wire.Connection;

/// <summary>
/// One HTTP/2 connection (RFC 9113), of a server or of a client: the two halves, the two loops, and what passes between
/// them. What a call makes of its stream stands above, in Calls.
/// </summary>
/// <remarks>
/// Threading: the receive loop owns the inbound half (<see cref="ReceiveSide"/>); <see cref="Gate"/> guards the outbound
/// half (<see cref="SendSide"/>). Enter the gate by <see cref="Enter"/>: leaving it kicks the flush loop when there is
/// something to send. Nothing waits inside it, and no user code runs there or on the receive loop.
/// </remarks>
internal sealed partial class Http2Connection
{
    private readonly Role _role;
    private readonly IConnectionOwner _owner;
    private readonly SendSide _send;
    private readonly ReceiveSide _receive;
    private readonly ReceiveLoop _receiveLoop;
    private readonly FlushLoop _flush;
    private readonly long _openedAt;
    private ConnectionEnd? _end;
    private bool _ready;
    private long _readyAt;
    private bool _started;
    private bool _aborted;

    public Http2Connection(Role role, ITransport transport, ConnectionOptions options, IConnectionOwner owner)
    {
        _role = role;
        _owner = owner;
        Transport = transport;
        Options = options;
        Posts = new LoopPosts(options.Dispatcher);
        _openedAt = options.Time.GetTimestamp();
        Alarms = new Alarms(this);
        Pool = new StreamPool(this);
        Stall = new StallWatch(this);
        KeepAlive = new KeepAlive(this);
        Life = ConnectionLife.Of(this);
        Causes = new CauseLog(options.Logger, transport);
        Trace = options.WireTrace is null ? null : new WireTrace(role, transport.RemoteAddress, options.WireTrace);
        _send = new SendSide(role, options.Limits.Abuse);
        _receive = new ReceiveSide(role, options.Limits, this, _send.Retired);
        _receiveLoop = new ReceiveLoop(this, _receive, role);
        _flush = new FlushLoop(this, _send);
    }

    /// <summary>What the connection was given.</summary>
    public ConnectionOptions Options { get; }

    /// <summary>What carries the octets.</summary>
    public ITransport Transport { get; }

    /// <summary>Where it is said what the peer does wrong.</summary>
    public CauseLog Causes { get; }

    /// <summary>The trace of frames, or null.</summary>
    public WireTrace? Trace { get; }

    /// <summary>Milliseconds since the connection was opened.</summary>
    public long Now => (long)Options.Time.GetElapsedTime(_openedAt).TotalMilliseconds;

    /// <summary>Whether the peer's SETTINGS ever came in.</summary>
    public bool WasReady => Volatile.Read(ref _ready);

    /// <summary>For how long it has been ready, in milliseconds; 0 if it isn't.</summary>
    public long ReadyFor => WasReady ? Now - _readyAt : 0;

    /// <summary>Whom it belongs to.</summary>
    public IConnectionOwner Owner => _owner;

    /// <summary>Starts handlers and wakes calls.</summary>
    internal LoopPosts Posts { get; }

    /// <summary>Streams to be used again.</summary>
    internal StreamPool Pool { get; }

    /// <summary>What the connection waits for.</summary>
    internal Alarms Alarms { get; }

    /// <summary>
    /// Runs the connection to its end and tells its owner. Doesn't throw; <see cref="Abort"/> ends it early.
    /// </summary>
    public Task RunAsync() => Detached.Start(RunDetachedAsync);

    /// <summary>Ends the connection at once, for <paramref name="end"/> unless it has a reason already; says whether that is the one. Any thread.</summary>
    public bool Abort(ConnectionEnd end)
    {
        bool isFirst = Interlocked.CompareExchange(ref _end, end, null) is null;
        Volatile.Write(ref _aborted, true);
        Transport.Abort();
        lock (Gate)
        {
            ReleaseBacklogWaiter();
        }

        return isFirst;
    }

    /// <summary>
    /// Sends our SETTINGS. A client starts with them (section 3.4). A server waits for the client's preface, which comes
    /// unasked and so costs no time; what isn't HTTP/2 can then be answered in its own language.
    /// </summary>
    internal void Start()
    {
        ReceiveLimits limits = Options.Limits;
        ReadOnlySpan<(SettingId, uint)> settings = _role == Role.Client
            ? [
                (SettingId.EnablePush, 0),
                (SettingId.InitialWindowSize, (uint)limits.StreamWindow),
                (SettingId.MaxFrameSize, (uint)limits.MaxFrameSize),
                (SettingId.MaxHeaderListSize, (uint)limits.MaxHeaderListSize),
            ]
            : [
                (SettingId.MaxConcurrentStreams, (uint)limits.MaxConcurrentStreams),
                (SettingId.InitialWindowSize, (uint)limits.StreamWindow),
                (SettingId.MaxFrameSize, (uint)limits.MaxFrameSize),
                (SettingId.MaxHeaderListSize, (uint)limits.MaxHeaderListSize),
            ];
        using GateScope gate = Enter();
        gate.Send.WriteStart(settings, limits.ConnectionWindow);
        _receive.OnSettingsSent(Now);
        _started = true;
        Alarms.Set(Alarm.Settings, limits.Abuse.SettingsTimeout); // section 6.5.3
        Life?.Start();
        if (_shutdown == ShutdownStep.Announced)
        {
            AnnounceShutdown(gate.Send);
        }
    }

    /// <summary>A wait is over. Runs on a timer's thread.</summary>
    internal void OnAlarm(Alarm alarm)
    {
        switch (alarm)
        {
            case Alarm.Handshake:
                OnHandshakeTimeout();
                break;
            case Alarm.Settings:
                OnSettingsUnacknowledged();
                break;
            case Alarm.KeepAlive:
                KeepAlive.Look();
                break;
            case Alarm.Stall:
                Stall.Look();
                break;
            case Alarm.Idle:
                Pool.Look();
                break;
            case Alarm.MaxIdle or Alarm.MaxAge:
                Life!.OnAlarm(alarm);
                break;
            case Alarm.Shutdown:
                OnShutdownUnanswered();
                break;
            case Alarm.Drained:
                OnClientStays();
                break;
            case Alarm.Linger:
                Transport.Abort();
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(alarm), alarm, "not a wait of a connection");
        }
    }

    private void OnHandshakeTimeout()
    {
        if (!Volatile.Read(ref _ready))
        {
            string missing = Transport.IsOpen ? "sent no HTTP/2 preface and SETTINGS" : "did not finish the TLS handshake";
            GiveUp(_role == Role.Server ? "HandshakeTimeout" : "ConnectTimeout", Options.HandshakeTimeout, missing);
        }
    }

    private async Task RunDetachedAsync()
    {
        WireMetrics.AddConnection(_role, 1, Options.Logger);
        KeepAlive.Start();
        Alarms.Set(Alarm.Handshake, Options.HandshakeTimeout);

        // The clock runs from here; the rest doesn't hold up whoever accepted or connected, however much has come in.
        await Options.Dispatcher.Yield();
        ConnectionEnd end = await OpenAsync().ConfigureAwait(false) ?? await _receiveLoop.RunAsync().ConfigureAwait(false);
        await FinishAsync(Interlocked.CompareExchange(ref _end, end, null) ?? end).ConfigureAwait(false);
    }

    /// <summary>The input has ended, or is to be ignored from here on.</summary>
    private async Task FinishAsync(ConnectionEnd end)
    {
        try
        {
            await EndAsync(end).ConfigureAwait(false);
        }
        finally
        {
            Alarms.Stop();
            await Transport.DisposeAsync().ConfigureAwait(false);
            WireMetrics.AddConnection(_role, -1, Options.Logger);
            _owner.OnClosed(this);
        }
    }

    private async Task EndAsync(ConnectionEnd end)
    {
        LogEnd(end);
        if (end.Error is { } error)
        {
            CountOnce(error);
            using GateScope gate = Enter();
            WriteGoAway(gate.Send, error);
        }

        TellStreams(end);
        _owner.OnEnded(this, end);
        using (GateScope gate = Enter())
        {
            gate.Flush.CompleteWhenEmpty();
        }

        // A last GOAWAY needs time to leave, and closing with unread input would destroy it on its way. What was torn down has no way out.
        if (!Volatile.Read(ref _aborted))
        {
            Alarms.SetIfClear(Alarm.Linger, Linger);
            await _receiveLoop.DrainAsync().ConfigureAwait(false);
        }

        lock (Gate)
        {
            _send.Close();
        }

        _receive.Close();
    }

    /// <summary>Every stream learns that it has ended; nothing is sent on it any more.</summary>
    private void TellStreams(ConnectionEnd end)
    {
        using (GateScope gate = Enter())
        {
            gate.Send.IsGoingAway = true; // from here on no stream is opened that would not be told
        }

        _receive.CollectOpened();
        _receive.CollectRetired();
        List<Http2Stream> closed = [];
        using (GateScope gate = Enter())
        {
            foreach (Http2Stream stream in _receive.Streams)
            {
                // Closed before its queue is dropped: whom that wakes must not find the stream open.
                if (stream.State.Apply(StreamInput.ReceiveRstStream).BecameClosed)
                {
                    closed.Add(stream);
                }

                gate.Send.DropQueue(stream);
            }
        }

        foreach (Http2Stream stream in closed)
        {
            stream.OnConnectionEnded(end.Reason);
        }
    }

    private void LogEnd(ConnectionEnd end)
    {
        if (end.IsClean)
        {
            Options.Logger.LogDebug("Connection ended: {Reason}", end.Reason);
        }
        else if (end.Error?.Limit is not null)
        {
            Options.Logger.LogWarning("Connection to {Peer} ended: {Reason}", Transport.RemoteAddress, end.Reason);
        }
        else
        {
            Options.Logger.LogInformation(end.Exception, "Connection ended: {Reason}", end.Reason);
        }
    }
}
