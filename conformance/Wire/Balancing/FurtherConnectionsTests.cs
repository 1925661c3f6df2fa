using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using MiniGrpc.Client;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Conformance.Wire.Engine.Client;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Balancing;

/// <summary>Several connections to one address, where the channel may have them: a further one when none has a free stream.</summary>
public sealed class FurtherConnectionsTests
{
    private static readonly (SettingId, uint) s_oneCall = (SettingId.MaxConcurrentStreams, 1);
    private static readonly (SettingId, uint) s_twoCalls = (SettingId.MaxConcurrentStreams, 2);

    [Fact]
    [Requirement("9113-9.1-1")]
    [Requirement("9113-9.1-2")]
    public async Task Without_the_option_a_call_beyond_the_limit_waits_for_a_free_stream()
    {
        await using var client = new TestChannel();
        Task<byte[]> first = client.Unary([1]).ResponseAsync;
        RawServer server = await client.StartAsync(s_oneCall);
        await server.RequestAsync(1);
        Task<byte[]> second = client.Unary([2]).ResponseAsync;
        await Settling.OfAsync(client.Channel);
        await server.ReplyAsync(1, 1);
        await server.RequestAsync(3);
        await server.ReplyAsync(3, 2);
        Assert.Equal([1], await RawPeer.Within(first, "the response"));
        Assert.Equal([2], await RawPeer.Within(second, "the response"));
        Assert.Single(client.Channel.Core.Connections);
    }

    [Fact]
    public async Task A_call_that_finds_no_free_stream_gets_another_connection_up_to_the_limit()
    {
        await using TestChannel client = Several(2);
        (RawServer first, Task<byte[]> one, RawServer second, Task<byte[]> two) = await OpenTwoAsync(client);
        Task<byte[]> three = client.Unary([3]).ResponseAsync;
        await Settling.OfAsync(client.Channel);
        Assert.Equal(2, client.Channel.Core.Connections.Count);
        await second.ReplyAsync(1, 2);
        Assert.Equal([2], await RawPeer.Within(two, "the response"));
        await second.RequestAsync(3);
        await second.ReplyAsync(3, 3);
        Assert.Equal([3], await RawPeer.Within(three, "the response"));
        await first.ReplyAsync(1, 1);
        Assert.Equal([1], await RawPeer.Within(one, "the response"));
        Task<byte[]> four = client.Unary([4]).ResponseAsync;
        await first.RequestAsync(3); // the oldest that has a free stream
        await first.ReplyAsync(3, 4);
        Assert.Equal([4], await RawPeer.Within(four, "the response"));
    }

    [Fact]
    public async Task When_one_of_them_is_lost_the_channel_stays_ready_and_whoever_waits_gets_another()
    {
        await using TestChannel client = Several(2);
        (RawServer first, Task<byte[]> one, RawServer second, Task<byte[]> two) = await OpenTwoAsync(client);
        Task<byte[]> three = client.Unary([3]).ResponseAsync;
        await first.DisposeAsync();
        await TestChannel.AssertFailsAsync(one, StatusCode.Unavailable, "");
        RawServer third = await client.StartAsync(s_oneCall);
        await third.RequestAsync(1);
        await third.ReplyAsync(1, 3);
        Assert.Equal([3], await RawPeer.Within(three, "the response"));
        Assert.Equal(ConnectivityState.Ready, client.Channel.State);
        await second.ReplyAsync(1, 2);
        Assert.Equal([2], await RawPeer.Within(two, "the response"));
    }

    [Fact]
    public async Task A_further_connection_that_fails_harms_no_call_and_is_tried_again_after_a_wait()
    {
        var time = new Engine.Client.BackoffClock();
        await using TestChannel client = Several(2, time);
        Task<byte[]> one = client.Unary([1]).ResponseAsync;
        RawServer first = await client.StartAsync(s_oneCall);
        await first.RequestAsync(1);
        Task<byte[]> two = client.Unary([2]).ResponseAsync;
        RawServer failing = await client.AcceptAsync();
        await failing.ExpectPrefaceAsync();
        await failing.DisposeAsync();
        await time.IsArmedAsync();
        await Settling.OfAsync(client.Channel);
        Assert.Equal(ConnectivityState.Ready, client.Channel.State);
        Assert.False(two.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(1.3));
        RawServer second = await client.StartAsync(s_oneCall);
        await second.RequestAsync(1);
        await second.ReplyAsync(1, 2);
        Assert.Equal([2], await RawPeer.Within(two, "the response"));
        await first.ReplyAsync(1, 1);
        Assert.Equal([1], await RawPeer.Within(one, "the response"));
    }

    /// <summary>A connection that was lost before its first call, which is a failed attempt.</summary>
    [Fact]
    public async Task One_that_is_gone_does_not_count()
    {
        var time = new Engine.Client.BackoffClock();
        await using TestChannel client = Several(2, time);
        Task connected = client.Channel.ConnectAsync(TestContext.Current.CancellationToken);
        RawServer gone = await client.StartAsync(s_oneCall);
        await RawPeer.Within(connected, "the channel to connect");
        await gone.DisposeAsync();
        await time.IsArmedAsync();
        await Settling.OfAsync(client.Channel);
        time.Advance(TimeSpan.FromSeconds(1.3));
        (RawServer first, Task<byte[]> one, RawServer second, Task<byte[]> two) = await OpenTwoAsync(client, new CallOptions().WithWaitForReady());
        await first.ReplyAsync(1, 1);
        await second.ReplyAsync(1, 2);
        Assert.Equal([1], await RawPeer.Within(one, "the response"));
        Assert.Equal([2], await RawPeer.Within(two, "the response"));
    }

    [Fact]
    [Requirement("9113-9.1-4")]
    public async Task A_further_connection_without_calls_is_closed_after_a_minute_and_the_first_is_not()
    {
        var time = new FakeTimeProvider();
        await using TestChannel client = Several(2, time);
        (RawServer first, Task<byte[]> one, RawServer second, Task<byte[]> two) = await OpenTwoAsync(client);
        await second.ReplyAsync(1, 2);
        Assert.Equal([2], await RawPeer.Within(two, "the response"));
        await second.RoundTripAsync();
        time.Advance(TimeSpan.FromSeconds(60));
        Assert.Equal(ErrorCode.NoError, (await second.ExpectAsync(FrameType.GoAway)).ErrorCode);
        await second.DisposeAsync();
        await first.ReplyAsync(1, 1);
        Assert.Equal([1], await RawPeer.Within(one, "the response"));
        await first.RoundTripAsync();
        time.Advance(TimeSpan.FromSeconds(60));
        await client.AssertWorksAsync(first, 3);
    }

    /// <summary>The health of the server is watched on one of them, and on another one when that is lost.</summary>
    [Fact]
    public async Task The_watch_of_health_goes_on_with_another_connection()
    {
        await using TestChannel client = Checked();
        (RawServer first, Task<byte[]> one) = await OpenCheckedAsync(client);
        Task<byte[]> two = client.Unary([2]).ResponseAsync;
        RawServer second = await client.StartAsync(s_twoCalls);
        Assert.Equal("/test/Unary", (await second.RequestAsync(1)).Head[":path"]);

        await first.DisposeAsync();
        await TestChannel.AssertFailsAsync(one, StatusCode.Unavailable, "");
        await second.SayServingAsync(3);
        Assert.Equal(ConnectivityState.Ready, client.Channel.State); // all the time: what it said before counts until it says another thing
        await second.ReplyAsync(1, 2);
        Assert.Equal([2], await RawPeer.Within(two, "the response"));
        await client.AssertWorksAsync(second, 5);
    }

    [Fact]
    public async Task The_watch_of_health_stays_where_it_is_when_another_connection_is_lost()
    {
        await using TestChannel client = Checked();
        (RawServer first, Task<byte[]> one) = await OpenCheckedAsync(client);
        Task<byte[]> two = client.Unary([2]).ResponseAsync;
        RawServer second = await client.StartAsync(s_twoCalls);
        await second.RequestAsync(1);
        await second.DisposeAsync();
        await TestChannel.AssertFailsAsync(two, StatusCode.Unavailable, "");
        await Eventually.IsTrueAsync(() => client.Channel.Core.Connections.Count == 1, "the connection to end");
        await Settling.OfAsync(client.Channel);
        Assert.Equal(ConnectivityState.Ready, client.Channel.State);
        await first.ReplyAsync(3, 1);
        Assert.Equal([1], await RawPeer.Within(one, "the response"));
        await client.AssertWorksAsync(first, 5);
    }

    /// <summary>A full connection says nothing of the server's health: it stays in use, so that calls that find it full can have another one.</summary>
    [Fact]
    public async Task The_watch_of_health_waits_for_a_free_stream_of_the_other_connection()
    {
        var time = new BackoffClock();
        await using TestChannel client = Checked(time);
        (RawServer first, Task<byte[]> one) = await OpenCheckedAsync(client);
        Task<byte[]> two = client.Unary([2]).ResponseAsync;
        RawServer second = await client.StartAsync(s_oneCall);
        await second.RequestAsync(1);

        await first.DisposeAsync();
        await TestChannel.AssertFailsAsync(one, StatusCode.Unavailable, "");
        await time.IsArmedAsync(); // until the watch is tried again
        await Settling.OfAsync(client.Channel);
        Assert.Equal(ConnectivityState.Ready, client.Channel.State);
        Task<byte[]> three = client.Unary([3]).ResponseAsync;
        RawServer third = await client.StartAsync(s_oneCall);
        await third.RequestAsync(1);
        await third.ReplyAsync(1, 3);
        Assert.Equal([3], await RawPeer.Within(three, "the response"));

        await second.ReplyAsync(1, 2);
        Assert.Equal([2], await RawPeer.Within(two, "the response"));
        time.Advance(TimeSpan.FromSeconds(1.3));
        await second.SayServingAsync(3);
    }

    /// <summary>It isn't moved to a connection that has not started: there it begins with the first calls.</summary>
    [Fact]
    public async Task The_watch_of_health_begins_anew_when_the_last_connection_is_lost_while_another_starts()
    {
        await using TestChannel client = Checked();
        (RawServer first, Task<byte[]> one) = await OpenCheckedAsync(client);
        Task<byte[]> two = client.Unary([2]).ResponseAsync;
        RawServer second = await client.AcceptAsync();
        await second.ExpectPrefaceAsync();
        await first.DisposeAsync();
        await TestChannel.AssertFailsAsync(one, StatusCode.Unavailable, "");
        await Eventually.IsTrueAsync(() => client.Channel.State != ConnectivityState.Ready, "the connection to be left");
        await second.SendAsync(o => SettingsFrame.Write(o, [s_twoCalls]));
        await second.SendAsync(SettingsFrame.WriteAck);
        await second.ExpectAsync(FrameType.Settings, 0, FrameFlags.Ack);
        await second.SayServingAsync(1);
        Assert.Equal("/test/Unary", (await second.RequestAsync(3)).Head[":path"]);
        await second.ReplyAsync(3, 2);
        Assert.Equal([2], await RawPeer.Within(two, "the response"));
        await client.AssertWorksAsync(second, 5);
    }

    [Fact]
    public void None_is_no_limit() => Assert.Throws<ArgumentOutOfRangeException>(() => new MiniChannelOptions { MaxConnectionsPerAddress = 0 });

    /// <summary>Two connections with a call each, which is all that they take.</summary>
    private static async Task<(RawServer First, Task<byte[]> One, RawServer Second, Task<byte[]> Two)> OpenTwoAsync(TestChannel client, CallOptions options = default)
    {
        Task<byte[]> one = client.Unary([1], options).ResponseAsync;
        RawServer first = await client.StartAsync(s_oneCall);
        await first.RequestAsync(1);
        Task<byte[]> two = client.Unary([2]).ResponseAsync;
        RawServer second = await client.StartAsync(s_oneCall);
        await second.RequestAsync(1);
        return (first, one, second, two);
    }

    /// <summary>Two connections at the most, and the server is asked for its health.</summary>
    private static TestChannel Checked(TimeProvider? time = null) => Several(2, time, options => options.ServiceConfig = new ServiceConfig
    {
        LoadBalancingConfigs = { new RoundRobinConfig() },
        HealthCheckServiceName = "a.B",
    });

    /// <summary>A connection with a call beside the watch of health, which is all that it takes.</summary>
    private static async Task<(RawServer First, Task<byte[]> One)> OpenCheckedAsync(TestChannel client)
    {
        Task<byte[]> one = client.Unary([1]).ResponseAsync;
        RawServer first = await client.StartAsync(s_twoCalls);
        await first.SayServingAsync(1);
        await first.RequestAsync(3);
        return (first, one);
    }

    private static TestChannel Several(int count, TimeProvider? time = null, Action<MiniChannelOptions>? configure = null) => new(options =>
    {
        options.MaxConnectionsPerAddress = count;
        options.TimeProvider = time ?? TimeProvider.System;
        configure?.Invoke(options);
    });
}
