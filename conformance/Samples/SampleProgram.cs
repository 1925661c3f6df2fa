using System.Diagnostics;
using System.Globalization;
using System.Reflection;

namespace MiniGrpc.Conformance.Samples;

/// <summary>A sample as its user starts it: a process of its own, known by what it prints and how it ends.</summary>
internal sealed class SampleProgram : IAsyncDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly Task<string> _errors;
    private readonly List<string> _lines = [];

    private SampleProgram(Process process)
    {
        _process = process;
        _errors = process.StandardError.ReadToEndAsync();
    }

    /// <summary>Where the samples' sources are.</summary>
    public static string SamplesDirectory => Metadata("SamplesDirectory");

    /// <summary>Starts the program of <c>samples/{path}</c>, such as <c>Unary/Server</c>.</summary>
    public static SampleProgram Start(string path, params string[] arguments)
    {
        string program = Path.Combine(SamplesDirectory, path, Metadata("OutputDirectory"), path.Replace('/', '.') + ".dll");
        return new SampleProgram(Process.Start(new ProcessStartInfo("dotnet", [program, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!);
    }

    /// <summary>Starts a server on a free port and waits until it says where it listens.</summary>
    public static async Task<(SampleProgram Server, string Address)> StartServerAsync(string path)
    {
        SampleProgram server = Start(path, "http://127.0.0.1:0");
        string first = await server.ReadLineAsync();
        Assert.Matches(@"^Listening on http://127\.0\.0\.1:\d+ \(Ctrl\+C stops\)$", first);
        return (server, first.Split(' ')[2]);
    }

    /// <summary>The next line of its output.</summary>
    public async Task<string> ReadLineAsync()
    {
        string? line = await _process.StandardOutput.ReadLineAsync().WaitAsync(s_limit);
        if (line is null)
        {
            Assert.Fail($"The program ended: {await _errors}");
        }

        _lines.Add(line);
        return line;
    }

    /// <summary>Asks it to stop, as a service manager does.</summary>
    public async Task<Ended> TerminateAsync()
    {
        using Process kill = Process.Start("kill", ["-TERM", _process.Id.ToString(CultureInfo.InvariantCulture)]);
        return await EndAsync();
    }

    /// <summary>Waits until it has ended by itself.</summary>
    public async Task<Ended> EndAsync()
    {
        string rest = await _process.StandardOutput.ReadToEndAsync().WaitAsync(s_limit);
        _lines.AddRange(rest.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        await _process.WaitForExitAsync().WaitAsync(s_limit);
        return new Ended(_process.ExitCode, _lines, await _errors);
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private static string Metadata(string key) => typeof(SampleProgram).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(attribute => attribute.Key == key).Value!;
}

/// <summary>How a program ended, and what it had printed.</summary>
internal sealed record Ended(int ExitCode, IReadOnlyList<string> Lines, string Errors);
