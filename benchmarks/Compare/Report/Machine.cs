using System.Globalization;
using System.Runtime.InteropServices;

namespace MiniGrpc.Benchmarks.Compare.Report;

/// <summary>What the figures were made on.</summary>
internal static class Machine
{
    /// <summary>Processor, cores, memory, system, kernel and runtime; GC and cores of each process are told with the processes.</summary>
    public static string Describe() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Processor()}, {Environment.ProcessorCount} cores, {GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 1e9:0} GB of memory, {RuntimeInformation.OSDescription}, kernel {Environment.OSVersion.Version}, {RuntimeInformation.FrameworkDescription}");

    private static string Processor()
    {
        const string Field = "model name";
        string? line = OperatingSystem.IsLinux()
            ? File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith(Field, StringComparison.Ordinal))
            : null;
        return line?.Split(':')[1].Trim() ?? Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER") ?? RuntimeInformation.ProcessArchitecture.ToString();
    }
}
