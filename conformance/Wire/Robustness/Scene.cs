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
        RawClient bystander = await server.StartAsync();
        await bystander.AssertWorksAsync(1);
        RawClient attacker = await server.StartAsync();
        return (server, attacker, bystander);
    }

    /// <summary>
    /// The attacker was told to calm down and is gone, the log says once for which limit, and the bystander's calls go on.
    /// </summary>
    public static async Task AssertCalmedAsync(TestServer server, RawClient attacker, RawClient bystander, int lastStreamId, string limit)
    {
        RawFrame goAway = await attacker.ExpectGoAwayAndEndAsync(ErrorCode.EnhanceYourCalm, lastStreamId, "10.5");
        Assert.Contains(limit, goAway.DebugData, StringComparison.Ordinal);
        await attacker.DisposeAsync();
        AssertSaidOnce(server.Log, limit);
        await bystander.AssertWorksAsync(3);
        await Eventually.IsTrueAsync(() => server.Core.RunningCalls == 0, "the handlers to return");
    }

    /// <summary>The channel has told its server to calm down, and makes its next call on another connection.</summary>
    public static async Task AssertCalmedAsync(TestChannel channel, RawServer server, string limit)
    {
        RawFrame goAway = await server.ExpectAsync(MiniGrpc.Wire.Http2.Frames.FrameType.GoAway);
        Assert.Equal(ErrorCode.EnhanceYourCalm, goAway.ErrorCode);
        Assert.Contains(limit, goAway.DebugData, StringComparison.Ordinal);
        await server.ExpectEndAsync();
        await server.DisposeAsync();
        using Grpc.Core.AsyncUnaryCall<byte[]> call = channel.Unary([1]);
        RawServer next = await channel.StartAsync();
        await next.RequestAsync(1);
        await next.ReplyAsync(1, 2);
        Assert.Equal([2], await RawPeer.Within(call.ResponseAsync, "the response"));
    }

    /// <summary>The log names a limit in one line.</summary>
    public static void AssertSaidOnce(LogLines log, string limit) =>
        Assert.Single(log.Lines, line => line.StartsWith("Warning", StringComparison.Ordinal) && line.Contains(limit, StringComparison.Ordinal));
}
