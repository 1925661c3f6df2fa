using System.ComponentModel;
using System.Diagnostics;

namespace MiniGrpc.Conformance.Interop.Programs;

/// <summary>
/// Node.js with the packages of node/package.json: gRPC in JavaScript, and buf's client, which is Go. Where they are missing, tests are
/// skipped; in CI (environment variable <c>CI=true</c>) they fail.
/// </summary>
internal static class NodeRuntime
{
    private const string Missing =
        "node with gRPC's packages is needed: apt-get install nodejs npm, then npm ci --prefix conformance/Interop/node";

    private static readonly Lazy<Task<string?>> s_problem = new(FindProblemAsync);

    /// <summary>Where the programs and their packages are: in the repository, since npm puts packages beside the programs.</summary>
    private static string Folder { get; } = Path.Combine(Repository.Root, "conformance", "Interop", "node");

    private static string Protos { get; } = Path.Combine(Repository.Root, "protos");

    /// <summary>Starts one of the programs in node/, or ends the test if they can't run.</summary>
    public static async Task<PeerProcess> StartAsync(string program, params IEnumerable<string> arguments)
    {
        await RequireAsync();
        return Start("node", [Path.Combine(Folder, program), .. arguments]);
    }

    /// <summary>Starts <c>buf curl</c>, which speaks gRPC and takes messages as JSON.</summary>
    public static async Task<PeerProcess> StartBufCurlAsync(params IEnumerable<string> arguments)
    {
        await RequireAsync();
        return Start(Path.Combine(Folder, "node_modules", ".bin", "buf"), ["curl", "--protocol", "grpc", "--schema", Protos, .. arguments]);
    }

    /// <summary>Starts <c>buf curl</c> over plaintext, which asks the server for what it needs to know.</summary>
    public static async Task<PeerProcess> StartReflectingBufCurlAsync(params IEnumerable<string> arguments)
    {
        await RequireAsync();
        return Start(Path.Combine(Folder, "node_modules", ".bin", "buf"), ["curl", "--protocol", "grpc", "--http2-prior-knowledge", .. arguments]);
    }

    private static async Task RequireAsync()
    {
        string? problem = await s_problem.Value;
        if (problem is not null)
        {
            Assert.SkipUnless(Environment.GetEnvironmentVariable("CI") == "true", problem);
            Assert.Fail(problem);
        }
    }

    private static async Task<string?> FindProblemAsync()
    {
        try
        {
            await using PeerProcess check = Start("node", ["-e", "require(process.argv[1]); require(process.argv[2])", PackageOf("@grpc/grpc-js"), PackageOf("@grpc/proto-loader")]);
            return await check.ExitAsync() == 0 ? null : Missing;
        }
        catch (Win32Exception)
        {
            return Missing; // there is no node at all
        }
    }

    private static string PackageOf(string name) => Path.Combine(Folder, "node_modules", name);

    private static PeerProcess Start(string file, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(file, arguments);
        start.Environment["PROTOS"] = Protos;
        return new PeerProcess(start);
    }
}
