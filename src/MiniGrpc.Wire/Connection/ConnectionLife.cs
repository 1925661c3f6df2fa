using Microsoft.Extensions.Logging;

namespace MiniGrpc.Wire.Connection;

/// <summary>
/// How long a connection is kept (gRFC A9): one that has no calls, and one that is old whether it has calls or not. A server's ends
/// as in a shutdown, by GOAWAY in two steps (RFC 9113 section 6.8), so that no call is lost; but an old one's calls have their time,
/// and are cut off when that has passed. A client opens no more streams.
/// </summary>
/// <remarks>
/// Threading: the gate guards when it was that the last call ended; the rest belongs to two alarms, each of which is set anew by its own
/// ring only. A connection without these limits has none of this.
/// </remarks>
internal sealed class ConnectionLife
{
    /// <summary>How much the age varies either way, so that clients that came in one moment don't all come again in one moment.</summary>
    private const double AgeVariation = 0.1;

    private const long HasCalls = -1;

    private readonly Http2Connection _connection;
    private readonly ConnectionLifeOptions _options;
    private long _idleSince;
    private bool _isOld;

    private ConnectionLife(Http2Connection connection)
    {
        _connection = connection;
        _options = connection.Options.Life;
    }

    /// <summary>The debug data of GOAWAY: why the connection ends, in the words of other implementations. Empty for another reason.</summary>
    public byte[] Reason { get; private set; } = [];

    /// <summary>What ends <paramref name="connection"/> in its time; null when it may live for ever.</summary>
    public static ConnectionLife? Of(Http2Connection connection) =>
        connection.Options.Life == ConnectionLifeOptions.Endless ? null : new ConnectionLife(connection);

    /// <summary>Under the gate: the peer has said its part of the start, and the connection's life begins.</summary>
    public void Start()
    {
        _idleSince = _connection.Now;
        _connection.Alarms.Set(Alarm.MaxIdle, _options.MaxIdle);
        if (_options.MaxAge != Timeout.InfiniteTimeSpan)
        {
            _connection.Alarms.Set(Alarm.MaxAge, Varied(_options.MaxAge));
        }
    }

    /// <summary>Under the gate, on leaving it: how many streams are open now.</summary>
    public void OnOpenStreams(int count)
    {
        if (count > 0)
        {
            _idleSince = HasCalls;
        }
        else if (_idleSince == HasCalls)
        {
            _idleSince = _connection.Now;
        }
    }

    /// <summary>One of its alarms rings.</summary>
    public void OnAlarm(Alarm alarm)
    {
        if (alarm == Alarm.MaxIdle)
        {
            LookForCalls();
        }
        else
        {
            OnOld();
        }
    }

    private void LookForCalls()
    {
        TimeSpan left;
        lock (_connection.Gate)
        {
            left = _idleSince == HasCalls ? _options.MaxIdle : _options.MaxIdle - TimeSpan.FromMilliseconds(_connection.Now - _idleSince);
        }

        if (left > TimeSpan.Zero)
        {
            _connection.Alarms.Set(Alarm.MaxIdle, left); // calls that end meanwhile are idle for less than that when it rings
            return;
        }

        Retire("max_idle"u8, "had no calls for", _options.MaxIdle);
    }

    /// <summary>The connection has its age; or, at the second time, its calls have had their time.</summary>
    private void OnOld()
    {
        if (_isOld)
        {
            _connection.Abort(new ConnectionEnd(
                $"the calls of {_connection.Transport.RemoteAddress} did not end within MaxConnectionAgeGrace ({_options.MaxAgeGrace.TotalSeconds:0.###} s)"));
            return;
        }

        _isOld = true;
        Retire("max_age"u8, "is older than", _options.MaxAge);
        _connection.Alarms.Set(Alarm.MaxAge, _options.MaxAgeGrace);
    }

    private void Retire(ReadOnlySpan<byte> reason, string why, TimeSpan limit)
    {
        Reason = reason.ToArray();
        _connection.Options.Logger.LogDebug("The connection of {Peer} {Why} {Limit}: it ends with its last call", _connection.Transport.RemoteAddress, why, limit);
        _connection.Retire();
    }

    private TimeSpan Varied(TimeSpan age)
    {
        TimeSpan varied = Jitter.Vary(age, AgeVariation, _connection.Options.Random);
        return varied < ConnectionOptions.LongestTime ? varied : ConnectionOptions.LongestTime;
    }
}

/// <summary>How long a connection may live; <see cref="Timeout.InfiniteTimeSpan"/> for ever.</summary>
/// <param name="MaxIdle">Without calls.</param>
/// <param name="MaxAge">At all.</param>
/// <param name="MaxAgeGrace">Beyond that, for the sake of calls that are under way.</param>
internal readonly record struct ConnectionLifeOptions(TimeSpan MaxIdle, TimeSpan MaxAge, TimeSpan MaxAgeGrace)
{
    /// <summary>For ever.</summary>
    public static ConnectionLifeOptions Endless { get; } = new(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
}
