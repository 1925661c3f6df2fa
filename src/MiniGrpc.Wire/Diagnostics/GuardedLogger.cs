using System.Diagnostics.Metrics;

using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace MiniGrpc.Wire.Diagnostics;

/// <summary>
/// A logger of the user's, which may throw (a full disk, a test that is over): whatever was about to be said, what is done goes on. An entry
/// that is lost so can't be logged; it is counted.
/// </summary>
/// <remarks>Thread-safe, as loggers are.</remarks>
internal sealed class GuardedLogger : ILogger
{
    private static readonly Counter<long> s_failed = Telemetry.Meter.CreateCounter<long>(
        "minigrpc.log_entries.lost", "{entry}", "Entries that a logger has answered with an exception.");

    private readonly ILogger _logger;

    private GuardedLogger(ILogger logger) => _logger = logger;

    /// <summary>A logger of <paramref name="factory"/>; one that logs nothing without.</summary>
    public static ILogger Create<T>(ILoggerFactory? factory) => factory is null ? NullLogger.Instance : new GuardedLogger(factory.CreateLogger<T>());

    /// <inheritdoc />
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull
    {
        try
        {
            return _logger.BeginScope(state);
        }
        catch (Exception)
        {
            Count();
            return null;
        }
    }

    /// <inheritdoc />
    public bool IsEnabled(LogLevel logLevel)
    {
        try
        {
            return _logger.IsEnabled(logLevel);
        }
        catch (Exception)
        {
            Count();
            return false;
        }
    }

    /// <inheritdoc />
    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        try
        {
            _logger.Log(logLevel, eventId, state, exception, formatter);
        }
        catch (Exception)
        {
            Count();
        }
    }

    private static void Count()
    {
        try
        {
            s_failed.Add(1);
        }
        catch (Exception)
        {
            // Whoever listens to the count throws as well: nobody is left to be told.
        }
    }
}
