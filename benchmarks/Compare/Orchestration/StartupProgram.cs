using System.Diagnostics;
using System.Runtime.InteropServices;

namespace MiniGrpc.Benchmarks.Compare.Orchestration;

/// <summary>
/// One of the small programs in <c>benchmarks/Startup</c>: what a user would start, without all that this program carries
/// beside the servers and clients.
/// </summary>
internal sealed record StartupProgram(string Name)
{
    /// <summary>Where files of this kind go that are made on the way.</summary>
    public static string Artifacts => Directory.CreateDirectory(Path.Combine(Repository.Root, "artifacts", "startup")).FullName;

    private string Project => Path.Combine(Repository.Root, "benchmarks", "Startup", Name);

    /// <summary>Builds it for the JIT, if it isn't up to date.</summary>
    /// <returns>The program's file.</returns>
    public Task<string> BuildAsync() => MakeAsync("jit", "build");

    /// <summary>Compiles it to native code, if it isn't up to date.</summary>
    /// <returns>The program's file.</returns>
    public Task<string> PublishNativeAsync() => MakeAsync("native", "publish", "-p:PublishAot=true");

    /// <summary>
    /// Publishes it with ReadyToRun, if it isn't up to date: its code and that of its libraries is compiled ahead, as the framework's is
    /// (ASP.NET Core included), and the JIT compiles again what turns out to be busy.
    /// </summary>
    /// <returns>The program's file.</returns>
    public Task<string> PublishReadyToRunAsync() =>
        MakeAsync("ready-to-run", "publish", "-p:PublishReadyToRun=true", "-r", RuntimeInformation.RuntimeIdentifier, "--no-self-contained");

    private async Task<string> MakeAsync(string kind, string verb, params IEnumerable<string> more)
    {
        string folder = Path.Combine(Artifacts, kind, Name);
        var start = new ProcessStartInfo("dotnet", [verb, Project, "-c", "Release", "-v", "quiet", "-o", folder, .. more]) { RedirectStandardOutput = true };
        using Process process = Process.Start(start)!;
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0
            ? Path.Combine(folder, OperatingSystem.IsWindows() ? $"{Name}.exe" : Name)
            : throw new BenchmarkException($"'dotnet {verb}' of {Name} failed:\n{output.Trim()}");
    }
}
