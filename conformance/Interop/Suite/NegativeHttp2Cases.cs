using System.Net;
using MiniGrpc.Client;
using MiniGrpc.Conformance.Interop.Calls;
using MiniGrpc.Conformance.Interop.Peers;
using MiniGrpc.Conformance.InteropClient;
using MiniGrpc.Conformance.InteropClient.Cases;
using MiniGrpc.Conformance.InteropServer.Http2;
using MiniGrpc.Conformance.Wire.Tls;
using MiniGrpc.Server;

namespace MiniGrpc.Conformance.Interop.Suite;

/// <summary>The official negative HTTP/2 cases: what a client makes of a server that breaks the rules, or bends them.</summary>
public sealed class NegativeHttp2Cases
{
    public static TheoryData<bool, Transport, string> Rows
    {
        get
        {
            var rows = new TheoryData<bool, Transport, string>();
            foreach (bool isOurs in new[] { true, false })
            {
                foreach (InteropCase test in InteropCase.Http2.Where(test => isOurs || test.Name != SuiteMatrix.NotForHttpClient))
                {
                    rows.Add(isOurs, Transport.Tcp, test.Name);
                    rows.Add(isOurs, Transport.Tls, test.Name);
                }
            }

            return rows;
        }
    }

    /// <summary>The official client shows that a case asks for what is right.</summary>
    [Theory]
    [MemberData(nameof(Rows), DisableDiscoveryEnumeration = true)]
    public async Task Case(bool isOurs, Transport transport, string name)
    {
        bool tls = transport == Transport.Tls;
        await using var server = new Http2CaseServer(Http2Case.All.Single(each => each.Name == name), IPAddress.Loopback, 0, tls ? new ServerTls(TestCertificates.Server) : null);
        var address = ServerAddress.OnPort(transport, server.Port);
        await using var run = new InteropRun(
            () => isOurs
                ? new MiniChannelUnderTest(address.Uri, tls ? new ClientTls { Roots = TestCertificates.Roots } : null, [])
                : new GrpcNetChannelUnderTest(address),
            OfficialCases.Soak);
        await InteropCase.Find(name)!.RunAsync(run).WithinLimit(name);
    }
}
