using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Server;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Wire.Robustness;

/// <summary>What every attack has in common: who is attacked, who looks on, and what must be true afterwards.</summary>
internal static class Scene
{
    /// <summary>A server that is attacked by one client while another one is connected, which must never notice.</summary>
    public static async Task<(TestServer Server, RawClient Attacker, RawClient Bystander)> ServerAsync(Action<GrpcServerOptions>? configure = null)
    {
        var server = new TestServer(configure);
        server.MeasureAtTheEnd();
        RawClient bystander = await server.StartAsync();
        await bystander.AssertWorksAsync(1);
        await bystander.RoundTripAsync(); // with the next frame, its stream leaves the table: what is held from here on is the attacker's
        RawClient attacker = await server.StartAsync();
        return (server, attacker, bystander);
    }

    /// <summary>
    /// The attacker was told to calm down and is gone, the log says once for which limit, and the bystander's calls go on. At its height
    /// the flood made the server hold no more than <paramref name="bound"/>, which is <see cref="Held.Usual"/> if the test states no other.
    /// </summary>
    public static async Task AssertCalmedAsync(
        TestServer server, RawClient attacker, RawClient bystander, int lastStreamId, string limit, Held? bound = null)
    {
        RawFrame goAway = await attacker.ExpectGoAwayAndEndAsync(ErrorCode.EnhanceYourCalm, lastStreamId, "10.5");
        Assert.Contains(limit, goAway.DebugData, StringComparison.Ordinal);
        await attacker.DisposeAsync();
        AssertSaidOnce(server.Log, limit);
        server.HeldAtTheEnd!.Value.AssertWithin(bound ?? Held.Usual);
        await bystander.AssertWorksAsync(3);
        await Eventually.IsTrueAsync(() => server.Core.RunningCalls == 0, "the handlers to return");
        Assert.DoesNotContain(server.Service.Calls, Internals.HoldsMemory);
    }

    /// <summary>The log names a limit in one line.</summary>
    public static void AssertSaidOnce(LogLines log, string limit) => Assert.StartsWith(
        "Warning", Assert.Single(log.Lines, line => line.Contains(limit, StringComparison.Ordinal)), StringComparison.Ordinal);
}
