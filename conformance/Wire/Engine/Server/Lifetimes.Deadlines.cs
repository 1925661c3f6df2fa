using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Wire.Engine.Server;

/// <content>Calls that end by their deadline.</content>
public partial class Lifetimes
{
    /// <summary>The server ends a call at its deadline whatever its handler does, and drops what the handler still wants to say.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Requirement("grpc-cancellation-3")]
    public async Task A_deadline_that_passes_ends_the_call_and_cancels_the_handler(bool headersSent)
    {
        var time = new FakeTimeProvider();
        await using var server = new TestServer(options => options.TimeProvider = time);
        var started = new TaskCompletionSource();
        server.Service.Spread = async (_, responses, context) =>
        {
            if (headersSent)
            {
                await responses.WriteAsync([1]);
            }

            await TestService.UntilCancelledAsync(context, started);
            throw new RpcException(new Status(StatusCode.DataLoss, "too late to say"));
        };
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Spread", "grpc-timeout=500m");
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        await RawPeer.Within(started.Task, "the handler to start");
        Assert.Equal(time.GetUtcNow().UtcDateTime.AddMilliseconds(500), Assert.Single(server.Service.Calls).Deadline);
        time.Advance(TimeSpan.FromMilliseconds(499));
        await client.RoundTripAsync();
        Assert.False(Assert.Single(server.Service.Calls).CancellationToken.IsCancellationRequested);
        time.Advance(TimeSpan.FromMilliseconds(1));
        RawResponse response = await client.ResponseAsync(1);
        Assert.Equal("4", response.Status);
        Assert.Equal(headersSent, response.Trailers is not null);
        Assert.Equal(headersSent, response.Last[":status"] is null);
        await server.AssertQuietAsync(client);
        await client.AssertNothingOnAsync(1);
    }

    [Fact]
    [Requirement("grpc-cancellation-3")]
    [Requirement("grpc-errors-9")]
    public async Task A_deadline_that_passes_before_the_request_is_complete_ends_the_call_without_a_handler()
    {
        var time = new FakeTimeProvider();
        await using var server = new TestServer(options => options.TimeProvider = time);
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Unary", "grpc-timeout=1S");
        await client.DataAsync(1, RawClient.Message(1)[..3]);
        await client.RoundTripAsync();
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("4", (await client.ResponseAsync(1)).Status);
        await client.ExpectResetAsync(1, ErrorCode.NoError);
        await client.DataAsync(1, RawClient.Message(1)[3..], endStream: true);
        await server.AssertQuietAsync(client);
        Assert.Empty(server.Service.Calls);
    }

    [Fact]
    public async Task A_timeout_of_zero_is_over_at_once()
    {
        await using var server = new TestServer(options => options.TimeProvider = new FakeTimeProvider());
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Unary", "grpc-timeout=0n");
        Assert.Equal("4", (await client.ResponseAsync(1)).Status);
        await client.AssertWorksAsync(3);
        await server.AssertQuietAsync(client);
    }

    /// <summary>Timers take 49 days at most: longer deadlines are waited for in parts.</summary>
    [Theory]
    [InlineData("24H", 1)]
    [InlineData("2160H", 90)]
    [InlineData("87600H", 3650)]
    public async Task A_deadline_of_weeks_or_years_passes_when_it_is_due(string timeout, int days)
    {
        var time = new FakeTimeProvider();
        await using var server = new TestServer(options => options.TimeProvider = time);
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Collect", "grpc-timeout=" + timeout);
        await client.RoundTripAsync();
        time.Advance(TimeSpan.FromDays(days) - TimeSpan.FromSeconds(1));
        await client.AssertNothingOnAsync(1);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("4", (await client.ResponseAsync(1)).Status);
        await server.AssertQuietAsync(client);
    }

    [Fact]
    public async Task A_deadline_beyond_what_a_date_holds_is_none()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Unary", "grpc-timeout=99999999H");
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        Assert.Equal("0", (await client.ResponseAsync(1)).Status);
        Assert.Equal(DateTime.MaxValue, Assert.Single(server.Service.Calls).Deadline);
    }

    [Fact]
    public async Task A_call_that_has_ended_leaves_no_timer()
    {
        var time = new TimerCount();
        await using var server = new TestServer(options => options.TimeProvider = time);
        RawClient client = await server.StartAsync();
        await client.AssertWorksAsync(1);
        await server.AssertQuietAsync(client);
        int before = time.Count;
        await client.RequestAsync(3, "Unary", "grpc-timeout=1H");
        await client.RoundTripAsync();
        Assert.Equal(before + 1, time.Count);
        await client.DataAsync(3, RawClient.Message(1), endStream: true);
        Assert.Equal("0", (await client.ResponseAsync(3)).Status);
        await server.AssertQuietAsync(client);
        await Eventually.IsTrueAsync(() => time.Count == before, "the call's timer to be stopped");
    }
}
