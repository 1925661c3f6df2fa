using Microsoft.Extensions.Logging;
using MiniGrpc.Conformance.Fuzz.Engine;

namespace MiniGrpc.Conformance.Fuzz.Sessions;

/// <summary>A logger to which an error of ours, as opposed to one of the peer, is a finding.</summary>
internal sealed class FindingLog : ILogger, ILoggerFactory
{
    private string? _finding;

    /// <summary>Throws if such an error was logged.</summary>
    public void Check()
    {
        string? finding = Volatile.Read(ref _finding);
        FuzzException.Require(finding is null, $"logged: {finding}");
    }

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        string line = formatter(state, exception);
        if (logLevel >= LogLevel.Error || line.Contains("internal error", StringComparison.OrdinalIgnoreCase))
        {
            Interlocked.CompareExchange(ref _finding, $"{line} {exception}", null);
        }
    }

    public bool IsEnabled(LogLevel logLevel) => true;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public void Dispose()
    {
    }
}
