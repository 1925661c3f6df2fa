using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Conformance.Wire.Engine.Client;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Conformance.Wire.Configuration;

/// <summary>What a method config says holds for calls whose options say nothing, and the stricter of the two where both say something.</summary>
public class MethodConfigCallTests
{
    private readonly BackoffClock _time = new();

    [Theory]
    [InlineData("true", false)]
    [InlineData("false", true)]
    [InlineData("true", true)]
    public async Task A_method_or_a_call_waits_for_ready(string inConfig, bool inCall)
    {
        var endPoint = new MemoryEndPoint();
        await using MiniChannel channel = Channel(endPoint, $"\"waitForReady\": {inConfig}");
        Task<byte[]> call = Ask(channel, new CallOptions().WithWaitForReady(inCall));
        await _time.IsArmedAsync(); // nobody listens
        await Balancing.Settling.OfAsync(channel);
        await Eventually.CallsWaitAsync(channel, 1);
        await using ITransportListener listener = endPoint.Listen();
        _time.Advance(TimeSpan.FromSeconds(1.3));
        await AnswerAsync(listener, call);
    }

    [Fact]
    public async Task Neither_waits_for_ready()
    {
        await using MiniChannel channel = Channel(new MemoryEndPoint(), "\"waitForReady\": false");
        await TestChannel.AssertFailsAsync(Ask(channel, default), StatusCode.Unavailable, "no server listens there");
    }

    /// <summary>A deadline of the call's own, in seconds, and what its timeout by the config, 3 s, makes of it.</summary>
    [Theory]
    [InlineData(null, 3)]
    [InlineData(2, 2)]
    [InlineData(5, 3)]
    public async Task The_sooner_of_deadline_and_timeout_ends_a_call(int? ownSeconds, int seconds)
    {
        var endPoint = new MemoryEndPoint();
        await using ITransportListener listener = endPoint.Listen();
        await using MiniChannel channel = Channel(endPoint, "\"timeout\": \"3s\"");
        DateTime? own = ownSeconds is { } given ? _time.GetUtcNow().UtcDateTime.AddSeconds(given) : null;
        Task<byte[]> call = Ask(channel, new CallOptions(deadline: own));
        await using RawServer server = new((await RawPeer.Within(listener.AcceptAsync().AsTask(), "the channel to connect"))!);
        await server.StartAsync();
        (RawFrame head, _) = await server.RequestAsync(1);
        Assert.Null(MiniGrpc.Wire.Grpc.GrpcTimeout.Parse(System.Text.Encoding.ASCII.GetBytes(head["grpc-timeout"]!), out TimeSpan told));
        Assert.Equal(TimeSpan.FromSeconds(seconds), told);
        _time.Advance(TimeSpan.FromSeconds(seconds) - TimeSpan.FromMilliseconds(1));
        await server.RoundTripAsync();
        Assert.False(call.IsCompleted);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        await TestChannel.AssertFailsAsync(call, StatusCode.DeadlineExceeded, "");
    }

    private MiniChannel Channel(MemoryEndPoint endPoint, string fields) => MiniChannel.ForEndPoint(endPoint, new MiniChannelOptions
    {
        TimeProvider = _time,
        ServiceConfig = ServiceConfig.Parse($$"""{"methodConfig": [{"name": [{}], {{fields}}}]}"""),
    });

    private static Task<byte[]> Ask(MiniChannel channel, CallOptions options) =>
        channel.CreateCallInvoker().AsyncUnaryCall(TestService.UnaryMethod, null, options, [1]).ResponseAsync;

    private static async Task AnswerAsync(ITransportListener listener, Task<byte[]> call)
    {
        await using RawServer server = new((await RawPeer.Within(listener.AcceptAsync().AsTask(), "the channel to connect"))!);
        await server.StartAsync();
        await server.RequestAsync(1);
        await server.ReplyAsync(1, 7);
        Assert.Equal([7], await RawPeer.Within(call, "the response"));
    }
}
