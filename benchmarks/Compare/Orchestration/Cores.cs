using System.Diagnostics;
using System.Globalization;

namespace MiniGrpc.Benchmarks.Compare.Orchestration;

/// <summary>
/// Which cores the two processes run on. Server and client each get their own, so that neither one's cost shows up as the
/// other's delay, and the scheduler can't treat one pair better than the next.
/// </summary>
/// <remarks>
/// On Linux the affinity is set by taskset before the program starts: the runtime then sees one processor and sizes its thread
/// pool and its heaps for it. Set afterwards it would pin the main thread alone.
/// </remarks>
internal sealed record Cores(string? Server, string? Client)
{
    private const string Anywhere = "any";

    /// <summary>What was asked for, or else two cores that don't share an execution unit where there are such.</summary>
    public static Cores Choose(string? server, string? client)
    {
        if (!OperatingSystem.IsLinux() || FindProgram("taskset") is null)
        {
            return new Cores(server, client);
        }

        List<int> allowed = Parse(Mine());
        int first = allowed[0];
        List<int> siblings = SiblingsOf(first);
        int second = allowed.FindLast(core => !siblings.Contains(core)) is int other and > 0 ? other : allowed[^1];
        return new Cores(server ?? Format(first), client ?? Format(second));
    }

    /// <summary>The cores that this process may use, by the system's account.</summary>
    public static string Mine()
    {
        const string Field = "Cpus_allowed_list:";
        if (OperatingSystem.IsLinux())
        {
            return File.ReadLines("/proc/self/status").First(line => line.StartsWith(Field, StringComparison.Ordinal))[Field.Length..].Trim();
        }

        using var process = Process.GetCurrentProcess();
        return OperatingSystem.IsWindows() ? $"mask 0x{process.ProcessorAffinity:x}" : Anywhere;
    }

    /// <summary>A start of <paramref name="file"/> on <paramref name="cores"/>, as far as the system has a way to say so before it runs.</summary>
    public static ProcessStartInfo StartInfo(string? cores, string file, IEnumerable<string> arguments)
    {
        if (cores is null || !OperatingSystem.IsLinux())
        {
            return new ProcessStartInfo(file, arguments);
        }

        return new ProcessStartInfo("taskset", ["--cpu-list", cores, file, .. arguments]);
    }

    /// <summary>Windows has no taskset; the mask of a process that has started holds for all its threads there.</summary>
    public static void Pin(Process process, string? cores)
    {
        if (cores is not null && OperatingSystem.IsWindows())
        {
            process.ProcessorAffinity = (nint)Parse(cores).Aggregate(0L, (mask, core) => mask | (1L << core));
        }
    }

    public static string? FindProgram(string name)
    {
        string[] folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        return folders.Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
    }

    private static List<int> SiblingsOf(int core)
    {
        string path = $"/sys/devices/system/cpu/cpu{Format(core)}/topology/thread_siblings_list";
        return File.Exists(path) ? Parse(File.ReadAllText(path).Trim()) : [core];
    }

    /// <summary>Reads a list as taskset takes it: <c>0,2-4</c>.</summary>
    private static List<int> Parse(string list)
    {
        List<int> cores = [];
        foreach (string range in list.Split(','))
        {
            string[] ends = range.Split('-');
            int first = int.Parse(ends[0], CultureInfo.InvariantCulture);
            int last = int.Parse(ends[^1], CultureInfo.InvariantCulture);
            cores.AddRange(Enumerable.Range(first, last - first + 1));
        }

        return cores;
    }

    private static string Format(int core) => core.ToString(CultureInfo.InvariantCulture);
}
