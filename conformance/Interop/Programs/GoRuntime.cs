using System.Diagnostics;
using MiniGrpc.Conformance.Interop.Programs;

[assembly: AssemblyFixture(typeof(GoRuntime))]

namespace MiniGrpc.Conformance.Interop.Programs;

/// <summary>
/// The system's Go with gRPC's own library, as Debian packages them, and the program in go/, built when the first test asks for it.
/// Where there is none, tests are skipped; in CI (environment variable <c>CI=true</c>) they fail.
/// </summary>
public sealed class GoRuntime : IDisposable
{
    /// <summary>Where Debian has the libraries' source. Nothing is downloaded: Go's modules are off.</summary>
    private const string Libraries = "/usr/share/gocode";

    private const string ProtoCompiler = "/usr/bin/protoc";
    private const string Go = "/usr/bin/go";
    private const string Missing = "Go with gRPC is needed: apt-get install golang-go golang-google-grpc-dev protobuf-compiler";

    /// <summary>The folder of protos/, and the package that is generated from it.</summary>
    private const string Interop = "interop";

    /// <summary>The first build compiles the libraries, too, which takes a quarter of a minute of both of a small machine's processors.</summary>
    private static readonly TimeSpan s_buildLimit = TimeSpan.FromMinutes(5);

    private readonly DirectoryInfo _workspace = Directory.CreateTempSubdirectory("minigrpc-go-");
    private readonly Lazy<Task<string?>> _problem;

    public GoRuntime()
    {
        _problem = new Lazy<Task<string?>>(BuildAsync);
    }

    private string Program => PathOf("program");

    /// <summary>Starts the program of go/ as "server" or "client", or ends the test if it can't be built.</summary>
    internal static async Task<PeerProcess> StartAsync(string role, params IEnumerable<string> arguments)
    {
        GoRuntime? runtime = await TestContext.Current.GetFixture<GoRuntime>();
        string? problem = await runtime!._problem.Value;
        if (problem is not null)
        {
            Assert.SkipUnless(Environment.GetEnvironmentVariable("CI") == "true", problem);
            Assert.Fail(problem);
        }

        return new PeerProcess(new ProcessStartInfo(runtime.Program, [role, .. arguments]));
    }

    public void Dispose() => _workspace.Delete(recursive: true);

    /// <summary>Returns what is missing or has failed, or null when the program can run.</summary>
    private async Task<string?> BuildAsync()
    {
        if (!File.Exists(Go) || !File.Exists(ProtoCompiler) || !Directory.Exists($"{Libraries}/src/google.golang.org/grpc"))
        {
            return Missing;
        }

        string protos = Path.Combine(Repository.Root, "protos");
        string[] files = [.. Directory.EnumerateFiles(Path.Combine(protos, Interop), "*.proto").Select(file => Path.GetRelativePath(protos, file))];
        string packages = string.Concat(files.Select(file => $",M{file}={Interop}"));
        string plugin = PathOf("protoc-gen-go");
        return await RunAsync(Go, ["build", "-o", plugin, "github.com/golang/protobuf/protoc-gen-go"])
            ?? await RunAsync(ProtoCompiler,
            [
                $"--plugin=protoc-gen-go={plugin}", $"--proto_path={protos}",
                $"--go_out=plugins=grpc{packages}:{_workspace.CreateSubdirectory("src").FullName}", .. files,
            ])
            ?? await RunAsync(Go, ["build", "-o", Program, "."]);
    }

    private async Task<string?> RunAsync(string file, IEnumerable<string> arguments)
    {
        ProcessStartInfo start = new(file, arguments) { WorkingDirectory = Path.Combine(Repository.Root, "conformance", "Interop", "go") };
        start.Environment["GO111MODULE"] = "off";
        start.Environment["GOPATH"] = $"{_workspace.FullName}:{Libraries}";
        await using PeerProcess process = new(start);
        return await process.ExitAsync(s_buildLimit) == 0 ? null : $"{Path.GetFileName(file)} failed: {process.Errors}";
    }

    private string PathOf(string name) => Path.Combine(_workspace.FullName, name);
}
