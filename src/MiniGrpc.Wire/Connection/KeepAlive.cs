namespace MiniGrpc.Wire.Connection;

/// <summary>
/// Finds connections whose peer is gone without a word (RFC 9113 section 6.7, gRFC A8): when nothing has come in for a while,
/// a PING is sent, and when nothing comes in after that either, the connection is given up.
/// </summary>
/// <remarks>
/// Threading: the receive loop writes one field, the time of the last input; the rest belongs to the timer, whose callbacks
/// don't overlap since each arms the next. Any octet counts as an answer: who sends is alive.
/// </remarks>
internal sealed class KeepAlive : IDisposable
{
    /// <summary>Marks our PING in traces: "keepaliv".</summary>
    private const ulong OpaqueData = 0x6b65_6570_616c_6976;

    private readonly Http2Connection _connection;
    private readonly KeepAliveOptions _options;
    private ITimer? _timer;
    private long _lastInput;
    private long? _pingSent;

    public KeepAlive(Http2Connection connection, KeepAliveOptions options)
    {
        _connection = connection;
        _options = options;
        _lastInput = connection.Now;
    }

    /// <summary>The connection runs, and will dispose of this; one that is turned away before it ran must not leave a timer behind.</summary>
    public void Start()
    {
        if (_options.Delay != Timeout.InfiniteTimeSpan)
        {
            _timer = _connection.Options.Time.CreateTimer(
                static keepAlive => ((KeepAlive)keepAlive!).Look(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            Arm(_options.Delay);
        }
    }

    /// <summary>On the receive loop: something has come in at <paramref name="now"/>.</summary>
    public void OnInput(long now) => Volatile.Write(ref _lastInput, now);

    /// <inheritdoc />
    public void Dispose() => _timer?.Dispose();

    private void Look()
    {
        long now = _connection.Now;
        long lastInput = Volatile.Read(ref _lastInput);
        if (_pingSent is { } sent && lastInput < sent)
        {
            TimeSpan left = _options.Timeout - TimeSpan.FromMilliseconds(now - sent);
            if (left > TimeSpan.Zero)
            {
                Arm(left);
                return;
            }

            _connection.Abort(new ConnectionEnd(
                $"{_connection.Transport.RemoteAddress} did not answer a keepalive PING within {_options.Timeout.TotalSeconds:0.###} s"));
            return;
        }

        _pingSent = null;
        TimeSpan quiet = TimeSpan.FromMilliseconds(now - lastInput);
        if (quiet < _options.Delay)
        {
            Arm(_options.Delay - quiet);
            return;
        }

        using (Http2Connection.GateScope gate = _connection.Enter())
        {
            if (!_options.WithoutCalls && gate.Send.OpenStreams == 0)
            {
                Arm(_options.Delay); // nobody waits for anything
                return;
            }

            gate.Send.WritePing(OpaqueData);
        }

        _pingSent = now;
        Arm(_options.Timeout);
    }

    private void Arm(TimeSpan wait) => _timer!.Change(TimeSpan.FromMilliseconds(Math.Ceiling(wait.TotalMilliseconds)), Timeout.InfiniteTimeSpan);
}

/// <summary>When to ask whether the peer is still there.</summary>
/// <param name="Delay">How long nothing may come in before a PING is sent; <see cref="Timeout.InfiniteTimeSpan"/> for never.</param>
/// <param name="Timeout">How long to wait for anything after it.</param>
/// <param name="WithoutCalls">Whether to ask when no stream is open.</param>
internal readonly record struct KeepAliveOptions(TimeSpan Delay, TimeSpan Timeout, bool WithoutCalls)
{
    /// <summary>No keepalive.</summary>
    public static KeepAliveOptions Off { get; } = new(System.Threading.Timeout.InfiniteTimeSpan, TimeSpan.Zero, false);
}
