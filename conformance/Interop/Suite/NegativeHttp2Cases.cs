using System.Net;
using MiniGrpc.Conformance.Interop.Calls;
using MiniGrpc.Conformance.Interop.Peers;
using MiniGrpc.Conformance.InteropClient;
using MiniGrpc.Conformance.InteropClient.Cases;
using MiniGrpc.Conformance.InteropServer.Http2;

namespace MiniGrpc.Conformance.Interop.Suite;

/// <summary>The official negative HTTP/2 cases: what a client makes of a server that breaks the rules, or bends them.</summary>
public sealed class NegativeHttp2Cases
{
    public static TheoryData<bool, string> Rows
    {
        get
        {
            var rows = new TheoryData<bool, string>();
            foreach (bool isOurs in new[] { true, false })
            {
                foreach (InteropCase test in InteropCase.Http2.Where(test => isOurs || test.Name != SuiteMatrix.NotForHttpClient))
                {
                    rows.Add(isOurs, test.Name);
                }
            }

            return rows;
        }
    }

    /// <summary>The official client shows that a case asks for what is right.</summary>
    [Theory]
    [MemberData(nameof(Rows), DisableDiscoveryEnumeration = true)]
    public async Task Case(bool isOurs, string name)
    {
        await using var server = new Http2CaseServer(Http2Case.All.Single(each => each.Name == name), IPAddress.Loopback, 0);
        var address = ServerAddress.Tcp(server.Port);
        await using var run = new InteropRun(
            () => isOurs ? new MiniChannelUnderTest(address.Uri, null, []) : new GrpcNetChannelUnderTest(address), OfficialCases.Soak);
        await InteropCase.Find(name)!.RunAsync(run).WithinLimit(name);
    }
}
