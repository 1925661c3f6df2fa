using Microsoft.Extensions.Time.Testing;
using MiniGrpc.Server;
using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.Server;

/// <summary>gRFC A9: how long a server keeps a connection that has no calls, and one that is old.</summary>
public class ConnectionLives
{
    private static readonly TimeSpan s_minute = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_moment = TimeSpan.FromMilliseconds(1);

    private readonly FakeTimeProvider _time = new();

    [Fact]
    public async Task By_default_a_connection_lives_for_ever()
    {
        await using TestServer server = Serve(options => options.KeepAlivePingDelay = Timeout.InfiniteTimeSpan);
        RawClient client = await StartAsync(server);
        _time.Advance(TimeSpan.FromDays(400));
        await client.AssertWorksAsync(1);
        Assert.False(client.HasKept(FrameType.GoAway));
    }

    [Fact]
    public async Task A_connection_without_calls_is_asked_to_go_when_its_time_has_passed()
    {
        await using TestServer server = Serve(options => options.MaxConnectionIdle = s_minute);
        RawClient client = await StartAsync(server);
        await AdvanceToTheMomentBeforeAsync(client, s_minute);
        _time.Advance(s_moment);
        await LeaveAsync(client, "max_idle", lastStreamId: 0);
        await server.AssertEndedAsync();
    }

    /// <summary>A client that is slow to start isn't idle: that is for the time limit of the start.</summary>
    [Fact]
    public async Task A_connection_s_life_begins_with_its_preface()
    {
        await using TestServer server = Serve(options =>
        {
            options.MaxConnectionIdle = s_minute;
            options.MaxConnectionAge = s_minute;
            options.HandshakeTimeout = Timeout.InfiniteTimeSpan;
        });
        RawClient client = server.Connect();
        _time.Advance(10 * s_minute);
        await client.StartAsync();
        await client.AssertWorksAsync(1);
        Assert.False(client.HasKept(FrameType.GoAway));
    }

    /// <summary>A9: idleness counts from the moment at which the last call has ended.</summary>
    [Fact]
    public async Task A_connection_with_a_call_is_not_idle_and_becomes_so_when_that_ends()
    {
        await using TestServer server = Serve(options => options.MaxConnectionIdle = s_minute);
        RawClient client = await StartAsync(server);
        await client.RequestAsync(1, "Collect");
        await client.RequestAsync(3, "Collect");
        await client.RoundTripAsync();
        _time.Advance(3.5 * s_minute);
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        Assert.Equal("0", (await client.ResponseAsync(1)).Status);
        _time.Advance(s_minute);
        await client.DataAsync(3, RawClient.Message(1), endStream: true);
        Assert.Equal("0", (await client.ResponseAsync(3)).Status);
        await AdvanceToTheMomentBeforeAsync(client, s_minute);
        _time.Advance(s_moment);
        await LeaveAsync(client, "max_idle", lastStreamId: 3);
    }

    /// <summary>A call may also end by the client's frame alone.</summary>
    [Fact]
    public async Task A_call_that_its_client_resets_has_ended_too()
    {
        await using TestServer server = Serve(options => options.MaxConnectionIdle = s_minute);
        RawClient client = await StartAsync(server);
        await client.RequestAsync(1, "Collect");
        await client.RoundTripAsync();
        _time.Advance(s_minute / 2);
        await client.SendAsync(o => RstStreamFrame.Write(o, 1, ErrorCode.Cancel));
        await AdvanceToTheMomentBeforeAsync(client, s_minute);
        _time.Advance(s_moment);
        await LeaveAsync(client, "max_idle", lastStreamId: 1);
    }

    /// <summary>RFC 9113 section 6.8: a client's call may be on its way while the server decides.</summary>
    [Fact]
    public async Task A_call_that_was_on_its_way_when_the_connection_was_given_up_is_served()
    {
        await using TestServer server = Serve(options => options.MaxConnectionIdle = s_minute);
        RawClient client = await StartAsync(server);
        _time.Advance(s_minute);
        RawFrame first = await client.ExpectAsync(FrameType.GoAway);
        Assert.Equal(int.MaxValue, first.Number);
        await client.AssertWorksAsync(1);
        await client.AnswerAsync(await client.ExpectAsync(FrameType.Ping));
        Assert.Equal(1, (await client.ExpectAsync(FrameType.GoAway)).Number);
        await client.CloseOutputAsync();
        await client.ExpectEndAsync();
    }

    /// <summary>A9: the age varies by 10 % either way.</summary>
    [Theory]
    [InlineData(0, 54)]
    [InlineData(0.5, 60)]
    [InlineData(1, 66)]
    public async Task An_old_connection_is_asked_to_go_and_its_calls_are_finished(double drawn, int seconds)
    {
        await using TestServer server = Serve(options => options.MaxConnectionAge = s_minute, drawn);
        RawClient client = await StartAsync(server);
        await client.RequestAsync(1, "Collect");
        await AdvanceToTheMomentBeforeAsync(client, TimeSpan.FromSeconds(seconds));
        _time.Advance(s_moment);
        RawFrame first = await client.ExpectAsync(FrameType.GoAway);
        Assert.Equal((int.MaxValue, ErrorCode.NoError, "max_age"), (first.Number, first.ErrorCode, first.DebugData));
        await client.AnswerAsync(await client.ExpectAsync(FrameType.Ping));
        RawFrame second = await client.ExpectAsync(FrameType.GoAway);
        Assert.Equal((1, ErrorCode.NoError, "max_age"), (second.Number, second.ErrorCode, second.DebugData));

        // Without a grace it has all the time it needs.
        _time.Advance(TimeSpan.FromDays(40));
        await client.RoundTripAsync();
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        Assert.Equal("0", (await client.ResponseAsync(1)).Status);
        await client.CloseOutputAsync();
        await client.ExpectEndAsync();
        await server.AssertEndedAsync();
    }

    /// <summary>A9: calls that are left when the grace is over are cancelled.</summary>
    [Fact]
    public async Task Calls_that_outlast_the_grace_are_cut_off()
    {
        var cancelled = new TaskCompletionSource();
        await using TestServer server = Serve(options =>
        {
            options.MaxConnectionAge = s_minute;
            options.MaxConnectionAgeGrace = s_minute / 4;
        });
        server.Service.Unary = async (request, context) =>
        {
            await TestService.UntilCancelledAsync(context);
            cancelled.SetResult();
            return request;
        };
        RawClient client = await StartAsync(server);
        await client.RequestAsync(1, "Unary");
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        await client.RoundTripAsync();
        _time.Advance(s_minute);
        await client.ExpectAsync(FrameType.GoAway);
        await client.AnswerAsync(await client.ExpectAsync(FrameType.Ping));
        await client.ExpectAsync(FrameType.GoAway);
        _time.Advance((s_minute / 4) - s_moment);
        await client.RoundTripAsync();
        Assert.False(cancelled.Task.IsCompleted);
        _time.Advance(s_moment);
        await RawPeer.Within(cancelled.Task, "the handler's token to be cancelled");
        await client.ExpectEndAsync();
        await server.AssertEndedAsync();
        Assert.Contains(
            "Information: Connection ended: the calls of memory:test did not end within MaxConnectionAgeGrace (15 s)", server.Log.Lines);
    }

    /// <summary>What the longest time that a timer takes becomes when it is varied must be one that it takes.</summary>
    [Fact]
    public async Task The_longest_age_can_be_varied()
    {
        await using TestServer server = Serve(
            options =>
            {
                options.MaxConnectionAge = ConnectionOptions.LongestTime;
                options.KeepAlivePingDelay = Timeout.InfiniteTimeSpan;
            },
            drawn: 1);
        RawClient client = await StartAsync(server);
        await client.AssertWorksAsync(1);
        _time.Advance(ConnectionOptions.LongestTime);
        await LeaveAsync(client, "max_age", lastStreamId: 1);
    }

    private TestServer Serve(Action<GrpcServerOptions> configure, double drawn = 0.5) => new(options =>
    {
        options.TimeProvider = _time;
        options.Connection = new ConnectionOptions { Random = new Drawn(drawn) };
        configure(options);
    });

    /// <summary>A connection whose start is over at both ends, so that nothing of it is left to run into a time limit.</summary>
    private static async Task<RawClient> StartAsync(TestServer server)
    {
        RawClient client = await server.StartAsync();
        await client.RoundTripAsync();
        return client;
    }

    private async Task AdvanceToTheMomentBeforeAsync(RawClient client, TimeSpan limit)
    {
        await client.RoundTripAsync();
        _time.Advance(limit - s_moment);
        await client.RoundTripAsync();
        Assert.False(client.HasKept(FrameType.GoAway));
    }

    private static async Task LeaveAsync(RawClient client, string reason, int lastStreamId)
    {
        RawFrame first = await client.ExpectAsync(FrameType.GoAway);
        Assert.Equal((int.MaxValue, ErrorCode.NoError, reason), (first.Number, first.ErrorCode, first.DebugData));
        await client.AnswerAsync(await client.ExpectAsync(FrameType.Ping));
        RawFrame second = await client.ExpectAsync(FrameType.GoAway);
        Assert.Equal((lastStreamId, ErrorCode.NoError, reason), (second.Number, second.ErrorCode, second.DebugData));
        await client.CloseOutputAsync();
        await client.ExpectEndAsync();
    }

    private sealed class Drawn(double number) : Random
    {
        public override double NextDouble() => number;
    }
}
