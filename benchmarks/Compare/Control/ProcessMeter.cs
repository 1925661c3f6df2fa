using System.Diagnostics;
using System.Runtime;

namespace MiniGrpc.Benchmarks.Compare.Control;

/// <summary>What this process uses. Each process measures itself, since only it can see its allocations.</summary>
internal sealed class ProcessMeter
{
    private long _timestamp;
    private TimeSpan _cpu;
    private long _allocated;
    private long _compiled;

    public void Begin()
    {
        // A precise count stops every thread for a moment. It comes before the clocks here and after them in End, so that it
        // costs the window nothing.
        _allocated = GC.GetTotalAllocatedBytes(precise: true);
        _compiled = JitInfo.GetCompiledMethodCount();
        _cpu = Environment.CpuUsage.TotalTime;
        _timestamp = Stopwatch.GetTimestamp();
    }

    public Window End()
    {
        // User and system time of all threads, to the microsecond; what the kernel does for a process in its system calls is
        // part of what its HTTP/2 costs.
        double seconds = Stopwatch.GetElapsedTime(_timestamp).TotalSeconds;
        TimeSpan cpu = Environment.CpuUsage.TotalTime - _cpu;
        long allocated = GC.GetTotalAllocatedBytes(precise: true) - _allocated;
        using var process = Process.GetCurrentProcess();
        return new Window
        {
            Seconds = seconds,
            CpuSeconds = cpu.TotalSeconds,
            AllocatedBytes = allocated,
            PeakResidentBytes = process.PeakWorkingSet64,
            CompiledMethods = JitInfo.GetCompiledMethodCount() - _compiled,
        };
    }
}
