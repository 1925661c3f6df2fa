using System.Runtime.CompilerServices;

namespace MiniGrpc.Wire.Connection;

/// <summary>What a connection waits for, or does after a while.</summary>
internal enum Alarm
{
    /// <summary>The peer has not said its part of the connection's start.</summary>
    Handshake,

    /// <summary>Our SETTINGS were not acknowledged.</summary>
    Settings,

    /// <summary>Time to see whether the peer is still there.</summary>
    KeepAlive,

    /// <summary>Time to see whether the peer takes what waits for it.</summary>
    Stall,

    /// <summary>Time to see whether calls still come.</summary>
    Idle,

    /// <summary>Time to see whether the connection has been without calls for as long as it may.</summary>
    MaxIdle,

    /// <summary>The connection is as old as it may be; after that, its calls have had their time.</summary>
    MaxAge,

    /// <summary>The PING of a shutdown was not answered.</summary>
    Shutdown,

    /// <summary>A client was asked to go, has no calls any more, and has not closed.</summary>
    Drained,

    /// <summary>A last GOAWAY has had its time to leave, or the peer its time to close.</summary>
    Linger,
}

/// <summary>
/// All waits of one connection on one timer, which is armed for the one that is due first: an idle connection has several, and a timer
/// of the runtime takes 200 octets.
/// </summary>
/// <remarks>
/// Thread-safe, by the connection's gate. An alarm rings outside of it, once, on the timer's thread; one that is cleared or set anew in
/// that moment may still ring.
/// </remarks>
internal sealed class Alarms(Http2Connection connection)
{
    private const long Never = long.MaxValue;
    private const int Count = (int)Alarm.Linger + 1;

    private Moments _due = Moments.None;
    private long _armedFor = Never;
    private ITimer? _timer;
    private bool _stopped;

    /// <summary>Rings in <paramref name="wait"/> from now instead of when it was to ring before; with <see cref="Timeout.InfiniteTimeSpan"/>, never.</summary>
    public void Set(Alarm alarm, TimeSpan wait)
    {
        lock (connection.Gate)
        {
            long due = wait == Timeout.InfiniteTimeSpan ? Never : connection.Now + (long)Math.Ceiling(wait.TotalMilliseconds);
            _due[(int)alarm] = due;
            ArmFor(due);
        }
    }

    /// <summary>The same, unless it is to ring already: the earlier moment counts.</summary>
    public void SetIfClear(Alarm alarm, TimeSpan wait)
    {
        lock (connection.Gate)
        {
            if (!IsSet(alarm))
            {
                Set(alarm, wait);
            }
        }
    }

    /// <summary>Under the gate: whether it is to ring.</summary>
    public bool IsSet(Alarm alarm) => _due[(int)alarm] != Never;

    /// <summary>Doesn't ring.</summary>
    public void Clear(Alarm alarm)
    {
        lock (connection.Gate)
        {
            _due[(int)alarm] = Never;
        }
    }

    /// <summary>The connection is closed: nothing rings any more, whoever comes late to set it.</summary>
    public void Stop()
    {
        lock (connection.Gate)
        {
            _stopped = true;
            _timer?.Dispose();
        }
    }

    /// <summary>Under the gate: the timer runs until <paramref name="due"/>, unless it rings before that anyway.</summary>
    private void ArmFor(long due)
    {
        if (due >= _armedFor || _stopped)
        {
            return;
        }

        _armedFor = due;
        _timer ??= connection.Options.Time.CreateTimer(static alarms => ((Alarms)alarms!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _timer.Change(TimeSpan.FromMilliseconds(Math.Max(0, due - connection.Now)), Timeout.InfiniteTimeSpan);
    }

    private void OnTimer()
    {
        int ringing = 0;
        lock (connection.Gate)
        {
            if (_stopped)
            {
                return;
            }

            long now = connection.Now;
            long next = Never;
            for (int i = 0; i < Count; i++)
            {
                if (_due[i] <= now)
                {
                    _due[i] = Never;
                    ringing |= 1 << i;
                }

                next = Math.Min(next, _due[i]);
            }

            _armedFor = Never;
            ArmFor(next);
        }

        for (int i = 0; ringing >> i != 0; i++)
        {
            if ((ringing >> i & 1) != 0)
            {
                connection.OnAlarm((Alarm)i);
            }
        }
    }

    /// <summary>When each rings, in milliseconds of the connection's clock.</summary>
    [InlineArray(Count)]
    private struct Moments
    {
        private long _first;

        public static Moments None
        {
            get
            {
                Moments moments = default;
                ((Span<long>)moments).Fill(Never);
                return moments;
            }
        }
    }
}
