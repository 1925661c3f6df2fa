using System.Collections.Concurrent;
using System.Globalization;
using MiniGrpc.Client;
using MiniGrpc.Conformance.Interop.Calls;
using MiniGrpc.Conformance.Interop.Peers;
using MiniGrpc.Conformance.Interop.Programs;
using MiniGrpc.Conformance.Interop.PythonPrograms;
using MiniGrpc.Conformance.InteropClient;
using MiniGrpc.Conformance.InteropClient.Cases;
using MiniGrpc.Conformance.Wire.Tls;

namespace MiniGrpc.Conformance.Interop.Suite;

/// <summary>The official cases between MiniGrpc and other languages: Python, which is gRPC's C core, JavaScript on Node.js's own HTTP/2, and grpc-go.</summary>
public sealed class OfficialCasesAcrossLanguages(OfficialCasesAcrossLanguages.Servers servers) : IClassFixture<OfficialCasesAcrossLanguages.Servers>
{
    private const string Python = "Python";
    private const string Node = "Node.js";
    private const string Go = "Go";

    public static TheoryData<string, bool, string> Rows
    {
        get
        {
            var rows = new TheoryData<string, bool, string>();
            foreach (string language in new[] { Python, Node, Go })
            {
                foreach (bool tls in new[] { false, true })
                {
                    foreach (InteropCase test in SuiteMatrix.Find("MiniGrpc", language).Cases(tls))
                    {
                        rows.Add(language, tls, test.Name);
                    }
                }
            }

            return rows;
        }
    }

    [Theory]
    [MemberData(nameof(Rows), DisableDiscoveryEnumeration = true)]
    public async Task Our_client_at_its_server(string language, bool tls, string name)
    {
        ServerAddress address = await servers.FindAsync(language, tls ? Transport.Tls : Transport.Tcp);
        await using var run = new InteropRun(
            () => new MiniChannelUnderTest(address.Uri, tls ? new ClientTls { Roots = TestCertificates.Roots } : null, []), OfficialCases.Soak);
        await InteropCase.Find(name)!.RunAsync(run).WithinLimit(name);
    }

    [Theory]
    [InlineData(Python, false)]
    [InlineData(Python, true)]
    [InlineData(Node, false)]
    [InlineData(Node, true)]
    [InlineData(Go, false)]
    [InlineData(Go, true)]
    public async Task Its_client_at_our_server(string language, bool tls)
    {
        var pair = new SuitePair(ClientIsOurs: true, ServerIsOurs: true, tls ? Transport.Tls : Transport.Tcp);
        await using IRunningServer server = await pair.ServeAsync();
        string[] names = [.. SuiteMatrix.Find(language, "MiniGrpc").Cases(tls).Select(test => test.Name)];
        await using PeerProcess client = await StartAsync(
            language, "client", [$"127.0.0.1:{server.Address.Port}", tls ? PemFolder.Authority : "-", .. names]);
        foreach (string name in names)
        {
            Assert.Equal($"{name} passed", await client.ReadLineAsync($"{name} of the client in {language}"));
        }

        Assert.Equal(0, await client.ExitAsync());
    }

    private static Task<PeerProcess> StartAsync(string language, string role, string[] arguments) => language switch
    {
        Python => PythonRuntime.StartAsync($"interop_{role}.py", arguments),
        Node => NodeRuntime.StartAsync($"interop_{role}.js", arguments),
        Go => GoRuntime.StartAsync(role, arguments),
        _ => throw new ArgumentOutOfRangeException(nameof(language), language, "There is no such program."),
    };

    /// <summary>One server a language and transport, started when the first case asks for it.</summary>
    public sealed class Servers : IAsyncDisposable
    {
        private readonly ConcurrentDictionary<(string, Transport), Lazy<Task<(PeerProcess Process, ServerAddress Address)>>> _servers = [];

        internal async Task<ServerAddress> FindAsync(string language, Transport transport) =>
            (await _servers.GetOrAdd((language, transport), _ => new(() => ServeAsync(language, transport))).Value).Address;

        public async ValueTask DisposeAsync()
        {
            foreach (Lazy<Task<(PeerProcess Process, ServerAddress Address)>> server in _servers.Values.Where(server => server.Value.IsCompletedSuccessfully))
            {
                await (await server.Value).Process.DisposeAsync();
            }
        }

        private static async Task<(PeerProcess Process, ServerAddress Address)> ServeAsync(string language, Transport transport)
        {
            PeerProcess process = await StartAsync(
                language, "server", transport == Transport.Tls ? [PemFolder.ServerCertificate, PemFolder.ServerKey] : []);
            int port = int.Parse(await process.ReadLineAsync(), CultureInfo.InvariantCulture);
            return (process, ServerAddress.OnPort(transport, port));
        }
    }
}
