using System.Globalization;
using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Conformance.Interop.Calls;
using MiniGrpc.Conformance.Interop.Peers;
using MiniGrpc.Conformance.Interop.Programs;
using MiniGrpc.Conformance.Interop.PythonPrograms;
using MiniGrpc.Conformance.InteropClient;
using MiniGrpc.Conformance.InteropClient.Cases;
using MiniGrpc.Conformance.Wire.Tls;

namespace MiniGrpc.Conformance.Interop.Suite;

/// <summary>The official cases between MiniGrpc and gRPC's C core, by way of Python.</summary>
public sealed class OfficialCasesWithPython
{
    public static TheoryData<bool, string> Rows => SuiteMatrix.Find("MiniGrpc", "Python").Rows;

    [Theory]
    [MemberData(nameof(Rows), DisableDiscoveryEnumeration = true)]
    public async Task Our_client_at_its_server(bool tls, string name)
    {
        await using PeerProcess server = await PythonRuntime.StartAsync("interop_server.py", tls ? [PemFolder.ServerCertificate, PemFolder.ServerKey] : []);
        int port = int.Parse(await server.ReadLineAsync(), CultureInfo.InvariantCulture);
        ServerAddress address = ServerAddress.OnPort(tls ? Transport.Tls : Transport.Tcp, port);
        await using var run = new InteropRun(
            () => new MiniChannelUnderTest(address.Uri, tls ? new ClientTls { Roots = TestCertificates.Roots } : null, new Metadata()), OfficialCases.Soak);
        await InteropCase.Find(name)!.RunAsync(run).WithinLimit(name);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Its_client_at_our_server(bool tls)
    {
        var pair = new SuitePair(ClientIsOurs: true, ServerIsOurs: true, tls ? Transport.Tls : Transport.Tcp);
        await using IRunningServer server = await pair.ServeAsync();
        string[] names = [.. SuiteMatrix.Find("Python", "MiniGrpc").Cases.Select(test => test.Name)];
        await using PeerProcess client = await PythonRuntime.StartAsync(
            "interop_client.py", [$"127.0.0.1:{server.Address.Port}", tls ? PemFolder.Authority : "-", .. names]);
        foreach (string name in names)
        {
            Assert.Equal($"{name} passed", await client.ReadLineAsync());
        }

        Assert.Equal(0, await client.ExitAsync());
    }
}
