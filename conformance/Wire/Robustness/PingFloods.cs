using Microsoft.Extensions.Time.Testing;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Server;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Robustness;

/// <summary>Row 7: keepalive PINGs that come too often (gRFC A8, server enforcement).</summary>
public class PingFloods
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public async Task The_fourth_ping_in_a_row_is_one_too_many()
    {
        (TestServer server, RawClient attacker, RawClient bystander) = await Scene.ServerAsync(Configure());
        await using TestServer dispose = server;
        for (int i = 0; i < 3; i++)
        {
            await PingAsync(attacker);
        }

        await attacker.SendAsync(o => PingFrame.Write(o, isAck: false, 4));
        RawFrame goAway = await attacker.ExpectAsync(FrameType.GoAway);
        Assert.Equal(ErrorCode.EnhanceYourCalm, goAway.ErrorCode);
        Assert.Equal("too_many_pings", goAway.DebugData);
        await attacker.ExpectEndAsync();
        await attacker.DisposeAsync();
        Scene.AssertSaidOnce(server.Log, nameof(AbuseLimits.PingStrikes));
        server.HeldAtTheEnd!.Value.AssertWithin(Held.Usual);
        await bystander.AssertWorksAsync(3);
    }

    /// <summary>With a call under way a client may ping once in 5 minutes; without one, once in 2 hours.</summary>
    [Theory]
    [InlineData(true, false, 5)]
    [InlineData(false, true, 5)]
    [InlineData(false, false, 120)]
    public async Task Pings_at_the_interval_that_is_allowed_are_answered(bool call, bool permitted, int minutes)
    {
        await using TestServer server = Serve(permitted);
        RawClient client = await server.StartAsync();
        if (call)
        {
            await client.RequestAsync(1, "Collect");
        }

        for (int i = 0; i < 10; i++)
        {
            await PingAsync(client);
            _time.Advance(TimeSpan.FromMinutes(minutes));
        }
    }

    [Theory]
    [InlineData(true, false, 5)]
    [InlineData(false, true, 5)]
    [InlineData(false, false, 120)]
    public async Task Pings_just_below_the_interval_are_strikes(bool call, bool permitted, int minutes)
    {
        await using TestServer server = Serve(permitted);
        RawClient client = await server.StartAsync();
        if (call)
        {
            await client.RequestAsync(1, "Collect");
        }

        for (int i = 0; i < 3; i++)
        {
            await PingAsync(client);
            _time.Advance(TimeSpan.FromMinutes(minutes) - TimeSpan.FromMilliseconds(1));
        }

        await client.SendAsync(o => PingFrame.Write(o, isAck: false, 4));
        Assert.Equal("too_many_pings", (await client.ExpectAsync(FrameType.GoAway)).DebugData);
    }

    /// <summary>Clients ping to measure the round trip while responses come in: those are not held against them.</summary>
    [Fact]
    public async Task A_response_takes_the_strikes_back()
    {
        await using TestServer server = Serve();
        RawClient client = await server.StartAsync();
        for (int i = 0; i < 10; i++)
        {
            await PingAsync(client);
            await PingAsync(client);
            await client.AssertWorksAsync((2 * i) + 1);
        }
    }

    private static async Task PingAsync(RawClient client)
    {
        await client.SendAsync(o => PingFrame.Write(o, isAck: false, 1));
        await client.ExpectAsync(FrameType.Ping, 0, FrameFlags.Ack);
    }

    private TestServer Serve(bool permitted = false) => new(Configure(permitted));

    private Action<GrpcServerOptions> Configure(bool permitted = false) => options =>
    {
        options.TimeProvider = _time;
        options.KeepAlivePingDelay = Timeout.InfiniteTimeSpan;
        options.AbuseLimits = new AbuseLimits { PermitPingsWithoutCalls = permitted };
    };
}
