using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace MiniGrpc.Benchmarks.Compare.Orchestration;

/// <summary>
/// A program that is watched from outside, from the moment in which it is started on. The clock starts before the system is
/// asked for a process, so that making one counts for both sides.
/// </summary>
internal sealed class StartedProgram : IAsyncDisposable
{
    // Below those that a system gives out by itself: a client that tries a port nobody listens on may be given it as its own.
    private const int FirstPort = 15_000;
    private const int LastPort = 30_000;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);
    private static int s_nextPort = FirstPort + (Environment.ProcessId % (LastPort - FirstPort));

    private readonly Process _process;

    private StartedProgram(Process process, long started)
    {
        _process = process;
        Started = started;
    }

    /// <summary>In ticks of <see cref="Stopwatch"/>.</summary>
    public long Started { get; }

    /// <summary>What it has used since its start. Linux tells it in steps of 10 ms.</summary>
    public TimeSpan Cpu => _process.TotalProcessorTime;

    public long ResidentBytes
    {
        get
        {
            _process.Refresh();
            return _process.WorkingSet64;
        }
    }

    public static StartedProgram Start(string? cores, BenchmarkOptions options, string file, params IReadOnlyList<string> arguments)
    {
        ProcessStartInfo start = Cores.StartInfo(cores, file, arguments);
        ChildProcess.Prepare(start, options);
        long started = Stopwatch.GetTimestamp();
        Process process = Process.Start(start)!;
        Cores.Pin(process, cores);
        return new StartedProgram(process, started);
    }

    /// <summary>A port that nobody listens on, for a server that is told its port.</summary>
    public static int FreePort()
    {
        while (true)
        {
            s_nextPort = s_nextPort == LastPort ? FirstPort : s_nextPort + 1;
            try
            {
                using var listener = new TcpListener(IPAddress.Loopback, s_nextPort);
                listener.Start();
                return s_nextPort;
            }
            catch (SocketException exception) when (exception.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
                // The next one, then.
            }
        }
    }

    public double MillisecondsUntil(long moment) => Stopwatch.GetElapsedTime(Started, moment).TotalMilliseconds;

    /// <summary>The line that it prints when it has done its work.</summary>
    public async Task<string> ReadLineAsync()
    {
        using var source = new CancellationTokenSource(s_patience);
        try
        {
            return await _process.StandardOutput.ReadLineAsync(source.Token)
                ?? throw new BenchmarkException($"'{_process.StartInfo.FileName} {string.Join(' ', _process.StartInfo.ArgumentList)}' ended without a result.");
        }
        catch (OperationCanceledException)
        {
            throw new BenchmarkException($"'{string.Join(' ', _process.StartInfo.ArgumentList)}' had no result in {s_patience.TotalSeconds} s.");
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }
}
