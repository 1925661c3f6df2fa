using Microsoft.Extensions.Time.Testing;
using MiniGrpc.Server;
using MiniGrpc.Wire.Connection;

namespace MiniGrpc.Conformance.Wire.Engine.Reuse;

/// <summary>How long streams wait for a call that doesn't come: a connection that was busy once must not be large for ever.</summary>
public class IdleStreams
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero));

    [Fact]
    public async Task A_server_keeps_no_stream_for_longer_than_twice_the_patience()
    {
        await using var server = new TestServer(options => options.TimeProvider = _time);
        RawClient client = await server.StartAsync();
        ServerStream stream = await server.CallAsync(client, 1);
        _time.Advance(StreamPool.Patience);
        Assert.Same(stream, Assert.Single(server.Pooled())); // a call has come since the alarm was set
        _time.Advance(StreamPool.Patience);
        Assert.Empty(server.Pooled());
        await server.CallAsync(client, 3);
        Assert.Single(server.Pooled());
        _time.Advance(2 * StreamPool.Patience);
        _time.Advance(StreamPool.Patience);
        Assert.Empty(server.Pooled());
        await server.AssertQuietAsync(client);
    }

    [Fact]
    public async Task A_client_keeps_none_either()
    {
        await using var client = new TestChannel(options => options.TimeProvider = _time);
        RawServer server = await client.ConnectAsync();
        await client.CallAsync(server, 1);
        Assert.Single(client.Pooled());
        _time.Advance(StreamPool.Patience);
        _time.Advance(StreamPool.Patience);
        Assert.Empty(client.Pooled());
        await client.CallAsync(server, 3);
        Assert.Single(client.Pooled());
    }

    [Fact]
    public async Task Streams_stay_for_as_long_as_calls_come()
    {
        await using var server = new TestServer(options => options.TimeProvider = _time);
        RawClient client = await server.StartAsync();
        ServerStream stream = await server.CallAsync(client, 1);
        for (int id = 3; id < 21; id += 2)
        {
            _time.Advance(StreamPool.Patience);
            Assert.Same(stream, await server.CallAsync(client, id));
        }
    }

    /// <summary>The last call may be a long one: its stream comes back when others have long been given up.</summary>
    [Fact]
    public async Task The_stream_of_a_long_call_goes_as_well()
    {
        await using var server = new TestServer(options => options.TimeProvider = _time);
        var release = new TaskCompletionSource();
        server.Service.Unary = async (request, _) =>
        {
            await release.Task;
            return request;
        };
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Unary");
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        await client.RoundTripAsync();
        for (int i = 0; i < 5; i++)
        {
            _time.Advance(StreamPool.Patience);
        }

        release.SetResult();
        Assert.Equal("0", (await client.ResponseAsync(1)).Status);
        await server.PooledAsync(client);
        _time.Advance(StreamPool.Patience);
        Assert.Empty(server.Pooled());
    }

    /// <summary>Nothing comes in after the last call: what the receive loop would collect with the next frame is collected for it.</summary>
    [Fact]
    public async Task Streams_that_ended_last_are_collected_without_another_frame()
    {
        await using var server = new TestServer(options => options.TimeProvider = _time);
        RawClient client = await server.StartAsync();
        Http2Connection connection = Assert.Single(Internals.ConnectionsOf(server.Core));
        for (int id = 1; id < 401; id += 2)
        {
            await client.RequestAsync(id, "Unary");
            await client.DataAsync(id, RawClient.Message(1), endStream: true);
        }

        for (int id = 1; id < 401; id += 2)
        {
            Assert.Equal("0", (await client.ResponseAsync(id)).Status);
        }

        await Eventually.IsTrueAsync(() => server.Core.RunningCalls == 0, "the handlers to return");
        Assert.NotEmpty(Internals.StreamsOf(connection));
        _time.Advance(StreamPool.Patience);
        _time.Advance(StreamPool.Patience);
        Assert.Empty(Internals.StreamsOf(connection));
        Assert.Empty(server.Pooled());
        Assert.Empty(Internals.KnownBlocksOf(connection));
        await server.CallAsync(client, 401);
        await server.AssertQuietAsync(client);
    }

    /// <summary>The trace is called by the receive loop while it is at work: then its half is not to be had.</summary>
    [Fact]
    public async Task Nobody_tidies_up_while_the_receive_loop_is_at_work()
    {
        Http2Connection? connection = null;
        int asked = 0;
        int had = 0;
        await using var server = new TestServer(options => options.WireTrace = frame =>
        {
            if (!frame.IsSent && Volatile.Read(ref connection) is { } ours)
            {
                Interlocked.Increment(ref asked);
                Interlocked.Add(ref had, ours.TryTidyInbound() ? 1 : 0);
            }
        });
        RawClient client = await server.StartAsync();
        await client.RoundTripAsync();
        Volatile.Write(ref connection, Assert.Single(Internals.ConnectionsOf(server.Core)));
        await server.CallAsync(client, 1);
        Assert.NotEqual(0, asked);
        Assert.Equal(0, had);
        await Eventually.IsTrueAsync(() => connection.TryTidyInbound(), "the loop to wait");
    }

    /// <summary>Whoever tidies up and the receive loop take turns: calls that come in that moment are served as ever.</summary>
    [Fact]
    public async Task Tidying_up_beside_calls_harms_none()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        Http2Connection connection = Assert.Single(Internals.ConnectionsOf(server.Core));
        using var stop = new CancellationTokenSource();
        Task<long> tidier = Task.Run(() =>
        {
            long times = 0;
            while (!stop.IsCancellationRequested)
            {
                times += connection.TryTidyInbound() ? 1 : 0;
            }

            return times;
        });
        for (int id = 1; id < 2001; id += 2)
        {
            await client.RequestAsync(id, "Unary", id % 3 == 0 ? "key=value" : "other=value");
            await client.DataAsync(id, RawClient.Message(1), endStream: true);
            Assert.Equal("0", (await client.ResponseAsync(id)).Status);
        }

        await stop.CancelAsync();
        Assert.NotEqual(0, await tidier);
        await server.AssertQuietAsync(client);
    }

    /// <summary>An idle connection that woke up every few seconds would cost a server with many of them its sleep.</summary>
    [Fact]
    public async Task An_idle_connection_is_not_looked_at_any_more()
    {
        await using var server = new TestServer(options =>
        {
            options.TimeProvider = _time;
            options.KeepAlivePingDelay = Timeout.InfiniteTimeSpan;
            options.HandshakeTimeout = Timeout.InfiniteTimeSpan;
            options.AbuseLimits = options.AbuseLimits with { SettingsTimeout = Timeout.InfiniteTimeSpan, SendStallTimeout = Timeout.InfiniteTimeSpan };
        });
        RawClient client = await server.StartAsync();
        await server.CallAsync(client, 1);
        Http2Connection connection = Assert.Single(Internals.ConnectionsOf(server.Core));
        Assert.Equal(1, Internals.AlarmsSetOn(connection));
        _time.Advance(StreamPool.Patience);
        Assert.Equal(1, Internals.AlarmsSetOn(connection));
        _time.Advance(StreamPool.Patience);
        Assert.Equal(0, Internals.AlarmsSetOn(connection));
    }
}
