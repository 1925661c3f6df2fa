using System.Diagnostics;
using MiniGrpc.Conformance.Interop.Programs;
using MiniGrpc.Conformance.Interop.PythonPrograms;

[assembly: AssemblyFixture(typeof(PythonRuntime))]

namespace MiniGrpc.Conformance.Interop.PythonPrograms;

/// <summary>
/// The system's Python with gRPC's C core, and the code that it generates from protos/ when the first test asks for it.
/// Where there is none, tests are skipped; in CI (environment variable <c>CI=true</c>) they fail.
/// </summary>
public sealed class PythonRuntime : IDisposable
{
    private const string Interpreter = "/usr/bin/python3";
    private const string Missing = $"{Interpreter} with gRPC is needed: apt-get install python3-grpcio python3-grpc-tools";

    private readonly DirectoryInfo _generated = Directory.CreateTempSubdirectory("minigrpc-python-");
    private readonly Lazy<Task<string?>> _problem;

    public PythonRuntime()
    {
        _problem = new Lazy<Task<string?>>(PrepareAsync);
    }

    /// <summary>Starts one of the programs in python/, or ends the test if there is no Python.</summary>
    internal static async Task<PeerProcess> StartAsync(string program, params string[] arguments)
    {
        PythonRuntime? runtime = await TestContext.Current.GetFixture<PythonRuntime>();
        string? problem = await runtime!._problem.Value;
        if (problem is not null)
        {
            Assert.SkipUnless(Environment.GetEnvironmentVariable("CI") == "true", problem);
            Assert.Fail(problem);
        }

        return runtime.Start([PathOf("python", program), .. arguments]);
    }

    public void Dispose() => _generated.Delete(recursive: true);

    /// <summary>Returns what is missing, or null when the programs can run.</summary>
    private async Task<string?> PrepareAsync()
    {
        if (!File.Exists(Interpreter))
        {
            return Missing;
        }

        await using PeerProcess check = Start(["-c", "import grpc, grpc_tools"]);
        if (await check.ExitAsync() != 0)
        {
            return Missing;
        }

        await using PeerProcess protoc = Start(
        [
            "-m", "grpc_tools.protoc", $"--proto_path={PathOf("protos")}",
            $"--python_out={_generated.FullName}", $"--grpc_python_out={_generated.FullName}",
            .. Directory.EnumerateFiles(PathOf("protos"), "*.proto", SearchOption.AllDirectories),
        ]);
        return await protoc.ExitAsync() == 0 ? null : $"protoc failed: {protoc.Errors}";
    }

    private PeerProcess Start(IEnumerable<string> arguments)
    {
        ProcessStartInfo start = new(Interpreter, arguments);
        start.Environment["PYTHONPATH"] = _generated.FullName;
        start.Environment["PYTHONDONTWRITEBYTECODE"] = "1";
        start.Environment["PYTHONIOENCODING"] = "utf-8";
        return new PeerProcess(start);
    }

    private static string PathOf(params string[] parts) => Path.Combine([AppContext.BaseDirectory, .. parts]);
}
