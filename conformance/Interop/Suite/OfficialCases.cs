using MiniGrpc.Conformance.Interop.Calls;
using MiniGrpc.Conformance.Interop.Peers;
using MiniGrpc.Conformance.InteropClient.Cases;

namespace MiniGrpc.Conformance.Interop.Suite;

/// <summary>The official interoperability cases, between the peers of .NET.</summary>
public sealed class OfficialCases
{
    /// <summary>The soaks' own limits are for a machine that does nothing else.</summary>
    internal static SoakSettings Soak { get; } = SoakSettings.Default with { MaxLatency = InteropRun.Patience, Timeout = InteropRun.Patience };

    public static TheoryData<SuitePair, string> Rows
    {
        get
        {
            var rows = new TheoryData<SuitePair, string>();
            foreach (SuitePair pair in SuitePair.All)
            {
                foreach (InteropCase test in InteropCase.All)
                {
                    rows.Add(pair, test.Name);
                }
            }

            return rows;
        }
    }

    [Theory]
    [MemberData(nameof(Rows), DisableDiscoveryEnumeration = true)]
    public async Task Case(SuitePair pair, string name)
    {
        await using IRunningServer server = await pair.ServeAsync();
        await using var run = new InteropRun(() => pair.Connect(server.Address), Soak);
        await InteropCase.Find(name)!.RunAsync(run).WithinLimit(name);
    }
}
