namespace MiniGrpc.Wire.Connection;

/// <summary>
/// Finds connections whose peer is gone without a word (RFC 9113 section 6.7, gRFC A8): when nothing has come in for a while,
/// a PING is sent, and when nothing comes in after that either, the connection is closed.
/// </summary>
/// <remarks>
/// Threading: the receive loop writes one field, the time of the last input; the rest belongs to its alarm, which doesn't
/// ring twice at once since each ring sets the next. Any octet counts as an answer: who sends is alive. Whether it sleeps is told and
/// asked under the gate.
/// </remarks>
internal sealed class KeepAlive
{
    /// <summary>Marks our PING in traces: "keepaliv".</summary>
    private const ulong OpaqueData = 0x6b65_6570_616c_6976;

    private readonly Http2Connection _connection;
    private long _lastInput;
    private long? _pingSent;
    private bool _isAsleep;

    public KeepAlive(Http2Connection connection)
    {
        _connection = connection;
        _lastInput = connection.Now;
    }

    private KeepAliveOptions Options => _connection.Options.KeepAlive;

    /// <summary>The connection runs, and will stop its alarms; one that is turned away before it ran must not leave a timer behind.</summary>
    public void Start() => Arm(Options.Delay);

    /// <summary>On the receive loop: something has come in at <paramref name="now"/>.</summary>
    public void OnInput(long now) => Volatile.Write(ref _lastInput, now);

    /// <summary>
    /// Under the gate: <paramref name="openStreams"/> are open. The first one after a time without any doesn't wait for another
    /// delay: if nothing has come in for so long, the peer is asked at once.
    /// </summary>
    public void OnOpenStreams(int openStreams)
    {
        if (_isAsleep && openStreams > 0)
        {
            _isAsleep = false;
            Arm(TimeSpan.Zero);
        }
    }

    /// <summary>Its alarm rings.</summary>
    public void Look()
    {
        long now = _connection.Now;
        long lastInput = Volatile.Read(ref _lastInput);
        if (_pingSent is { } sent && lastInput < sent)
        {
            TimeSpan left = Options.Timeout - TimeSpan.FromMilliseconds(now - sent);
            if (left > TimeSpan.Zero)
            {
                Arm(left);
                return;
            }

            _connection.GiveUp("KeepAlivePingTimeout", Options.Timeout, "did not answer a keepalive PING");
            return;
        }

        _pingSent = null;
        TimeSpan quiet = TimeSpan.FromMilliseconds(now - lastInput);
        if (quiet < Options.Delay)
        {
            Arm(Options.Delay - quiet);
            return;
        }

        using (Http2Connection.GateScope gate = _connection.Enter())
        {
            if (!Options.WithoutCalls && gate.Send.OpenStreams == 0)
            {
                _isAsleep = true; // nobody waits for anything
                return;
            }

            gate.Send.WritePing(OpaqueData);
        }

        _pingSent = now;
        Arm(Options.Timeout);
    }

    private void Arm(TimeSpan wait) => _connection.Alarms.Set(Alarm.KeepAlive, wait);
}

/// <summary>When to ask whether the peer is still there.</summary>
/// <param name="Delay">How long nothing may come in before a PING is sent; <see cref="Timeout.InfiniteTimeSpan"/> for never.</param>
/// <param name="Timeout">How long to wait for anything after it.</param>
/// <param name="WithoutCalls">Whether to ask when no stream is open.</param>
internal readonly record struct KeepAliveOptions(TimeSpan Delay, TimeSpan Timeout, bool WithoutCalls)
{
    /// <summary>No keepalive.</summary>
    public static KeepAliveOptions Off { get; } = new(System.Threading.Timeout.InfiniteTimeSpan, TimeSpan.Zero, false);

    /// <summary>
    /// How long the peer's system may leave octets unacknowledged (gRFC A18). A PING would find that out as well, but is sent when
    /// nothing has come in, and waits behind those octets.
    /// </summary>
    public TimeSpan UserTimeout => Delay == System.Threading.Timeout.InfiniteTimeSpan ? System.Threading.Timeout.InfiniteTimeSpan : Timeout;
}
