using System.Diagnostics;
using System.Globalization;

namespace MiniGrpc.Benchmarks.Compare.Orchestration;

/// <summary>
/// How many files, and so sockets, a process may have open. The runtime raises its own limit as far as it may when it starts;
/// beyond that takes privileges, which are tried. Processes that are started afterwards inherit the limit.
/// </summary>
internal static class OpenFiles
{
    // Assemblies, pipes and what else a process has open beside its connections.
    private const int Others = 500;

    private const int Unknown = int.MaxValue;

    /// <summary>How many of <paramref name="wanted"/> sockets a process may have.</summary>
    public static int AllowFor(int wanted)
    {
        if (Limit() < wanted + Others)
        {
            TryRaise(wanted + Others);
        }

        return Math.Clamp(Limit() - Others, 0, wanted);
    }

    /// <summary>The limit of this process, as Linux tells it.</summary>
    public static int Limit()
    {
        const string Field = "Max open files";
        if (!OperatingSystem.IsLinux())
        {
            return Unknown;
        }

        string line = File.ReadLines("/proc/self/limits").First(line => line.StartsWith(Field, StringComparison.Ordinal));
        string soft = line[Field.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0];
        return int.TryParse(soft, CultureInfo.InvariantCulture, out int limit) ? limit : Unknown;
    }

    private static void TryRaise(int limit)
    {
        if (Cores.FindProgram("prlimit") is string program)
        {
            using var process = Process.Start(program, string.Create(CultureInfo.InvariantCulture, $"--pid {Environment.ProcessId} --nofile={limit}:{limit}"));
            process.WaitForExit();
        }
    }
}
