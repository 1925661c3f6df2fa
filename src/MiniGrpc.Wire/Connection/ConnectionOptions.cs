using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Wire.Connection;

/// <summary>What a connection is given by the server or channel that owns it.</summary>
internal sealed record ConnectionOptions
{
    /// <summary>What the peer is allowed.</summary>
    public ReceiveLimits Limits { get; init; } = new();

    /// <summary>Where handlers, wakes and flushes run.</summary>
    public IDispatcher Dispatcher { get; init; } = ThreadPoolDispatcher.Instance;

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Where the cause of every connection's end is said.</summary>
    public ILogger Logger { get; init; } = NullLogger.Instance;

    /// <summary>Takes the frames of the wire trace; null for no trace.</summary>
    public Action<WireFrame>? WireTrace { get; init; }

    /// <summary>When to ask whether the peer is still there.</summary>
    public KeepAliveOptions KeepAlive { get; init; } = KeepAliveOptions.Off;

    /// <summary>How long it may live.</summary>
    public ConnectionLifeOptions Life { get; init; } = ConnectionLifeOptions.Endless;

    /// <summary>What varies its age.</summary>
    public Random Random { get; init; } = Random.Shared;

    /// <summary>Whether the streams of calls that have ended serve other calls (<see cref="StreamPool"/>). Tests compare the two.</summary>
    public bool ReusesStreams { get; init; } = true;

    /// <summary>How long a peer may take to say its part of the connection's start before it is closed.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>What timers take at the most.</summary>
    public static TimeSpan LongestTime => TimeSpan.FromMilliseconds(uint.MaxValue - 1);

    /// <summary>Refuses what would only show when the first connection is made.</summary>
    /// <exception cref="InvalidOperationException">A time or a limit is out of range; the message names it.</exception>
    public ConnectionOptions Validated()
    {
        CheckTime(HandshakeTimeout, nameof(HandshakeTimeout));
        CheckTime(KeepAlive.Delay, "KeepAlivePingDelay");
        CheckTime(KeepAlive.Timeout, "KeepAlivePingTimeout");
        CheckTime(Life.MaxIdle, "MaxConnectionIdle");
        CheckTime(Life.MaxAge, "MaxConnectionAge");
        CheckTime(Life.MaxAgeGrace, "MaxConnectionAgeGrace");
        CheckTime(Limits.Abuse.SettingsTimeout, nameof(AbuseLimits.SettingsTimeout));
        CheckTime(Limits.Abuse.SendStallTimeout, nameof(AbuseLimits.SendStallTimeout));
        CheckRate(Limits.Abuse.StreamResets, nameof(AbuseLimits.StreamResets));
        CheckRate(Limits.Abuse.UselessFrames, nameof(AbuseLimits.UselessFrames));
        CheckRate(Limits.Abuse.EmptyDataFrames, nameof(AbuseLimits.EmptyDataFrames));
        CheckRate(Limits.Abuse.SettingsFrames, nameof(AbuseLimits.SettingsFrames));
        CheckNumber(Limits.Abuse.SettingsEntries, nameof(AbuseLimits.SettingsEntries));
        CheckNumber(Limits.Abuse.HeaderBlockFrames, nameof(AbuseLimits.HeaderBlockFrames));
        CheckNumber(Limits.Abuse.WindowUpdatesPerDataFrame, nameof(AbuseLimits.WindowUpdatesPerDataFrame));
        CheckNumber(Limits.Abuse.UnsentAnswers, nameof(AbuseLimits.UnsentAnswers));
        CheckNumber(Limits.Abuse.SendQueue, nameof(AbuseLimits.SendQueue));
        CheckNumber(Limits.Abuse.ReceiveQueue, nameof(AbuseLimits.ReceiveQueue));
        CheckNumber(Limits.Abuse.PingStrikes, nameof(AbuseLimits.PingStrikes));
        return this;
    }

    /// <summary>Refuses a time that no timer takes.</summary>
    /// <exception cref="InvalidOperationException">It is out of range.</exception>
    public static void CheckTime(TimeSpan time, string name)
    {
        if (time != Timeout.InfiniteTimeSpan && (time <= TimeSpan.Zero || time > LongestTime))
        {
            throw new InvalidOperationException(
                $"{name} is {time}; expected more than nothing and at most {LongestTime.TotalDays:0} days, or Timeout.InfiniteTimeSpan for no limit.");
        }
    }

    /// <summary>Refuses a limit that could only be meant for none.</summary>
    /// <exception cref="InvalidOperationException">It is negative.</exception>
    public static void CheckSize(int? size, string name)
    {
        if (size < 0)
        {
            throw new InvalidOperationException($"{name} is {size}; expected a number that is not negative, or null for no limit.");
        }
    }

    private static void CheckNumber(int number, string name)
    {
        if (number < 0)
        {
            throw new InvalidOperationException($"{name} is {number}; expected a number that is not negative.");
        }
    }

    private static void CheckRate(RateLimit rate, string name)
    {
        if (rate.Burst < 0 || rate.PerSecond < 0)
        {
            throw new InvalidOperationException($"{name} is {rate}; expected numbers that are not negative.");
        }
    }
}
